"""The Arrow files of one folder of features: whole and undamaged, or not there.

The name of a file is the digest of its bytes. It is written under another name first and renamed,
so that none is ever there in part, and two processes that write the same do no harm.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from xlit import console
from xlit.kinds.feature_table import SCHEMA

ABOUT = "about.json"
SUFFIX = ".arrow"
PARTIAL = ".partial"

ABANDONED = 24 * 3600
"""Seconds after which a partial file is that of a process which was killed."""

_sound: set[tuple[str, int, int, int]] = set()
"""Files that this process has held against their digests: path, inode, size, time of change."""


def read_batches(folder: Path) -> Iterator[Any]:
    """The record batches of all files of a folder, mapped and not copied.

    A damaged file is told and removed. One that cannot be read is told and left out.
    """
    try:
        files = sorted(folder.glob(f"*{SUFFIX}"))
    except OSError as problem:
        console.notice(f"kept features cannot be read: {problem}")
        return
    for file in files:
        try:
            reader = _open(file)
        except FileNotFoundError:  # whoever clears the folder may do so at any time
            continue
        except ValueError:
            console.notice(f"kept features are damaged and made again: {file}")
            with suppress(OSError):
                file.unlink()
            continue
        except OSError as problem:
            console.notice(f"kept features cannot be read: {problem}")
            continue
        yield from _batches(reader)


def _batches(reader: Any) -> Iterator[Any]:
    return (reader.get_batch(i) for i in range(reader.num_record_batches))


def _open(file: Path) -> Any:
    """Raises ValueError for a file that is not what was written, OSError for one that cannot be
    read."""
    stat = file.stat()
    if not stat.st_size:
        raise ValueError("is empty")
    buffer = pa.memory_map(str(file)).read_buffer()
    known = (str(file), stat.st_ino, stat.st_size, stat.st_mtime_ns)
    if known not in _sound:
        if hashlib.sha256(buffer).hexdigest() != file.stem:
            raise ValueError("does not match its digest")
        _sound.add(known)
    return pa.ipc.open_file(buffer)


def write_batches(batches: Iterable[Any], folder: Path, about: Mapping[str, Any]) -> list[Any]:
    """The batches: out of one new file of the folder, or in memory where it cannot be written."""
    file = _NewFile(folder)
    made = []
    try:
        file.attempt(lambda: file.begin(about))
        for batch in batches:
            made.append(batch)
            file.attempt(lambda: file.writer.write(made[-1]))
        file.attempt(file.finish)
    finally:
        file.clear()
    return made if file.failed else list(_batches(file.mapped))


class _NewFile:
    """A file that is being written; after the first failure it is left alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.partial = folder / f"{os.getpid()}.{time.time_ns()}{PARTIAL}"
        self.failed = False
        self.opened: BinaryIO | None = None
        self.writer: Any = None
        self.mapped: Any = None

    def attempt(self, act: Callable[[], object]) -> None:
        if self.failed:
            return
        try:
            act()
        except (OSError, ValueError) as problem:  # a ValueError is a file that reads otherwise
            self.failed = True
            console.notice(f"features are not kept: {problem}")

    def begin(self, about: Mapping[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.glob(f"*{PARTIAL}"):
            with suppress(OSError):
                if time.time() - old.stat().st_mtime > ABANDONED:
                    old.unlink()
        if not (self.folder / ABOUT).exists():  # for people: nothing reads it
            text = json.dumps(about, indent=1) + "\n"
            (self.folder / ABOUT).write_text(text, encoding="utf-8")
        self.opened = self.partial.open("xb")
        self.writer = pa.ipc.new_file(self.opened, SCHEMA)

    def finish(self) -> None:
        assert self.opened is not None
        self.writer.close()
        self.writer = None  # to close it again would write its last bytes again
        self.opened.flush()
        os.fsync(self.opened.fileno())
        self.opened.close()
        with self.partial.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        file = self.folder / f"{digest}{SUFFIX}"
        if not file.exists():  # on a network file system what another machine has mapped must stay
            self.partial.rename(file)
        self.mapped = _open(file)

    def clear(self) -> None:
        """Close, and remove what was not finished."""
        for opened in (self.writer, self.opened):
            with suppress(OSError):
                if opened is not None:
                    opened.close()
        with suppress(OSError):
            self.partial.unlink(missing_ok=True)
