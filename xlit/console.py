"""Talk for people, on stderr. Results never go through here: they are printed by `commands/`.

Notices and progress appear on a terminal, or with `-v`; nothing does with `-q`. One line about
work that needed no doing (`always`) is printed wherever stderr goes, unless `-q` asks for silence.
Of several processes of one run only the first talks, but for what is said `everywhere`.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from xlit import torchrun

if TYPE_CHECKING:
    from rich.console import Console

_quiet = False
_verbose = False


def set_volume(*, quiet: bool, verbose: bool) -> None:
    """What `-q` and `-v` ask for; holds for the process."""
    global _quiet, _verbose
    _quiet, _verbose = quiet, verbose


# without a terminal to fit into nothing is cut: the reader may be a file or a pager
UNBOUNDED = 1000


def width(stream: TextIO) -> int:
    """The columns that there are for what is drawn on a stream."""
    return shutil.get_terminal_size().columns if stream.isatty() else UNBOUNDED


def _stderr() -> "Console":
    from rich.console import Console  # rich costs 40 ms: only who speaks pays

    return Console(stderr=True, highlight=False, soft_wrap=True, width=width(sys.stderr))


def talkative() -> bool:
    first = torchrun.place().rank == 0
    return first and not _quiet and (_verbose or sys.stderr.isatty())


def notice(text: str) -> None:
    """One line for a person who is watching."""
    if talkative():
        _stderr().print(text, markup=False, style="dim")


def always(text: str, *, everywhere: bool = False) -> None:
    """One line that also a log file wants: what was skipped because it was done already."""
    if not _quiet:
        error(text, everywhere=everywhere)


def draw(thing: Any) -> None:
    """Something that rich draws, a table say, for a person who is watching."""
    if talkative():
        _stderr().print(thing)


def error(text: str, *, everywhere: bool = False) -> None:
    """The one line of an expected failure; printed whatever the volume."""
    rank = torchrun.place().rank
    if rank == 0 or everywhere:
        print(f"rank {rank}: {text}" if rank else text, file=sys.stderr, flush=True)


@contextmanager
def progress(
    description: str, total: float | None = None, unit: str = "it"
) -> Iterator[Callable[..., None]]:
    """A live line with rate and time left; gives `advance(n=1, note="")`.

    Without a terminal there is no live line, and `advance` costs nothing.
    """
    if not talkative() or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda n=1, note="": None
        return
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=_stderr(), transient=True, refresh_per_second=4) as bar:
        task = bar.add_task(description, total=total, count="", note="")

        def advance(n: float = 1, note: str = "") -> None:
            bar.advance(task, n)
            state = bar.tasks[task]
            done = f"{state.completed:g}" + (f"/{total:g}" if total is not None else "")
            rate = f" {state.speed:.1f}/s" if state.speed else ""
            bar.update(task, count=f"{done} {unit}{rate}", note=note or state.fields["note"])

        yield advance
