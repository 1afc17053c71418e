"""Texts to encode: the same rows and digest however they arrive, and what is no text."""

import gzip
import io
import os
import resource
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.little import write_little
from xlit.errors import InputError, MissingError, StoppedError, UsageError
from xlit.retrieval import texts as texts_module
from xlit.retrieval.texts import TextFile, open_text, sides_of, spooled, text_record
from xlit.tasks.card import find_card
from xlit.tasks.rows import RankingRow
from xlit.tasks.sources import load_split

LINES = ["Das Kind liest.", "", "A tab\there", "Das Kind liest.", "a\u2028b", "यह"]
PLAIN = "\n".join(LINES).encode() + b"\n"


def ways(folder: Path) -> dict[str, bytes]:
    return {
        "plain.txt": PLAIN,
        "packed.txt.gz": gzip.compress(PLAIN),
        "windows.txt": b"\xef\xbb\xbf" + PLAIN.replace(b"\n", b"\r\n"),
        "spaces.txt": b"  " + PLAIN.replace(b"\n", b" \n"),
        "no-last-line-end.txt": PLAIN[:-1],
    }


@pytest.mark.parametrize("name", [*ways(Path()), "a pipe", "a named pipe"])
def test_the_rows_and_the_digest_are_the_same_however_a_text_arrives(
    tmp_path: Path, name: str
) -> None:
    plain = tmp_path / "reference"
    plain.write_bytes(PLAIN)
    expected = open_text(plain, "--text", tmp_path)
    path = tmp_path / name
    if name == "a pipe":
        text = spooled(io.BytesIO(PLAIN), "stdin", tmp_path / "runs")
    elif name == "a named pipe":
        os.mkfifo(path)
        writer = threading.Thread(target=path.write_bytes, args=(PLAIN,))
        writer.start()
        text = open_text(path, "--text", tmp_path)  # type: ignore[assignment]  # either has rows
        writer.join()
    else:
        path.write_bytes(ways(tmp_path)[name])
        text = open_text(path, "--text", tmp_path)  # type: ignore[assignment]  # either has rows
    assert text.survey == expected.survey
    for _ in range(2):  # it can be gone through again
        assert list(text) == [(str(n), line.strip()) for n, line in enumerate(LINES, 1)]
    text.check_unchanged()
    assert text_record(text)["rows"] == len(LINES)


def test_a_spooled_text_leaves_no_file(tmp_path: Path) -> None:
    text = spooled(io.BytesIO(PLAIN), "stdin", tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []
    assert text.survey.rows == len(LINES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n \n\t\n", "no sentence in it"),
        (b"good\nbad \xff\n", "a.txt:2: not UTF-8: byte 5 of the line is 0xff"),
        (b"good\n" + b"x" * 101, "a.txt:2: a line of more than 100 bytes"),
    ],
    ids=["empty", "blank", "not UTF-8", "a line without end"],
)
def test_what_is_no_text_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.setattr(texts_module, "LONGEST", 100)  # sixteen megabytes would take time
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_text(path, "--text", tmp_path)
    with pytest.raises(InputError, match=message):
        spooled(io.BytesIO(content), str(path), tmp_path)


def test_what_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"--text .*none.txt: no such file"):
        open_text(tmp_path / "none.txt", "--text", tmp_path)
    with pytest.raises(InputError, match="a directory"):
        open_text(tmp_path, "--text", tmp_path)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(PLAIN)[:-9])
    with pytest.raises(InputError, match="truncated"):
        open_text(tmp_path / "cut.gz", "--text", tmp_path)


def test_a_socket_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # its whole path may be longer than a socket's can be
    with socket.socket(socket.AF_UNIX) as there:
        there.bind("socket")
        with pytest.raises(InputError, match="socket: cannot be read"):
            open_text(Path("socket"), "--text", tmp_path)


def test_a_file_that_changes_after_the_survey_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(PLAIN)
    text = open_text(path, "--text", tmp_path)
    assert isinstance(text, TextFile)
    with path.open("ab") as stream:
        stream.write(b"one more\n")
    with pytest.raises(InputError, match="changed while it was read"):
        text.check_unchanged()
    path.unlink()
    with pytest.raises(InputError, match="changed while it was read"):
        text.check_unchanged()


@pytest.mark.parametrize("room", ["a.txt", "a.txt/runs"], ids=["a file", "below a file"])
def test_a_pipe_that_can_be_kept_nowhere_is_wrong_usage(tmp_path: Path, room: str) -> None:
    (tmp_path / "a.txt").write_bytes(PLAIN)
    with pytest.raises(UsageError, match=r"stdin cannot be kept below .*a\.txt"):
        spooled(io.BytesIO(PLAIN), "stdin", tmp_path / room)


def test_no_room_for_a_pipe_stops_in_good_order(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(StoppedError, match="ulimit -f"):
            spooled(io.BytesIO(PLAIN * 2000), "stdin", tmp_path / "runs")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_bitext_task_has_two_sides_and_no_gold() -> None:
    split = load_split(find_card("pocket-bitext"), "test", "de")
    sides = sides_of(split)
    assert list(sides) == ["source", "target"]
    bitext = [row for row in split.rows if getattr(row, "side", "") == "source"]
    assert list(sides["source"]) == [(row.id, getattr(row, "text", "")) for row in bitext]
    assert sides["target"].survey.digest == split.record.digest


def test_a_ranking_task_has_queries_and_candidates_with_their_context() -> None:
    split = replace(
        load_split(find_card("pocket-bitext"), "test", "de"),
        rows=(
            RankingRow("q", "query", "Who?", "She did. Then he did.", ("c",)),
            RankingRow("c", "candidate", "She did.", " She did. Then he did."),
        ),
    )
    sides = {name: list(side) for name, side in sides_of(split).items()}
    assert sides == {
        "query": [("q", "Who?")],
        "candidate": [("c", "She did. She did. Then he did.")],
    }


def test_a_task_without_sentences_is_refused() -> None:
    with pytest.raises(UsageError, match="its rows are no sentences"):
        sides_of(load_split(find_card("pocket-copa"), "train", "en"))


def test_a_classification_task_has_texts_and_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(sides_of(load_split(find_card("pocket-nli"), "train", "en"))) == ["text", "pair"]
    card = find_card(str(write_little(tmp_path)))
    monkeypatch.setenv("XLIT_DATA", str(tmp_path))
    assert list(sides_of(load_split(card, "train", "en"))) == ["text"]
