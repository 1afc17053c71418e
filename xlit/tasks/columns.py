"""Makes rows of records: columns to fields, values and labels by name, files beside, joins."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from xlit.errors import InputError
from xlit.tasks.layout import RecordColumns, RecordFile, Selector
from xlit.tasks.lookup import FoundFile
from xlit.tasks.readers import Records, read_json_lines, read_table
from xlit.tasks.rows import ChoiceRow, Row, TextRow

Take = Callable[[Any], Any]
Joined = Mapping[str, Mapping[str, Any]]  # field -> id -> value


class BadRecordError(Exception):
    """A record that makes no row. The caller knows the file and the line."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """In place of a label: the row is left out, as the card says."""

    label: str


@dataclass(slots=True)
class RecordReader:
    """Reads the records of one file of a card as rows of `kind`, with `labels` in the card's order.

    `dropped` counts, by label, the rows that were left out.
    """

    kind: str
    labels: tuple[str, ...]
    file: RecordFile
    joined: Joined
    language: str
    dropped: dict[str, int]

    def rows(self, found: list[FoundFile], start: int) -> Iterator[Row]:
        """Rows of the file found[0] and those beside it; ids without a column go on from `start`.

        Raises InputError with file and line.
        """
        streams = [_Stream(self, file, one) for file, one in zip(self._parts(), found, strict=True)]
        fixed = dict(self.file.fixed)
        build = {"classification": _text_row, "multiple_choice": _choice_row}[self.kind]
        number = start
        main = streams[0]
        for values in _aligned(streams):
            values.update(fixed)
            try:
                if self.file.where and not main.kept(self.file.where, self.language):
                    continue
                if self.joined:
                    self._join(main, values)
                label = values.get("label")
                if isinstance(label, Dropped):
                    self.dropped[label.label] = self.dropped.get(label.label, 0) + 1
                    continue
                row = build(values, str(number))
            except BadRecordError as error:
                raise main.error(str(error)) from error
            number += 1
            yield row

    def _parts(self) -> list[RecordColumns]:
        return [self.file, *self.file.beside]

    def _join(self, main: "_Stream", values: dict[str, Any]) -> None:
        for field, rows in self.joined.items():
            key = str(main.value(self.file.join[field].on))
            if key not in rows:
                raise BadRecordError(f"no row {key!r} to join {field} from in {self._other(field)}")
            values[field] = rows[key]

    def _other(self, field: str) -> str:
        join = self.file.join[field]
        return f"{join.card} {join.split}"


class _Stream:
    """One file's records with the functions that take the fields out of them."""

    def __init__(self, reader: RecordReader, part: RecordColumns, found: FoundFile) -> None:
        self.path = found.path
        self.line = 0
        self.record: Any = None
        self._part = part
        self._names: dict[str, int] | None = None
        records = _open_records(part, found)
        if part.header:
            self.line, header = next(records)
            self._names = {name: i for i, name in enumerate(header)}
        first = next(records, None)
        if first is None:
            raise InputError("no rows after the header", path=self.path)
        self.records = chain([first], records)
        if not part.header:  # a column that lacks is the header's fault where there is one
            self.line = first[0]
        try:
            self.takes = self._compile(reader, first[1])
        except BadRecordError as error:
            raise self.error(str(error)) from error

    def error(self, message: str) -> InputError:
        return InputError(message, path=self.path, line=self.line)

    def value(self, selector: Selector) -> Any:
        """The value of a column of the present record."""
        return self._select(selector)(self.record)

    def kept(self, where: Mapping[str, str], language: str) -> bool:
        return all(
            str(self.value(column)) == wanted.format(lang=language, code=language)
            for column, wanted in where.items()
        )

    def fields(self, line: int, record: Any) -> dict[str, Any]:
        """The fields that this file gives for one row."""
        self.line, self.record = line, record
        if self._names is not None and len(record) != len(self._names):
            raise self.error(f"{len(record)} columns under a header of {len(self._names)}")
        try:
            return {field: take(record) for field, take in self.takes}
        except BadRecordError as error:
            raise self.error(str(error)) from error

    def _compile(self, reader: RecordReader, first: Any) -> list[tuple[str, Take]]:
        takes: list[tuple[str, Take]] = []
        for field, selector in self._part.columns.items():
            if field in self._part.optional_columns and not self._has(selector, first):
                takes.append((field, self._absent(selector)))
            elif isinstance(selector, tuple):
                takes.append((field, _all([_text(self._select(one), one) for one in selector])))
            elif field == "label":
                takes.append((field, _label(self._select(selector), self._part, reader)))
            elif field == "id":
                takes.append((field, _id(self._select(selector))))
            else:
                take = _text(self._select(selector), selector)
                mapping = self._part.values.get(field)
                takes.append((field, take if mapping is None else _mapped(take, field, mapping)))
        return takes

    def _has(self, selector: Selector | tuple[Selector, ...], record: Any) -> bool:
        try:
            for one in selector if isinstance(selector, tuple) else (selector,):
                self._select(one)(record)
        except BadRecordError:
            return False
        return True

    def _absent(self, selector: Selector | tuple[Selector, ...]) -> Take:
        def take(record: Any) -> None:
            if self._has(selector, record):
                raise BadRecordError(f"a column {selector}, which the file's first row lacks")

        return take

    def _select(self, selector: Selector) -> Take:
        if self._part.format == "jsonl":
            return _json_value(str(selector))
        if isinstance(selector, int):
            return _numbered(selector)
        assert self._names is not None, "the schema asks for a header where columns have names"
        if selector not in self._names:
            raise BadRecordError(f"no column {selector!r} in the header: {', '.join(self._names)}")
        return _numbered(self._names[selector] + 1)


def _aligned(streams: list[_Stream]) -> Iterator[dict[str, Any]]:
    """The fields of each row from all files; files that differ in length are an error."""
    if len(streams) == 1:
        only = streams[0]
        for line, record in only.records:
            yield only.fields(line, record)
        return
    main = streams[0]
    for records in zip_longest(*(stream.records for stream in streams)):
        values: dict[str, Any] = {}
        for stream, record in zip(streams, records, strict=True):
            if record is None:
                other = next(s for s, r in zip(streams, records, strict=True) if r is not None)
                raise InputError(
                    f"the file ends here, {other.path} beside it goes on",
                    path=stream.path,
                    line=stream.line,
                )
            values.update(stream.fields(*record))
        main.record = records[0][1]
        yield values


def _open_records(part: RecordColumns, found: FoundFile) -> Records:
    if part.format == "jsonl":
        return read_json_lines(found.path)
    delimiter = "," if part.format == "csv" else "\t"
    return read_table(found.path, delimiter, quoted=part.format != "tsv")


def _numbered(number: int) -> Take:
    index = number - 1

    def take(record: list[str]) -> str:
        try:
            return record[index]
        except IndexError:
            have = f"{len(record)} column{'s' if len(record) > 1 else ''}"
            raise BadRecordError(f"{have}, but column {number} is wanted") from None

    return take


def _json_value(name: str) -> Take:
    """The value of a key, or of a dotted path into nested JSON where there is no such key."""
    parts = name.split(".")

    def take(record: dict[str, Any]) -> Any:
        if name in record:
            return record[name]
        value: Any = record
        for part in parts:
            if isinstance(value, dict) and part in value:
                value = value[part]
            elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
                value = value[int(part)]
            else:
                raise BadRecordError(f"no key {name!r}; there are {', '.join(record)}")
        return value

    return take


def _text(select: Take, selector: Selector) -> Take:
    def take(record: Any) -> str:
        value = select(record)
        if not isinstance(value, str):
            raise BadRecordError(f"column {selector!r} is {value!r}, no text")
        return value

    return take


def _id(select: Take) -> Take:
    def take(record: Any) -> str:
        value = select(record)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise BadRecordError(f"{value!r} is no id")
        return str(value)

    return take


def _all(takes: list[Take]) -> Take:
    return lambda record: tuple(take(record) for take in takes)


def _mapped(take_text: Take, field: str, mapping: Mapping[str, str]) -> Take:
    def take(record: Any) -> str:
        value = take_text(record)
        if value not in mapping:
            raise BadRecordError(f"unknown {field} {value!r}; the card knows {', '.join(mapping)}")
        return mapping[value]

    return take


def _label(select: Take, part: RecordColumns, reader: RecordReader) -> Take:
    """Label values by name: the file's own map first, then the card's labels as they are."""
    known: dict[str, Any] = {label: label for label in reader.labels}
    known |= part.labels
    known |= {value: Dropped(value) for value in part.drop}
    by_number = reader.kind == "multiple_choice" and not part.labels

    def take(record: Any) -> Any:
        value = select(record)
        text = value if isinstance(value, str) else str(value)
        if text in known:
            return known[text]
        if by_number and text.isdecimal() and not isinstance(value, bool):
            return int(text)
        # str(True) is no label of any card, so that a JSON true lands here as well
        names = ", ".join(known) or "0, 1, ..."
        raise BadRecordError(f"unknown label {text!r}; known are {names}")

    return take


def _text_row(values: dict[str, Any], number: str) -> Row:
    return TextRow(
        values.get("id", number), values["text"], values.get("pair"), values.get("label")
    )


def _choice_row(values: dict[str, Any], number: str) -> Row:
    choices, label = values["choices"], values.get("label")
    if label is not None and not 0 <= label < len(choices):
        raise BadRecordError(f"label {label} of {len(choices)} choices, which count from 0")
    return ChoiceRow(
        values.get("id", number), values["context"], values.get("question", ""), choices, label
    )
