"""Reading a pipe of artefact paths: one line is one run, tabs separate what belongs to it."""

from collections.abc import Iterator
from typing import TextIO

from xlit.errors import InputError, UsageError


def read_runs(stream: TextIO, needs: str) -> Iterator[list[str]]:
    """The runs that `stream` names, as they arrive; `needs` says what they are for.

    Raises UsageError when a person sits at the other end instead of a pipe, InputError when the
    pipe closes without a line: the stage before it failed, and doing nothing is no success.
    """
    if stream.isatty():
        raise UsageError(f"{needs} is missing", hint="name it, or pipe it in")
    count = lines = 0
    try:
        for line in stream:
            lines += 1
            fields = [field for field in line.rstrip("\r\n").split("\t") if field.strip()]
            if fields:
                count += 1
                yield fields
    except UnicodeDecodeError as problem:
        raise InputError(
            f"not UTF-8 text: {problem.reason}", path="stdin", line=lines + 1
        ) from None
    if not count:
        raise InputError(
            f"empty: {needs} was expected here",
            path="stdin",
            hint="the stage before it failed: its message is above; where there was none, name it",
        )
