"""Reads data files: lines, tables, JSON lines, tokens. Plain or gzip, UTF-8, strictly.

Only a line feed ends a line (a carriage return before it goes): U+2028, U+0085 and their like occur
inside sentences. Line numbers count from 1, headers included.
"""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from xlit.errors import InputError

Records = Iterator[tuple[int, Any]]

csv.field_size_limit(1 << 26)


def read_lines(path: Path, *, longest: int | None = None) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers: see `lines_of`."""
    try:
        stream = _open(path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=path) from error
    with stream:
        yield from lines_of(stream, path, longest=longest)


def lines_of(
    stream: BinaryIO | gzip.GzipFile, path: Path | str, *, longest: int | None = None
) -> Iterator[tuple[int, str]]:
    """The lines of an open stream with their numbers; `path` is what messages call it.

    Raises InputError for one that is empty, unreadable, truncated (gzip) or not UTF-8, and for a
    line of more than `longest` bytes, which is never read whole.
    """
    number = 0
    lines = stream if longest is None else iter(partial(stream.readline, longest + 1), b"")
    try:
        for number, raw in enumerate(lines, 1):
            if longest is not None and len(raw) > longest:
                raise InputError(
                    f"a line of more than {longest:,} bytes",
                    path=path,
                    line=number,
                    hint="is this a text, one sentence a line?",
                )
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                byte = f"byte {error.start + 1} of the line is 0x{raw[error.start]:02x}"
                raise InputError(f"not UTF-8: {byte}", path=path, line=number) from error
            if number == 1:
                text = text.removeprefix("\ufeff")
            yield number, text.removesuffix("\n").removesuffix("\r")
    except EOFError as error:
        raise InputError("the gzip file is truncated", path=path, line=number + 1) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"a damaged gzip file: {error}", path=path, line=number + 1) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=path) from error
    if number == 0:
        raise InputError("the file is empty", path=path)


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")


def read_texts(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, without white space at their ends."""
    for number, line in read_lines(path):
        text = line.strip()
        if text:
            yield number, text


def read_table(path: Path, delimiter: str, *, quoted: bool) -> Records:
    """Rows of columns. Where `quoted`, fields in `"` lose them, and doubled ones become one."""
    if not quoted:
        for number, line in read_lines(path):
            yield number, line.split(delimiter)
        return
    reader = csv.reader(
        (f"{line}\n" for _, line in read_lines(path)), delimiter=delimiter, strict=True
    )
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise InputError(f"bad quoting: {error}", path=path, line=start) from error
        if row is None:
            return
        yield start, row


def read_lenient_table(path: Path) -> Records:
    """Rows of columns parted by tabs; a field that a CSV writer has quoted loses its quotes.

    Such a writer quotes a field for the quotes in it alone, and doubles these. So a field that only
    begins and ends with `"` is text: XTREME's downloader has written the same files both ways.
    """
    for number, line in read_lines(path):
        yield number, [_unquoted(field) for field in line.split("\t")]


def _unquoted(field: str) -> str:
    if len(field) > 3 and field[0] == field[-1] == '"':
        inner = field[1:-1]
        if '"' in inner and '"' not in inner.replace('""', ""):
            return inner.replace('""', '"')
    return field


def read_stanzas(path: Path, lines: int) -> Records:
    """Records of so many lines each, with the number of the first."""
    stanza: list[str] = []
    number = 0
    for number, line in read_lines(path):
        stanza.append(line)
        if len(stanza) == lines:
            yield number - lines + 1, stanza
            stanza = []
    if stanza:
        problem = f"the last record has {len(stanza)} of {lines} lines"
        raise InputError(problem, path=path, line=number - len(stanza) + 1)


def read_json_lines(path: Path) -> Records:
    """One JSON object a line."""
    loads = json.loads
    for number, line in read_lines(path):
        try:
            record = loads(line)
        except (ValueError, RecursionError) as error:  # brackets can stand too deep
            raise InputError(f"not JSON: {error}", path=path, line=number) from error
        if not isinstance(record, dict):
            raise InputError("a JSON object is wanted", path=path, line=number)
        if "\\u" in line:
            _check_escapes(record, path, number)
        yield number, record


def read_sentences(
    path: Path, separator: str | None = "\t"
) -> Iterator[list[tuple[int, list[str]]]]:
    """Sentences of tokens, each token with its line and columns; blank lines part sentences.

    Columns are parted by `separator`, or by any white space where it is None.

    Blank lines in a row part them once, as XTREME's own reader has it.
    """
    sentence: list[tuple[int, list[str]]] = []
    for number, line in read_lines(path):
        if line.strip(" \t"):
            sentence.append((number, line.split(separator)))
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def read_json(path: Path) -> Any:
    """A whole JSON file. A syntax error names its line."""
    text = "\n".join(line for _, line in read_lines(path))
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}", path=path, line=error.lineno) from error
    except (ValueError, RecursionError) as error:  # a number too long, brackets too deep
        raise InputError(f"no usable JSON: {error}", path=path) from error
    if "\\u" in text:
        _check_escapes(data, path, None)
    return data


def _check_escapes(data: Any, path: Path, line: int | None) -> None:
    r"""JSON can escape half a surrogate pair (`\ud800`), which is no text and breaks tokenisers."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        problem = f"half a surrogate pair: \\u{ord(error.object[error.start]):04x}"
        raise InputError(problem, path=path, line=line) from error
