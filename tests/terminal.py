"""A terminal of a given width: what a command writes to it, and the lines that a person sees."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path


def run_in_terminal(
    arguments: Sequence[str], columns: int, *, stdout: Path, environment: Mapping[str, str]
) -> str:
    """What `python ARGUMENTS` writes to stderr where that is a terminal; stdout goes to a file."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    outside = {
        key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")
    }
    with stdout.open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=theirs,
            env={**outside, "TERM": "xterm-256color", **environment},
        )
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
    except OSError:  # how Linux says that the other side is closed
        pass
    finally:
        os.close(ours)
        child.wait()
    return written.decode()


def frames(written: str) -> list[str]:
    """Every state of the last line in turn, without colours and control codes."""
    parts = re.split(r"\r(?:\x1b\[2K)?|\n", written)
    plain = (re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part) for part in parts)
    return [part for part in plain if part.strip()]
