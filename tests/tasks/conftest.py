"""A data directory of one's own, and small cards over it."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that XLIT_DATA names."""
    directory = tmp_path / "data"
    directory.mkdir()
    monkeypatch.setenv("XLIT_DATA", str(directory))
    return directory


@pytest.fixture
def write(data: Path) -> Write:
    """`write(name, text)` puts a file below the data directory, compressed where it ends in .gz."""

    def put(name: str, text: str | bytes) -> Path:
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = text.encode() if isinstance(text, str) else text
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return put
