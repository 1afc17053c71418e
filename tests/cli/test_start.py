"""What starting costs: help and completion load nothing heavy, and take no longer than Typer."""

import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from xlit.cli import STAGES

HEAVY = ("torch", "transformers", "datasets", "sentence_transformers", "faiss", "pandas")

EMPTY = """
import typer
app = typer.Typer()
@app.command()
def one() -> None: ...
@app.command()
def two() -> None: ...
app()
"""


def loaded_by(arguments: list[str], environment: dict[str, str] | None = None) -> set[str]:
    """The heavy packages that a run of the command line has imported when it ends."""
    program = (
        "import sys, atexit\n"
        "from xlit.__main__ import main\n"
        f"names = lambda: [m for m in {HEAVY!r} if m in sys.modules]\n"
        "atexit.register(lambda: print(names(), file=sys.stderr))\n"
        f"sys.argv = {['xlit', *arguments]!r}\n"
        "main()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
    )
    return set(eval(ran.stderr.splitlines()[-1]))  # a list of names that the line above printed


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([s, "--help"] for s in STAGES)])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded_by(arguments) == set()


def test_completion_loads_nothing_heavy() -> None:
    asked = {"_XLIT_COMPLETE": "complete_bash", "COMP_WORDS": "xlit tr", "COMP_CWORD": "1"}
    assert loaded_by([], asked) == set()


def test_a_stage_reads_its_stdin_before_it_loads_anything_heavy() -> None:
    assert loaded_by(["train-target", "xnli"]) & {"torch", "transformers", "datasets"} == set()


def test_help_takes_at_most_1_3_times_an_empty_typer_app(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text(EMPTY, encoding="utf-8")
    commands = {
        "empty": [sys.executable, str(tmp_path / "empty.py"), "--help"],
        "xlit": [sys.executable, "-m", "xlit", "--help"],
    }
    ratios = []
    for _ in range(9):  # pairs, because the machine's speed wanders
        seconds = {}
        for name, command in commands.items():
            began = os.times()
            subprocess.run(command, capture_output=True, check=True, timeout=60)
            ended = os.times()
            seconds[name] = (ended.children_user - began.children_user) + (
                ended.children_system - began.children_system
            )
        ratios.append(seconds["xlit"] / seconds["empty"])
    assert statistics.median(ratios) <= 1.3, ratios


def test_every_stage_shows_an_example_in_its_help() -> None:
    for stage in STAGES:
        help_text = subprocess.run(
            [sys.executable, "-m", "xlit", stage, "--help"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        examples, _, options = help_text.partition("Options")
        assert f"xlit {stage}" in examples.split("Examples")[1], help_text
        assert options


def test_a_report_loads_no_models(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "import xlit.study.collect, xlit.study.tables, xlit.evaluation.tables\n"
        "print([m for m in ('torch', 'transformers', 'datasets') if m in sys.modules])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "[]"
