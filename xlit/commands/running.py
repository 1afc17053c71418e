"""What every stage does around its work: read runs, go on after a failed one, print results."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from xlit import console
from xlit.artefacts.pipes import read_runs
from xlit.errors import MissingError, StoppedError, UsageError, XlitError

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact, Plan

Run = TypeVar("Run")


class ReportedError(XlitError):
    """Some runs failed and were reported one by one; carries the first failure's exit code."""

    def __init__(self, first: XlitError) -> None:
        super().__init__(first.message)
        self.exit_code = first.exit_code


def each(one: Callable[[Run], Path | None], runs: Iterable[Run]) -> Iterator[Path]:
    """What `one` gives for every run. A run that fails is reported at once and the others go on;
    ReportedError is raised at the end. A stop stops them all."""
    first: XlitError | None = None
    for run in runs:
        try:
            path = one(run)
        except StoppedError:
            raise
        except XlitError as failure:
            console.error(f"xlit: {failure}")
            first = first or failure
        else:
            if path is not None:
                yield path
    if first is not None:
        raise ReportedError(first) from first


def stdin_runs(needs: str) -> Iterator[list[str]]:
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


def print_plan(plan: "Plan", root: Path) -> None:
    """What `--dry-run` prints for one artefact: its path, and whether it is there."""
    from xlit.artefacts.store import find

    found = find(plan, root)
    path = found.path if found else root / plan.sort / f"{plan.name}.{plan.id}"
    print_line(f"{path}\t{'already done' if found else 'to be made'}")


def say_done(artefact: "Artefact") -> Path:
    console.always(f"already done: {artefact.path}")
    return artefact.path


def looks_like_path(name: str) -> bool:
    """Whether an input is meant as a path rather than as the name of a card or of a model."""
    return "/" in name or Path(name).is_dir()


def short_name(encoder: str) -> str:
    """A model's own name: the last part of a hub id or of a directory."""
    return encoder.partition("@")[0].rstrip("/").rpartition("/")[2] or "encoder"


def input_artefact(path: str, *sorts: str, check: bool = True) -> "Artefact":
    """The artefact at `path`. Raises UsageError when it is not of one of the `sorts`."""
    from xlit.artefacts.store import open_artefact

    artefact = open_artefact(path, check=check)
    if artefact.manifest.sort not in sorts:
        raise UsageError(
            f"{path} is a {artefact.manifest.sort} artefact, a {' or '.join(sorts)} is needed here"
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


def whole_numbers(text: str, flag: str, at_least: int) -> list[int]:
    """The whole numbers of a comma-separated flag. Raises UsageError for anything else."""
    numbers = []
    for item in split_list(text, flag):
        if not item.isdecimal() or int(item) < at_least:
            raise UsageError(f"{flag} {text!r}: {item!r} is not a whole number from {at_least}")
        numbers.append(int(item))
    return numbers


def existing_file(path: Path, flag: str) -> Path:
    if not path.is_file():
        raise MissingError(f"{flag} {path}: no such file")
    return path
