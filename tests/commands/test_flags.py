from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import typer
from typer.testing import CliRunner

from xlit.commands.flags import StageOptions, argument, arguments_of, as_command, changed, flag


@dataclass(frozen=True, kw_only=True)
class Options(StageOptions):
    """Options of every type that a stage uses."""

    tasks: list[str] = argument(list, "Tasks.", metavar="[TASK...]")
    from_: str | None = flag(None, "The encoder.", "--from")
    batch_size: int = flag(32, "Rows a step.")
    form: Literal["rich", "json"] = flag("rich", "The form.")
    out: Path | None = flag(None, "Where to.")
    fast: bool = flag(False, "Hurry.")


def parse(*arguments: str) -> Options:
    seen: list[Options] = []
    app = typer.Typer()
    app.command()(as_command(Options, seen.append))
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen[0]


def test_a_command_line_becomes_the_options() -> None:
    parsed = parse("a", "b", "--from", "e5", "--batch-size", "8", "--form", "json", "--fast", "-q")
    assert parsed == Options(
        tasks=["a", "b"], from_="e5", batch_size=8, form="json", fast=True, quiet=True
    )


def test_no_flags_are_the_defaults_of_python() -> None:
    assert parse() == Options()


@pytest.mark.parametrize("arguments", [["--form", "poem"], ["--batch-size", "x"], ["--nonsense"]])
def test_what_the_fields_do_not_allow_is_refused(arguments: list[str]) -> None:
    app = typer.Typer()
    app.command()(as_command(Options, lambda options: None))
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_only_choices_that_differ_from_the_defaults_are_told_to_descendants() -> None:
    options = Options(from_="e5", out=Path("x"), runs=Path("elsewhere"), force=True)
    assert changed(options) == {"from": "e5", "out": "x"}
    assert changed(options, ["out"]) == {"from": "e5"}


def test_flags_give_the_options_again() -> None:
    options = Options(from_="e5", batch_size=8, form="json", out=Path("a b"), fast=True)
    assert parse(*arguments_of(options)) == options


def test_the_run_root_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLIT_RUNS", "/elsewhere")
    assert parse().runs == Path("/elsewhere")
