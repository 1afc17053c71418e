"""The entry point: runs a command, and turns whatever goes wrong into one line and an exit code."""

import errno
import io
import os
import signal
import sys
import tempfile
import traceback
import warnings
from types import FrameType
from typing import NoReturn

import typer

from xlit import console, torchrun
from xlit.errors import (
    SIGNALS,
    ReaderGoneError,
    ReportedError,
    SignalledError,
    StoppedError,
    XlitError,
)

# Typer carries its own Click and names only this one of its errors: the usage error is its parent,
# and the parent of that is the error of everything the command line rejects.
REJECTED: type[Exception] = typer.BadParameter.__mro__[2]
NO_ROOM = {
    errno.ENOSPC: "no space left where stdout goes",
    errno.EDQUOT: "no space left where stdout goes",
    errno.EFBIG: "the file that stdout goes to would be larger than is allowed here (ulimit -f)",
}
TYPER_STOPPED = 130  # what Typer makes of a signal that comes before a command begins


def main() -> NoReturn:
    """Run the command line and exit with a code of `xlit.errors.EXIT_CODES`."""
    # oneDNN keeps 1,024 products, each made for one shape. Packed rows are ever of other lengths,
    # so that most are never met again: half a gigabyte after a hundred steps. A step needs dozens
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    for signum in SIGNALS:
        # nohup asks that the end of a terminal be ignored; a shell does so for the interrupts of
        # what it starts in the background, but whoever sends one to this process means it
        if signum != signal.SIGHUP or signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _stop)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # until the end
    if torchrun.place().rank > 0:  # what is printed is printed once
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # until the end
    if sys.stdout is None:  # closed by the shell, as in `xlit tasks >&-`
        sys.exit(ReaderGoneError.exit_code)
    raw = sys.stdout.buffer
    if isinstance(raw, io.RawIOBase):  # PYTHONUNBUFFERED: what a full disk cuts off would be lost
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw))
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # a pipe has no locale
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # the libraries' talk; PYTHONWARNINGS brings it back
    code = _run()
    try:
        sys.stdout.flush()
    except OSError as problem:
        code = _unwritten(problem)
    if torchrun.place().size > 1:
        # all is flushed and closed by now, and a thread of torch's process group was seen to abort
        # the interpreter's own way out, which torchrun takes for a failure
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _run() -> int:
    try:
        from xlit.cli import app

        outcome = app(prog_name="xlit", standalone_mode=False)
    except (ReaderGoneError, BrokenPipeError):
        return _reader_went_away()
    except ReportedError as failure:
        return failure.exit_code
    except XlitError as failure:
        console.error(f"xlit: {failure}")
        return failure.exit_code
    except REJECTED as failure:
        return _rejected(failure)
    except (KeyboardInterrupt, typer.Abort) as stop:
        console.error(
            f"xlit: stopped by {stop if isinstance(stop, SignalledError) else 'a signal'}"
        )
        return StoppedError.exit_code
    except SystemExit as left:
        # completion ends this way; rich does, with 1, when the reader of a help page went away
        return ReaderGoneError.exit_code if left.code == 1 else int(left.code or 0)
    except OSError as problem:
        return _unwritten(problem) if problem.errno in NO_ROOM else _bug(problem)
    except Exception as bug:
        return _bug(bug)
    if outcome == TYPER_STOPPED:
        console.error("xlit: stopped by a signal")
        return StoppedError.exit_code
    return outcome if isinstance(outcome, int) else 0


def _stop(signum: int, frame: FrameType | None) -> None:
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # a second signal must not cut the tidying short
    raise SignalledError(signal.Signals(signum).name)


def _unwritten(problem: OSError) -> int:
    """What keeps stdout from being written, told where it is no reader. Gives the exit code."""
    code = _reader_went_away()
    if problem.errno in NO_ROOM:
        console.error(f"xlit: {NO_ROOM[problem.errno]}")
        code = StoppedError.exit_code
    return code


def _reader_went_away() -> int:
    """Leave stdout so that nothing complains of it. Gives the exit code."""
    # Python flushes stdout once more at exit: give it somewhere to go
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ReaderGoneError.exit_code


def _rejected(failure: Exception) -> int:
    context = getattr(failure, "ctx", None)
    command = context.command_path if context is not None else "xlit"
    message = failure.format_message().rstrip(".")  # type: ignore[attr-defined]  # Click's own
    message = message.replace("Value error, ", "", 1)  # Typer checks choices with pydantic
    if not message:  # no command at all: Click has already shown the help
        return 2
    console.error(f"xlit: {' '.join(message.split())} ({command} --help)")
    return 2


def _bug(bug: Exception) -> int:
    handle, path = tempfile.mkstemp(prefix="xlit-bug-", suffix=".txt", text=True)
    with os.fdopen(handle, "w", encoding="utf-8") as report:
        report.write(f"xlit {' '.join(sys.argv[1:])}\n\n")
        traceback.print_exception(bug, file=report)
    reason = " ".join(str(bug).split())[:200]
    told = f"xlit: a bug: {type(bug).__name__}: {reason} (traceback in {path})"
    console.error(told, everywhere=True)
    return 1


if __name__ == "__main__":
    main()
