"""What processes tell each other of a failure; tests/cli/test_torchrun.py has whole runs."""

import pytest

from xlit.errors import DamagedError, ReportedError, SignalledError, StoppedError
from xlit.training.several import MESSAGE_BYTES, error_of, message_of


@pytest.mark.parametrize("character", ["x", '"', "\x1b", "日", "𐍈", "\udcff"], ids=ascii)
def test_any_message_fits_and_arrives(character: str) -> None:
    # the last is a byte of a file name that is no UTF-8
    message = message_of(DamagedError(character * 1000))
    assert len(message) <= MESSAGE_BYTES
    error = error_of([b"", message])
    assert isinstance(error, DamagedError)
    assert str(error) == f"rank 1: {character * 480}"


def test_a_signal_is_a_stop_and_a_bug_is_told_where_it_happened() -> None:
    stop = error_of([message_of(SignalledError("SIGUSR1"))])
    assert isinstance(stop, StoppedError) and str(stop) == "stopped by SIGUSR1"
    bug = error_of([message_of(ZeroDivisionError("text of a bug"))])
    assert isinstance(bug, ReportedError) and bug.exit_code == 1
