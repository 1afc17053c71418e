import gzip
from pathlib import Path

import pytest

from tests.tasks.conftest import Write
from xlit.errors import InputError
from xlit.tasks.readers import (
    read_json,
    read_json_lines,
    read_lines,
    read_sentences,
    read_table,
)


def test_only_line_feeds_end_lines(write: Write) -> None:
    path = write("a", "one\u2028still one\x85and \x0c on\r\ntwo\rtwo\n\nfour")
    assert list(read_lines(path)) == [
        (1, "one\u2028still one\x85and \x0c on"),
        (2, "two\rtwo"),
        (3, ""),
        (4, "four"),
    ]


def test_gzip_reads_as_plain(write: Write) -> None:
    text = "eins\tzwei\nдва\n"
    assert list(read_lines(write("a.gz", text))) == list(read_lines(write("a", text)))


def test_a_byte_order_mark_is_no_text(write: Write) -> None:
    assert list(read_lines(write("a", "\ufeffpremise\n"))) == [(1, "premise")]


def _truncated(write: Write) -> Path:
    path = write("a.gz", "line\n" * 5000)
    path.write_bytes(path.read_bytes()[:-20])
    return path


def _damaged(write: Write) -> Path:
    path = write("a.gz", "".join(f"line {i * i}\n" for i in range(5000)))
    raw = bytearray(path.read_bytes())
    raw[200:300] = bytes(100)
    path.write_bytes(bytes(raw))
    return path


def _folder(write: Write) -> Path:
    return write("folder/a", "x").parent


BAD = {
    "empty": (lambda write: write("a", ""), r"a: the file is empty"),
    "empty gzip": (lambda write: write("a.gz", ""), r"a\.gz: the file is empty"),
    "Latin-1": (lambda write: write("a", b"ok\nna\xefve\n"), r"a:2: not UTF-8: byte 3 .* 0xef"),
    "UTF-16": (lambda write: write("a", "ab\n".encode("utf-16")), r"a:1: not UTF-8: byte 1"),
    "truncated gzip": (_truncated, r"a\.gz:\d+: the gzip file is truncated"),
    "damaged gzip": (_damaged, r"a\.gz:\d+: a damaged gzip file"),
    "no gzip": (
        lambda write: write("b", "x").rename(write("b", "x").parent / "a.gz"),
        r"a\.gz:1: ",
    ),
    "a folder": (_folder, r"folder: cannot be read: Is a directory"),
    "gone": (lambda write: write("a", "x").parent / "b", r"b: cannot be read: No such file"),
}


@pytest.mark.parametrize(("make", "problem"), BAD.values(), ids=BAD.keys())
def test_a_file_that_cannot_be_read_is_named(make, problem: str, write: Write) -> None:  # type: ignore[no-untyped-def]  # a table of lambdas
    with pytest.raises(InputError, match=problem):
        list(read_lines(make(write)))


def test_quotes_of_a_plain_table_are_text(write: Write) -> None:
    path = write("a", '"He said ""no""."\tb\n"open\tc\n')
    assert [row for _, row in read_table(path, "\t", quoted=False)] == [
        ['"He said ""no""."', "b"],
        ['"open', "c"],
    ]


def test_quotes_of_a_quoted_table_are_taken_off(write: Write) -> None:
    path = write("a", '"He said ""no""."\tb\r\n"a\r\nb"\tc\r\nd\te\r\n')
    rows = list(read_table(path, "\t", quoted=True))
    # a field over two lines: the row begins at line 2, the next at line 4
    assert rows == [(1, ['He said "no".', "b"]), (2, ["a\nb", "c"]), (4, ["d", "e"])]


def test_bad_quoting_names_the_line(write: Write) -> None:
    with pytest.raises(InputError, match=r"a:2: bad quoting"):
        list(read_table(write("a", 'a,b\n"a"x,b\n'), ",", quoted=True))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1}\n{"a": \n', r"a:2: not JSON"),
        ('{"a": 1}\n[1]\n', r"a:2: a JSON object is wanted"),
        ('{"a": 1}\n\n', r"a:2: not JSON"),
        ('{"a": "\\ud800"}\n', r"a:1: half a surrogate pair: \\ud800"),
    ],
    ids=["cut", "list", "blank line", "surrogate"],
)
def test_a_bad_json_line_is_named(text: str, problem: str, write: Write) -> None:
    with pytest.raises(InputError, match=problem):
        list(read_json_lines(write("a", text)))


def test_json_lines_keep_escaped_line_separators(write: Write) -> None:
    path = write("a.gz", '{"a": "x\\u2028y\\ud83d\\ude00"}\n')
    assert list(read_json_lines(path)) == [(1, {"a": "x\u2028y😀"})]


def test_bad_json_names_its_line(write: Write) -> None:
    with pytest.raises(InputError, match=r"a:3: not JSON"):
        read_json(write("a", '{"data": [\n1,\n}\n'))


def test_sentences_are_parted_by_any_number_of_blank_lines(write: Write) -> None:
    path = write("a", "\n\nIch\tPRON\nbin\tAUX\r\n\r\n \nda\tADV\n\n\n")
    assert list(read_sentences(path)) == [
        [(3, ["Ich", "PRON"]), (4, ["bin", "AUX"])],
        [(7, ["da", "ADV"])],
    ]


def test_the_last_sentence_needs_no_blank_line(write: Write) -> None:
    path = gzip.compress(b"a\tX\n\nb\tX")
    assert len(list(read_sentences(write("a.gz", gzip.decompress(path))))) == 2
