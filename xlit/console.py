"""Talk for people, on stderr. Results never go through here: they are printed by `commands/`.

Notices and progress appear on a terminal, or with `-v`; nothing does with `-q`. One line about
work that needed no doing (`always`) is printed wherever stderr goes, unless `-q` asks for silence.
Of several processes of one run only the first talks, but for what is said `everywhere`.
Progress is one live line on a terminal, and with `-v` a plain line a minute anywhere else.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from xlit import torchrun

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_quiet = False
_verbose = False
_live: "Console | None" = None  # that of the live line, which stays below whatever else is printed


def set_volume(*, quiet: bool, verbose: bool) -> None:
    """What `-q` and `-v` ask for; holds for the process."""
    global _quiet, _verbose
    _quiet, _verbose = quiet, verbose


# without a terminal to fit into nothing is cut: the reader may be a file or a pager
UNBOUNDED = 1000


def width(stream: TextIO) -> int:
    """The columns that there are for what is drawn on a stream."""
    if not stream.isatty():
        return UNBOUNDED
    if (asked := os.environ.get("COLUMNS", "")).isdecimal() and int(asked):
        return int(asked)
    # of this very stream: in a pipe stdout is no terminal and knows no width
    return os.get_terminal_size(stream.fileno()).columns or 80


def _stderr() -> "Console":
    if _live is not None:
        return _live
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


# between the plain lines of a progress that has no terminal, in seconds
BETWEEN_LINES = 60.0


@dataclass
class _Progress:
    """How far something is. `notes` and `left` (seconds) are what was told last."""

    description: str
    total: float | None
    unit: str
    rate: bool
    done: float
    notes: Sequence[str] = ()
    left: float | None = None
    began: float = field(init=False)
    at_first: float = field(init=False)

    def __post_init__(self) -> None:
        self.began, self.at_first = time.monotonic(), self.done

    def advance(self, n: float, note: str | Sequence[str], left: float | None) -> None:
        self.done += n
        self.left = left
        if note:
            self.notes = (note,) if isinstance(note, str) else note

    def parts(self) -> list[str]:
        """What there is to say, the most important first."""
        seconds = time.monotonic() - self.began
        speed = (self.done - self.at_first) / max(seconds, 1e-9)
        left = self.left
        if left is None and self.total is not None and speed:
            left = (self.total - self.done) / speed
        done = f"{self.done:.10g}"
        if self.total is not None:
            of = f"{self.total:.10g}"
            done = f"{done:>{len(of)}}/{of}"  # what stands behind it stays where it is
        said = [f"{done} {self.unit}"]
        if self.rate and speed:
            said[0] += f" {speed:.1f}/s"
        said.append(f"{_clock(seconds)} so far" if left is None else f"{_clock(left)} left")
        return said + list(self.notes)

    def fitted(self, columns: int) -> "Text":
        """One line of fewer than `columns` columns: a bar where there is room, and as many of the
        parts as fit, from the first."""
        from rich.cells import cell_len
        from rich.text import Text

        room = columns - 1  # a terminal may begin a new line after its last column
        line = Text(self.description, no_wrap=True, end="")
        # notes say more than a bar does, so they have the room first
        wide, narrow = (180, 180) if self.notes else (100, 60)
        bar = 24 if columns >= wide else 12 if columns >= narrow else 0
        if self.total and bar:
            filled = round(bar * min(1.0, self.done / self.total))
            line.append(" ").append("━" * filled, "cyan").append("─" * (bar - filled), "dim")
        for part in self.parts():
            if line.cell_len + 2 + cell_len(part) > room:
                break
            line.append(f"  {part}")
        line.truncate(max(1, room), overflow="crop")
        return line


@contextmanager
def progress(
    description: str,
    total: float | None = None,
    unit: str = "it",
    *,
    rate: bool = True,
    done: float = 0,
) -> Iterator[Callable[..., None]]:
    """A live line with rate and time left; gives `advance(n=1, note="", left=None)`.

    `note` is text, or several texts of which as many are shown as there is room for; `left` are the
    seconds left where the caller knows better than the mean rate. `rate` asks for units a second,
    `done` is where it begins. Without a terminal there is no live line: with `-v` a plain line
    appears every minute, and otherwise `advance` costs nothing.
    """
    if not talkative():
        yield lambda n=1, note="", left=None: None
        return
    state = _Progress(description, total, unit, rate, done)
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _plain_lines(state)
        return
    from rich.console import Console
    from rich.live import Live

    global _live
    outer, stream = _live, sys.stderr
    # never folded: `fitted` looks at the width anew each time, and so follows a resized window
    _live = outer or Console(file=stream, highlight=False, soft_wrap=True, width=UNBOUNDED)
    live = Live(
        console=_live,
        get_renderable=lambda: state.fitted(width(stream)),
        transient=True,
        refresh_per_second=4,
        redirect_stdout=sys.stdout.isatty(),  # results in a pipe are not for people
    )
    try:
        with live:
            yield lambda n=1, note="", left=None: state.advance(n, note, left)
    finally:
        _live = outer


def _plain_lines(state: _Progress) -> Callable[..., None]:
    last = time.monotonic()

    def advance(n: float = 1, note: str | Sequence[str] = "", left: float | None = None) -> None:
        nonlocal last
        state.advance(n, note, left)
        if time.monotonic() - last >= BETWEEN_LINES:
            last = time.monotonic()
            print(f"{state.description}: {', '.join(state.parts())}", file=sys.stderr, flush=True)

    return advance


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds: 1:02:03, or 2:03."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
