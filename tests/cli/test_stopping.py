"""Whole commands that are killed, stopped, run out of disk or run twice: one artefact, one sha256.

Processes come from a server that has imported what training needs, so that a test of a dozen of
them takes seconds.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.cli.little import write_little
from tests.conftest import SENTENCES

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["xlit.cli", "xlit.training.checkpoint", "xlit.tasks.stored", "xlit.retrieval.evaluate"]
)
FLAGS = ("--recipe", "jiant", "--precision", "float32", "--lr", "1e-3", "--batch-size", "4")
COMMANDS = {
    "single": ("train-target", "./little.toml", *FLAGS, "--epochs", "4", "--eval-every", "7"),
    "several": ("train-intermediate", "./little.toml", "./twin.toml", *FLAGS, "--epochs", "2"),
    "with_mlm": (
        *("train-intermediate", "./little.toml", "--with-mlm", "texts/*.txt"),
        *(*FLAGS, "--epochs", "2"),
    ),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The little task, its twin, and texts."""
    card = write_little(tmp_path)
    twin = card.read_text(encoding="utf-8").replace('name = "little"', 'name = "twin"')
    (tmp_path / "twin.toml").write_text(twin, encoding="utf-8")
    (tmp_path / "texts").mkdir()
    lines = [f"{SENTENCES[n % 12]} {n}\n" for n in range(60)]
    (tmp_path / "texts/de.txt").write_text("".join(lines), encoding="utf-8")
    return tmp_path


def _xlit(home: Path, arguments: tuple[str, ...], stdin: str = "") -> None:
    """The command line, in a process of its own."""
    from xlit import __main__ as entry

    os.chdir(home)
    os.environ["XLIT_DATA"] = str(home)
    sys.argv = ["xlit", *arguments]
    (home / "in").write_text(stdin)
    sys.stdin = (home / "in").open()
    with (home / "out").open("a") as out, (home / "err").open("a") as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115  # until the end
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115  # until the end
        entry.main()


def start(home: Path, encoder: Path, command: str, *more: str) -> BaseProcess:
    return launch(home, *COMMANDS[command], "--from", str(encoder), *more)


def launch(home: Path, *arguments: str, stdin: str = "") -> BaseProcess:
    process = CONTEXT.Process(target=_xlit, args=(home, arguments, stdin))
    process.start()
    return process


def finish(process: BaseProcess) -> int | None:
    try:
        process.join(120)
    finally:
        process.kill()  # nothing of a failed test goes on
    return process.exitcode


def finished(home: Path, encoder: Path, command: str, *more: str) -> Path:
    """The one checkpoint there is when the command has ended well."""
    assert finish(start(home, encoder, command, *more)) == 0, (home / "err").read_text()
    (path,) = (home / "runs/checkpoint").iterdir()
    return path


def published(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """The sha256 of the model, and what the log says of every step."""
    manifest = json.loads((path / "manifest.json").read_text())
    assert not any(name.startswith("saves") for name in manifest["files"])
    assert not (path / "saves").exists()
    lines = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    steps = [
        {key: line[key] for key in ("step", "task", "rows", "loss")}
        for line in lines
        if "loss" in line
    ]
    return manifest["files"]["model.safetensors"]["sha256"], steps


def log_lines(home: Path) -> int:
    (log, *_) = [*home.glob("runs/checkpoint/.*.partial/log.jsonl"), None]
    return log.read_bytes().count(b"\n") if log is not None else 0


def when_at(process: BaseProcess, home: Path, lines: int) -> None:
    """Wait until the log has so many lines, or the process is over."""
    while process.is_alive() and log_lines(home) < lines:
        process.join(0.005)


@pytest.mark.parametrize("command", COMMANDS)
def test_kill_9_at_any_moment_changes_no_bit(command: str, home: Path, tiny_encoder: Path) -> None:
    expected = published(finished(home, tiny_encoder, command))
    shutil.rmtree(home / "runs")
    moment = random.Random()  # any: the claim is of all of them
    for _ in range(3):
        process = start(home, tiny_encoder, command, "--save-every", "1")
        when_at(process, home, log_lines(home) + 3)
        process.join(moment.uniform(0, 0.05))
        process.kill()
        process.join()
    path = finished(home, tiny_encoder, command, "--save-every", "1")
    assert published(path) == expected
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["results"]["continued"]  # as many as there were kills after a new save


def test_a_signal_stops_all_lines_of_a_pipe_and_the_same_pipe_goes_on(
    home: Path, tiny_encoder: Path
) -> None:
    sizes = launch(home, "subsample", "./little.toml", "--sizes", "16,20")
    assert finish(sizes) == 0
    lines = (home / "out").read_text()
    (home / "out").unlink()
    command = ("train-intermediate", *FLAGS, "--epochs", "6", "--from", str(tiny_encoder))
    process = launch(home, *command, stdin=lines)
    when_at(process, home, 3)
    os.kill(process.pid or 0, signal.SIGUSR1)
    assert finish(process) == 75
    said = (home / "err").read_text().splitlines()
    assert len(said) == 1 and said[0].startswith("xlit: stopped by SIGUSR1 (step ")
    assert (home / "out").read_text() == ""
    assert len(list((home / "runs/checkpoint").iterdir())) == 1
    assert finish(launch(home, *command, stdin=lines)) == 0
    assert (home / "err").read_text().count("going on from step") == 1
    assert len((home / "out").read_text().splitlines()) == 2


def test_who_waits_for_a_run_that_is_killed_goes_on_with_it(home: Path, tiny_encoder: Path) -> None:
    first = start(home, tiny_encoder, "single", "--save-every", "1")
    when_at(first, home, 5)
    second = start(home, tiny_encoder, "single", "-v")
    while "waiting" not in (home / "err").read_text():
        second.join(0.01)
    first.kill()
    assert finish(second) == 0
    assert "going on from step" in (home / "err").read_text()
    assert len(list((home / "runs/checkpoint").iterdir())) == 1


def test_a_save_belongs_to_the_id_and_not_to_a_name_or_an_interval(
    home: Path, tiny_encoder: Path
) -> None:
    process = start(home, tiny_encoder, "single", "--name", "one", "--save-every", "2")
    when_at(process, home, 5)
    process.kill()
    process.join()
    path = finished(home, tiny_encoder, "single", "--name", "two", "--save-every", "3m")
    assert path.name.startswith("two.")
    manifest = json.loads((path / "manifest.json").read_text())
    assert len(manifest["results"]["continued"]) == 1
    assert "save_every" not in json.dumps([manifest["settings"], manifest["changed"]])
    assert "--save-every" not in manifest["command"]


@pytest.mark.parametrize("every", ["0", "-1", "ten", "1.5", "5d", "", "nan"])
def test_an_interval_that_is_none_is_wrong_usage(cli: Cli, every: str) -> None:
    ran = cli(*COMMANDS["single"], "--from", "x", f"--save-every={every}")
    assert ran.code == 2 and "neither a number of steps (500) nor a time" in ran.err


def test_a_full_disk_keeps_the_save_before_and_room_is_all_that_is_needed(
    home: Path, tiny_encoder: Path
) -> None:
    small = home / "runs"
    small.mkdir()
    made = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)], capture_output=True
    )
    if not made or made.returncode:
        pytest.skip("no tmpfs can be mounted here: that needs root")
    process = start(home, tiny_encoder, "single", "--save-every", "1")
    try:
        when_at(process, home, 4)
        ballast = small / "ballast"
        with ballast.open("wb", buffering=0) as stream:
            while process.is_alive():  # what the run frees is taken from it
                with suppress(OSError):
                    stream.write(bytes(1 << 14))
        assert finish(process) == 75
        said = (home / "err").read_text()
        assert len(said.splitlines()) == 1
        assert "no space left" in said and "goes on from its last save" in said
        (partial,) = small.glob("checkpoint/.*.partial")
        assert not [*partial.glob("saves/.*")]
        saved = [path.name for path in partial.glob("saves/step-*")]
        assert saved
        ballast.unlink()
        path = finished(home, tiny_encoder, "single")
        manifest = json.loads((path / "manifest.json").read_text())
        assert [f"step-{step:08d}" for step in manifest["results"]["continued"]] == saved[-1:]
        full = published(path)
    finally:
        process.kill()  # nothing of a failed test holds it
        process.join()
        subprocess.run(["umount", str(small)], check=True)
    assert published(finished(home, tiny_encoder, "single")) == full
