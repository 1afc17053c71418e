"""Several processes on one checkpoint, as torchrun starts them. Two of them, with gloo."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.cli.conftest import Cli
from tests.cli.little import CARD

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
FLAGS = ["--batch-size", "7", "--precision", "float32"]

# on the second process the first run fails at its second step, the second goes well, and in the
# third the process is gone
FAILS = """
import os, signal
from xlit.__main__ import main
from xlit.errors import DamagedError
from xlit.training.step import Gradients

add, runs = Gradients.add, []

def failing(self, task, features, step):
    runs.append(step) if step == 0 else None
    if os.environ["RANK"] == "1" and step == 1:
        if len(runs) == 1:
            raise DamagedError("a file of this machine is damaged")
        if len(runs) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
    return add(self, task, features, step)

Gradients.add = failing
main()
"""


def start(arguments: Sequence[object], **streams: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*TORCHRUN, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that the processes of a failed test end with it
        **streams,
    )


def finish(process: subprocess.Popen[str], stdin: str = "") -> tuple[list[str], list[str]]:
    """The lines of stdout and stderr; those of torchrun itself and its traceback among them."""
    try:
        out, err = process.communicate(stdin, timeout=200)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return out.splitlines(), err.splitlines()


@pytest.fixture
def still(tiny_encoder: Path, tmp_path: Path) -> Path:
    """The tiny encoder without dropout: then what is computed does not depend on who does it."""
    copy = tmp_path / "still"
    copy.mkdir()
    for file in tiny_encoder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    config = json.loads((copy / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (copy / "config.json").write_text(json.dumps(config))
    return copy


def logged(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The steps and the evaluations of a run."""
    lines = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    return [x for x in lines if "loss" in x], [x for x in lines if "dev" in x]


def test_two_processes_take_the_steps_of_one_and_make_one_artefact(cli: Cli, still: Path) -> None:
    other = CARD.replace('"little"', '"other"').replace('"no", "yes"', '"yes", "no"')
    (cli.home / "other.toml").write_text(other, encoding="utf-8")
    # 24 rows in batches of 7: the odd one has 3; a step of one task leaves the other's head alone
    command = ["train-intermediate", "./little.toml", "./other.toml", "--from", still, *FLAGS]
    command += ["--epochs", "2", "--lr", "0.001"]
    alone = Path(cli(*command).paths[0])
    process = start(["-m", "xlit", *command])
    out, err = finish(process)
    assert process.returncode == 0, err
    assert len(out) == 1 and out[0] != str(alone)
    assert sorted(Path("runs/checkpoint").iterdir()) == sorted([alone, Path(out[0])])
    manifest = json.loads((Path(out[0]) / "manifest.json").read_text())
    assert manifest["settings"]["processes"] == 2
    steps, evaluations = logged(alone)
    shared_steps, shared_evaluations = logged(Path(out[0]))
    assert len(steps) == len(shared_steps) > 10
    for one, two in zip(steps, shared_steps, strict=True):
        assert (one["task"], one["rows"]) == (two["task"], two["rows"])
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert two["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=1e-4)
        for counted in ("tokens", "computed", "padded"):
            assert two[counted] == one[counted]
    for line in (*evaluations, *shared_evaluations):
        del line["seconds"]
    assert shared_evaluations == evaluations
    for file in ("model.safetensors", "heads/little.safetensors", "heads/other.safetensors"):
        tensors = load_file(alone / file)
        for name, value in load_file(Path(out[0]) / file).items():
            torch.testing.assert_close(value, tensors[name], rtol=1e-4, atol=1e-5)


def test_a_failure_of_one_process_is_one_of_all_and_lines_go_on(
    cli: Cli, tiny_encoder: Path
) -> None:
    (cli.home / "fails.py").write_text(FAILS, encoding="utf-8")
    data, more = (cli("subsample", "./little.toml", "--size", n).out.strip() for n in (16, 20))
    command = ["train-target", "./little.toml", "--data", "-", "--from", tiny_encoder, *FLAGS]
    process = start(["fails.py", *command, "--epochs", "2"], stdin=subprocess.PIPE)
    out, err = finish(process, "\n".join(["nowhere", data, data, data, more, data]) + "\n")
    assert process.returncode != 0
    assert len(out) == 2 and out[0] == out[1]
    assert [path.name for path in Path("runs/checkpoint").iterdir()] == [Path(out[0]).name]
    told = [line for line in err if line.startswith(("xlit:", "already done", "rank 1"))]
    assert told[0] == "xlit: stdin: 'nowhere' is not the path of an artefact"
    assert told[1] == "xlit: rank 1: a file of this machine is damaged"
    assert told[2] == f"already done: {out[0]}"
    assert (
        len(told) <= 4
    )  # the first process says that the other is gone, if it hears of it in time


def test_sigterm_stops_all_after_the_same_step_and_they_go_on_to_the_same_bits(
    cli: Cli, tiny_encoder: Path
) -> None:
    command = ["-m", "xlit", "train-target", "./little.toml", "--from", tiny_encoder, *FLAGS]
    process = start([*command, "--epochs", "30"])
    try:
        deadline = time.monotonic() + 120
        while not any(
            file.stat().st_size for file in cli.home.glob("runs/checkpoint/.*.partial/log.jsonl")
        ):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
    finally:
        out, err = finish(process)
    assert process.returncode != 0 and out == []
    (told,) = [line for line in err if line.startswith("xlit: stopped by SIGTERM")]
    assert not list(cli.home.glob("runs/checkpoint/little*"))
    ended = []
    for more in ([], ["--runs", "undisturbed"]):
        process = start([*command, "--epochs", "30", *more])
        out, err = finish(process)
        assert process.returncode == 0 and len(out) == 1
        ended.append(Path(out[0]))
        if not more:
            (went_on,) = [line for line in err if line.startswith("going on from step")]
    number = went_on.split()[-1]
    assert f"step {number} is saved" in told
    steps, _ = logged(ended[0])
    assert [line["step"] for line in steps] == list(range(1, 121)) and 0 < int(number) < 120
    stopped, undisturbed = (load_file(path / "model.safetensors") for path in ended)
    assert stopped.keys() == undisturbed.keys()
    assert [n for n in stopped if not torch.equal(stopped[n], undisturbed[n])] == []


def test_a_stage_that_is_one_process_says_so_before_any_work(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", "0")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    monkeypatch.setattr(os, "_exit", sys.exit)  # of several processes each leaves at once
    ran = cli("eval-xtreme", "somewhere")
    assert (ran.code, ran.out) == (2, "")
    assert "eval-xtreme is one process" in ran.err
