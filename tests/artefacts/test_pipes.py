import io
import os

import pytest

from xlit.artefacts.pipes import read_runs
from xlit.errors import InputError, UsageError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_is_a_run_and_tabs_separate_what_belongs_to_it() -> None:
    stream = io.StringIO("a\tb\r\n\nc\n")
    assert list(read_runs(stream, "data")) == [["a", "b"], ["c"]]


def test_runs_are_given_before_the_pipe_closes() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, encoding="utf-8") as stream, os.fdopen(writer, "wb", 0) as pipe:
        runs = read_runs(stream, "data")
        pipe.write(b"a\n")
        assert next(runs) == ["a"]
        pipe.write(b"b\n")
        assert next(runs) == ["b"]


@pytest.mark.parametrize("text", ["", "\n\n"], ids=["nothing", "blank lines"])
def test_an_empty_pipe_is_an_error(text: str) -> None:
    with pytest.raises(
        InputError, match=r"stdin: empty: .* \(the stage before it failed: its message is above"
    ):
        list(read_runs(io.StringIO(text), "data"))


def test_a_terminal_instead_of_a_pipe_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="an encoder is missing"):
        list(read_runs(Terminal(), "an encoder"))


def test_bytes_that_are_no_text_are_named_with_their_line() -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"a\n" + b"\xff\n"), encoding="utf-8")
    with pytest.raises(InputError, match="stdin:"):
        list(read_runs(stream, "data"))
