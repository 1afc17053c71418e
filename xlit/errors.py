"""What can go wrong, and the exit code of each.

    XlitError            1    a bug of xlit's
    ├── UsageError       2    wrong flags or arguments: nothing ran
    ├── MissingError     3    data or a model is not there
    ├── InputError       4    a file or a line that cannot be used
    ├── DamagedError     5    an artefact that is damaged, partial or foreign
    ├── StoppedError    75    stopped in good order: the same command goes on
    └── ReaderGoneError 141   nobody reads stdout any more

Rooms raise these and never print or exit; `xlit.__main__` turns one into one line on stderr.
A message names the thing, the value and the place; a hint is what to do next.
"""

import signal
from pathlib import Path

EXIT_CODES: dict[int, str] = {
    0: "done, or already done",
    1: "a bug: a short traceback was saved to a file",
    2: "wrong usage: nothing ran",
    3: "data or a model is not there: the message says how to get it",
    4: "bad input: the message names the file and the line",
    5: "a damaged, partial or foreign artefact",
    75: "stopped in good order (a signal, a full disk): the same command goes on",
    141: "the reader of stdout went away",
}


class XlitError(Exception):
    """A failure with an exit code. `path` and `line` (from 1) are put before the message."""

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        path: str | Path | None = None,
        line: int | None = None,
    ) -> None:
        place = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        text = f"{place}{message}" + (f" ({hint})" if hint else "")
        super().__init__(" ".join(text.split("\n")))
        self.message = message
        self.hint = hint
        self.path = path
        self.line = line


class UsageError(XlitError):
    exit_code = 2


class MissingError(XlitError):
    exit_code = 3


class InputError(XlitError):
    exit_code = 4


class DamagedError(XlitError):
    exit_code = 5


class StoppedError(XlitError):
    exit_code = 75


class ReaderGoneError(XlitError):
    """No failure: `head` has what it wanted. Nothing is said about it."""

    exit_code = 141


class ReportedError(XlitError):
    """Some runs failed and were reported one by one; carries the first failure's exit code."""

    def __init__(self, first: XlitError) -> None:
        super().__init__(first.message)
        self.exit_code = first.exit_code


SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
"""Those that ask to stop. SIGHUP is the end of a terminal; SIGUSR1 is what batch systems send ahead
of the end of a job's time."""


class SignalledError(KeyboardInterrupt):
    """A signal asks to stop. No Exception, so that nothing on the way takes it for a failure."""
