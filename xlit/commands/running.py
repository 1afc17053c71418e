"""What every stage does around its work: read runs, go on after a failed one, print results."""

import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from xlit import console
from xlit.artefacts.pipes import read_runs
from xlit.errors import InputError, ReportedError, StoppedError, UsageError, XlitError

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact, Plan
    from xlit.commands.together import Share

Run = TypeVar("Run")


def each_of(several: Callable[[Run], Iterable[Path]], runs: Iterable[Run]) -> Iterator[Path]:
    """What `several` gives for every run. A run that fails is reported at once and the others go
    on; ReportedError is raised at the end. A stop stops them all."""
    first: XlitError | None = None
    for run in runs:
        try:
            yield from several(run)
        except (StoppedError, ReportedError):  # the latter a bug in another process of the run
            raise
        except XlitError as failure:
            console.error(f"xlit: {failure}")
            first = first or failure
    if first is not None:
        raise ReportedError(first) from first


def each(one: Callable[[Run], Path | None], runs: Iterable[Run]) -> Iterator[Path]:
    """`each_of` where a run makes one artefact, or none."""

    def made(run: Run) -> Iterator[Path]:
        path = one(run)
        if path is not None:
            yield path

    return each_of(made, runs)


def each_input(
    inputs: Sequence[str], needs: str, one: Callable[[str], Path | None]
) -> Iterator[Path]:
    """What `one` gives for every input, each a run of its own; read from stdin if none is named."""
    if len(inputs) == 1 and inputs[0] != "-":
        made = one(inputs[0])
        if made is not None:
            yield made
        return
    yield from each(one, named_or_piped(inputs, needs))


def named_or_piped(inputs: Sequence[str], needs: str) -> Iterator[str]:
    """The inputs that are named, and those of stdin where none is, or `-` asks for them."""
    named = [path for path in inputs if path != "-"]
    piped = () if named == list(inputs) and named else stdin_runs(needs)
    return itertools.chain(named, (path for line in piped for path in line))


def stdin_runs(needs: str) -> Iterator[list[str]]:
    if sys.stdin is None:
        raise InputError(f"closed: {needs} was expected here", path="stdin")
    return read_runs(sys.stdin, needs)


def print_line(text: object) -> None:
    """One line of results on stdout, seen at once by whoever reads the pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_paths(paths: Iterable[Path]) -> None:
    for path in paths:
        print_line(path)


def print_json(value: Any) -> None:
    print_line(json.dumps(value, ensure_ascii=False, indent=1))


def print_plan(plan: "Plan", root: Path, *, force: bool) -> None:
    """What `--dry-run` prints for one artefact: its path, and whether it is there."""
    from xlit.artefacts.store import find, target_of

    found = None if force else find(plan, root)
    path = found.path if found else target_of(plan, root)[0]
    print_line(f"{path}\t{'already done' if found else 'to be made'}")


def say_done(artefact: "Artefact | Share") -> Path:
    console.always(f"already done: {artefact.path}")
    return artefact.path


def names_an_artefact(task: str) -> bool:
    """Whether a task is given as a data artefact: a path, but no card's file and no card's name."""
    from xlit.tasks.card import card_names

    if task in card_names() or task.endswith(".toml"):
        return False
    return "/" in task or Path(task).is_dir()


def short_name(encoder: str) -> str:
    """A model's own name: the last part of a hub id or of a directory."""
    return encoder.partition("@")[0].rstrip("/").rpartition("/")[2] or "encoder"


def input_artefact(path: str, *sorts: str, check: bool = True) -> "Artefact":
    """The artefact at `path`. Raises UsageError when it is not of one of the `sorts`."""
    from xlit.artefacts.store import open_artefact

    artefact = open_artefact(path, check=check)
    if artefact.manifest.sort not in sorts:
        raise UsageError(
            f"{path} is a {artefact.manifest.sort} artefact; what is needed here is"
            f" {' or '.join(sorts)}"
        )
    return artefact


def split_list(text: str, flag: str) -> list[str]:
    """The items of a comma-separated flag. Raises UsageError for an empty or repeated one."""
    items = [item.strip() for item in text.split(",")]
    if "" in items:
        raise UsageError(f"{flag} {text!r}: an item is empty")
    if len(set(items)) < len(items):
        raise UsageError(f"{flag} {text!r}: an item occurs twice")
    return items


def languages(text: str) -> list[str] | None:
    """The languages of `--lang`; None for all."""
    codes = split_list(text, "--lang")
    if "all" in codes and len(codes) > 1:
        raise UsageError(f"--lang {text}: all stands alone")
    return None if codes == ["all"] else codes


def whole_numbers(text: str, flag: str, at_least: int) -> list[int]:
    """The whole numbers of a comma-separated flag. Raises UsageError for anything else."""
    numbers = []
    for item in split_list(text, flag):
        if not item.isdecimal() or int(item) < at_least:
            raise UsageError(f"{flag} {text!r}: {item!r} is not a whole number from {at_least}")
        numbers.append(int(item))
    return numbers
