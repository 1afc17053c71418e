"""Whole processes and real pipes: signals, a closed stdout, a full disk."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.little import write_little

XLIT = [sys.executable, "-m", "xlit"]
FLAGS = ["--batch-size", "8", "--precision", "float32"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_little(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLIT_DATA", str(tmp_path))
    return tmp_path


def shell(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `xlit` is this checkout."""
    script = f'set -o pipefail; xlit() {{ "{sys.executable}" -m xlit "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, **variables},
    )


def test_a_pipe_of_stages_in_a_real_shell(home: Path, tiny_encoder: Path) -> None:
    ran = shell(
        "xlit subsample ./little.toml --size 16"
        f" | xlit train-intermediate --from {tiny_encoder} --epochs 1 --batch-size 8"
        " | xlit train-target ./little.toml --epochs 1 --batch-size 8"
        " | xlit eval-xtreme | xlit report --format csv"
    )
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 3  # a header, de, en


def test_a_failed_stage_fails_every_stage_after_it(home: Path) -> None:
    ran = shell("xlit subsample ./none.toml --size 3 | xlit train-intermediate --from x; echo ok")
    assert "stdin: empty" in ran.stderr
    assert shell("xlit subsample ./none.toml --size 3 | xlit report").returncode != 0


def test_a_loop_over_languages_keeps_its_own_input(home: Path, tiny_encoder: Path) -> None:
    (home / "languages").write_text("de\nen\n", encoding="utf-8")
    ran = shell(
        f"ckpt=$(xlit train-target ./little.toml --from {tiny_encoder} --epochs 1 --batch-size 8);"
        ' while read l; do xlit eval-xtreme "$ckpt" --lang $l; done < languages'
    )
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 2


def test_a_reader_that_goes_away_is_no_error(home: Path) -> None:
    ran = shell("xlit tasks --toml | true; echo ${PIPESTATUS[0]}")
    assert ran.stdout.splitlines()[-1] == "141"
    assert ran.stderr == ""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_stops_in_good_order_and_leaves_what_the_same_command_goes_on_from(
    home: Path, tiny_encoder: Path, signum: signal.Signals
) -> None:
    command = [*XLIT, "train-target", "./little.toml", "--from", str(tiny_encoder), *FLAGS]
    process = subprocess.Popen(
        [*command, "--epochs", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # a CI may run under nohup
    )
    try:
        deadline = time.monotonic() + 120
        while not any(p.stat().st_size for p in home.glob("runs/checkpoint/.*.partial/log.jsonl")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signum)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()  # nothing of a failed test goes on
    assert (process.returncode, out) == (75, ""), err
    assert len(err.splitlines()) == 1
    said = re.fullmatch(
        rf"xlit: stopped by {signum.name} "
        r"\(step (\d+) is saved: the same command goes on from there\)\n",
        err,
    )
    assert said
    (partial,) = (home / "runs/checkpoint").iterdir()
    assert sorted(path.name for path in partial.iterdir()) == ["log.jsonl", "saves"]
    assert [path.name for path in partial.glob("saves/step-*")] == [f"step-{int(said[1]):08d}"]
    assert len((partial / "log.jsonl").read_text().splitlines()) >= int(said[1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_a_signal_before_training_leaves_nothing(home: Path, tiny_encoder: Path) -> None:
    process = subprocess.Popen(
        [*XLIT, "train-intermediate", "--from", str(tiny_encoder)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while True:  # it has the signals when it no longer lets them kill it
            status = Path(f"/proc/{process.pid}/status").read_text()
            caught = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16)  # type: ignore[index]  # it is there
            if caught >> (signal.SIGUSR1 - 1) & 1:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGUSR1)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 75
    assert len(err.splitlines()) == 1 and err.startswith("xlit: stopped by "), err
    assert not (home / "runs").exists()


def test_two_at_once_make_one_artefact(home: Path, tiny_encoder: Path) -> None:
    command = [*XLIT, "train-target", "./little.toml", "--from", str(tiny_encoder), *FLAGS]
    both = [
        subprocess.Popen([*command, "--epochs", "20"], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    paths = [process.communicate(timeout=200)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert paths[0] == paths[1]
    assert len(list((home / "runs/checkpoint").iterdir())) == 1


def _mounted(folder: Path) -> bool:
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True
    )
    return made.returncode == 0


def test_a_full_disk_loses_nothing(home: Path, tiny_encoder: Path) -> None:
    small = home / "small"
    if shutil.which("mount") is None or not _mounted(small):
        pytest.skip("no tmpfs can be mounted here: that needs root")
    try:
        ran = subprocess.run(
            [
                *XLIT,
                "train-target",
                "./little.toml",
                "--from",
                tiny_encoder,
                "--runs",
                small,
                *FLAGS,
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.returncode == 75, ran.stderr
        assert "no space left" in ran.stderr and len(ran.stderr.splitlines()) == 1
        assert list((small / "checkpoint").iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_limit_of_stdouts_file_stops_in_good_order(home: Path, unbuffered: str) -> None:
    # without a buffer the operating system takes a part of what is written and says so to nobody
    ran = shell(f"ulimit -f 1; PYTHONUNBUFFERED={unbuffered} xlit tasks --json > cut.json")
    assert ran.returncode == 75, ran.stderr
    assert "larger than is allowed here (ulimit -f)" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["tasks", "tasks --json", "--help", "--version"])
def test_a_full_device_behind_stdout_stops_in_good_order(home: Path, command: str) -> None:
    ran = shell(f"xlit {command} > /dev/full")
    assert ran.returncode == 75
    assert ran.stderr == "xlit: no space left where stdout goes\n"
