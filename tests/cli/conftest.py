"""The real command line, run in this process: `cli("subsample", "mnli", "--size", "3")`."""

import io
import signal
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.little import write_little
from xlit import __main__ as entry
from xlit.errors import SIGNALS


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def paths(self) -> list[str]:
        return self.out.splitlines()


class Cli:
    """Runs commands in one working directory, as a shell would."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ):
        self.home = home
        self.monkeypatch = monkeypatch
        self.capfd = capfd

    def __call__(self, *args: object, stdin: str | bytes = "") -> Ran:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        stream = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
        self.monkeypatch.setattr(sys, "argv", ["xlit", *map(str, args)])
        self.monkeypatch.setattr(sys, "stdin", stream)
        self.capfd.readouterr()
        before = {number: signal.getsignal(number) for number in SIGNALS}
        try:
            with warnings.catch_warnings(), pytest.raises(SystemExit) as left:
                entry.main()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        out, err = self.capfd.readouterr()
        code = left.value.code
        assert isinstance(code, int)
        return Ran(code, out, err)


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    """A shell in an empty directory, with the little task's data and no other."""
    write_little(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLIT_DATA", str(tmp_path))
    monkeypatch.delenv("XLIT_RUNS", raising=False)
    # pytest's own stdout has no file descriptor's encoding to set: the real one does
    yield Cli(tmp_path, monkeypatch, capfd)
