"""Sentences to encode: a text file, a stream, or the sides of a task.

A text has one sentence a line, plain or `.gz`, and may be larger than memory: it is read a line at
a time, once to number its lines and take its digest, and once to encode it.
"""

import hashlib
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

from xlit.artefacts.store import stops_without_room
from xlit.errors import InputError, MissingError, UsageError
from xlit.tasks.readers import lines_of, read_lines
from xlit.tasks.rows import BitextRow, PlainRow, RankingRow, TextRow
from xlit.tasks.splits import Split

LONGEST = 16 * 2**20  # bytes of a line: what is longer is no sentence, and may not fit into memory


@dataclass(frozen=True)
class Survey:
    """What is known of a text after it was read once. `digest` is of its lines without the white
    space at their ends, so that plain, `.gz` and piped copies of a text have the same."""

    rows: int
    digest: str


class Texts(Protocol):
    """Sentences that can be gone through again: (id, text) of every row, in order.

    A text has no white space at its ends; that of a blank line is empty.
    """

    @property
    def survey(self) -> Survey: ...

    def __iter__(self) -> Iterator[tuple[str, str]]: ...

    def check_unchanged(self) -> None:
        """Raises InputError where the texts are not those of the survey any more."""
        ...


@dataclass(frozen=True)
class TextFile:
    """A file of sentences; a line's id is its number, from 1."""

    path: Path
    survey: Survey
    as_surveyed: tuple[int, ...]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for number, line in read_lines(self.path, longest=LONGEST):
            yield str(number), line.strip()

    def check_unchanged(self) -> None:
        try:
            unchanged = _version(self.path) == self.as_surveyed
        except OSError:  # removed, or renamed
            unchanged = False
        if not unchanged:
            raise InputError("changed while it was read", path=self.path)


@dataclass(frozen=True)
class SpooledText:
    """What came through a pipe, kept in a file without a name, which goes when the process does."""

    survey: Survey
    spool: IO[bytes]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        self.spool.seek(0)
        for number, line in enumerate(self.spool, 1):
            yield str(number), line[:-1].decode()

    def check_unchanged(self) -> None:
        pass  # nobody else can open it


@dataclass(frozen=True)
class TextList:
    """The texts of one side of a task, with the ids of their rows."""

    ids: Sequence[str]
    texts: Sequence[str]
    digest: str
    survey: Survey = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "survey", Survey(len(self.ids), self.digest))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return zip(self.ids, self.texts, strict=True)

    def check_unchanged(self) -> None:
        pass  # it is in memory


def open_text(path: Path, flag: str, room: Path) -> TextFile | SpooledText:
    """The text at `path`; a pipe is spooled below `room`.

    Raises MissingError where there is no such file, InputError with the line for one that is not
    UTF-8, damaged, without a sentence, or with a line of more than `LONGEST` bytes.
    """
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        raise MissingError(f"{flag} {path}: no such file") from None
    except OSError as problem:
        raise InputError(f"cannot be read: {problem.strerror}", path=path) from None
    if path.is_dir():
        raise InputError("a directory, not a text", path=path)
    if not regular:  # as in --text <(zcat *.gz)
        try:
            stream = path.open("rb")
        except OSError as problem:  # a socket, or not ours to read
            raise InputError(f"cannot be read: {problem.strerror}", path=path) from None
        with stream:
            return spooled(stream, str(path), room)
    version = _version(path)
    return TextFile(path, _surveyed(read_lines(path, longest=LONGEST), path), version)


def spooled(stream: BinaryIO, name: str, room: Path) -> SpooledText:
    """The text of a stream, which can be read only once, kept below `room` to be read again.

    Raises InputError as `open_text`, UsageError where nothing can be kept there, StoppedError where
    there is no space.
    """
    with stops_without_room(room):
        try:
            room.mkdir(parents=True, exist_ok=True)
            # it stays open for as long as the text is in use, and is gone with the process
            spool = tempfile.TemporaryFile(dir=room)  # noqa: SIM115
        except (PermissionError, NotADirectoryError, FileExistsError) as problem:
            raise UsageError(f"{name} cannot be kept below {room}: {problem.strerror}") from problem
        survey = _surveyed(lines_of(stream, name, longest=LONGEST), name, spool)
        spool.flush()
    return SpooledText(survey, spool)


def text_record(text: TextFile | SpooledText) -> dict[str, Any]:
    """Where a text came from, for the manifest."""
    files = [text.path.name] if isinstance(text, TextFile) else []
    survey = text.survey
    return {"source": "text", "files": files, "rows": survey.rows, "digest": survey.digest}


def sides_of(split: Split) -> dict[str, TextList]:
    """The texts of a split by side, as evaluation encodes them. Raises UsageError for a kind whose
    rows are no sentences.

    A ranking task has queries and candidates, each candidate with its context; a classification
    task texts, and pairs where its rows have two texts.
    """
    sides: dict[str, list[tuple[str, str]]] = {}
    for row in split.rows:
        found: dict[str, str]
        match row:
            case BitextRow(side="gold"):
                continue
            case BitextRow(side=side, text=text) | RankingRow(side="query" as side, text=text):
                found = {side: text}
            case RankingRow(side=side, text=text, context=context):
                found = {side: text + context}
            case TextRow(text=text, pair=pair):
                found = {"text": text} | ({} if pair is None else {"pair": pair})
            case PlainRow(text=text):
                found = {"text": text}
            case _:
                raise UsageError(
                    f"{split.card.name} is a {split.card.kind} task: its rows are no sentences",
                    hint="bitext, ranking, classification and masked-LM tasks can be encoded",
                )
        for name, side_text in found.items():
            sides.setdefault(name, []).append((row.id, side_text.strip()))
    return {
        name: TextList(
            [row_id for row_id, _ in rows], [text for _, text in rows], split.record.digest
        )
        for name, rows in sides.items()
    }


def _surveyed(
    lines: Iterable[tuple[int, str]], path: Path | str, copy: IO[bytes] | None = None
) -> Survey:
    """Read the lines to their end, writing them into `copy` as they will be encoded."""
    sha = hashlib.sha256()
    rows, empty = 0, True
    for _, line in lines:
        rows += 1
        data = line.strip().encode() + b"\n"
        empty = empty and len(data) == 1
        sha.update(data)
        if copy is not None:
            copy.write(data)
    if empty:
        raise InputError("no sentence in it", path=path)
    return Survey(rows, sha.hexdigest())


def _version(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
