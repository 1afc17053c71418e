import json
from pathlib import Path

import pytest

from xlit.errors import InputError
from xlit.evaluation.layout import (
    pair_lines,
    read_json_labels,
    read_lines,
    read_tags,
    squad_object,
    tag_lines,
    write_labels,
    write_predictions,
)
from xlit.tasks.rows import SpanRow


def file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "test-de.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("a\nb\n", ["a", "b"], id="final newline makes no record"),
        pytest.param("a\nb", ["a", "b"], id="no final newline"),
        pytest.param("a\n\nb\n\n", ["a", "", "b", ""], id="blank lines are records"),
        pytest.param("a\r\nb\rc\n", ["a", "b", "c"], id="three line ends"),
        pytest.param("a\r\n\r\n", ["a", ""], id="blank CRLF line"),
        pytest.param("\u2028a\u2028b\u0085\n", ["a\u2028b"], id="separators end no line"),
        pytest.param(" \u00a0a\u3000\n", ["a"], id="Unicode white space is stripped"),
        pytest.param("\ufeffa\n", ["\ufeffa"], id="byte order mark stays"),
    ],
)
def test_lines_of_a_label_file(tmp_path: Path, content: str, lines: list[str]) -> None:
    assert read_lines(file(tmp_path, content)) == lines


@pytest.mark.parametrize(
    ("content", "sentences", "lines"),
    [
        pytest.param("O\n\n\nB-LOC\n", (("O",), (), ("B-LOC",)), (1, 3, 4), id="two blank lines"),
        pytest.param("O\nO\n\nO\n\n", (("O", "O"), ("O",)), (1, 4), id="final blank is neutral"),
        pytest.param("O\n\n\n", (("O",), ()), (1, 3), id="second final blank is a sentence"),
        pytest.param("\nO", ((), ("O",)), (1, 2), id="blank first line"),
        pytest.param("O\n\u00a0\nO\n", (("O",), ("O",)), (1, 3), id="no-break space is blank"),
        pytest.param("", (), (), id="empty"),
    ],
)
def test_sentences_of_a_tag_file(
    tmp_path: Path, content: str, sentences: tuple[tuple[str, ...], ...], lines: tuple[int, ...]
) -> None:
    tags = read_tags(file(tmp_path, content))
    assert (tags.sentences, tags.lines) == (sentences, lines)


def test_a_bad_byte_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"test-de\.tsv:3: no UTF-8"):
        read_lines(file(tmp_path, b"a\r\nb\rK\xf6ln\n"))


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_lines(tmp_path)


@pytest.mark.parametrize(
    ("content", "line"),
    [('{"label": 1}\n\n', 2), ('{"label": 1}\n{"pred": 1}\n', 2), ("1\n", 1), ('{"label": ', 1)],
)
def test_bad_json_lines_are_refused_with_their_line(
    tmp_path: Path, content: str, line: int
) -> None:
    with pytest.raises(InputError) as caught:
        read_json_labels(file(tmp_path, content))
    assert caught.value.line == line


def test_tags_are_read_as_they_were_written(tmp_path: Path) -> None:
    sentences = (("O", "B-PER"), (), ("NOUN",), ())
    path = write_predictions(tmp_path, "panx", "de", tag_lines(sentences), "tsv")
    assert path == tmp_path / "predictions" / "panx" / "test-de.tsv"
    assert read_tags(path).sentences == sentences


def test_labels_go_beside_predictions_in_the_official_format(tmp_path: Path) -> None:
    path = write_labels(tmp_path, "bucc2018", "fr", pair_lines([("fr-1", "en-2")]), "tsv")
    assert path == tmp_path / "labels" / "bucc2018" / "test-fr.tsv"
    assert path.read_bytes() == b"fr-1\ten-2\n"


def test_answers_are_written_as_readable_json(tmp_path: Path) -> None:
    path = write_predictions(tmp_path, "xquad", "zh", {"q1": "北京"}, "json")
    assert json.loads(path.read_text("utf-8")) == {"q1": "北京"}
    assert "北京" in path.read_text("utf-8")


def test_json_lines_have_one_object_a_line(tmp_path: Path) -> None:
    path = write_predictions(tmp_path, "xcopa", "et", [{"label": 0}, {"label": 1}], "jsonl")
    assert read_json_labels(path) == [0, 1]


def test_writing_leaves_only_the_file_and_replaces_an_old_one(tmp_path: Path) -> None:
    for records in (["a", "b"], ["c"]):
        path = write_predictions(tmp_path, "xnli", "de", records, "tsv")
    assert [entry.name for entry in path.parent.iterdir()] == ["test-de.tsv"]
    assert path.read_bytes() == b"c\n"


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_predictions(tmp_path, "xnli", "de", ["old"], "tsv")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_predictions(tmp_path, "xnli", "de", ["new"], "tsv")
    assert path.read_bytes() == b"old\n"
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("records", "ext"),
    [(["a\nb"], "tsv"), ([{"label": 1}], "tsv"), (["a"], "jsonl"), (["a"], "json")],
)
def test_records_that_do_not_fit_the_format_are_refused(
    tmp_path: Path, records: list[str], ext: str
) -> None:
    with pytest.raises(InputError):
        write_predictions(tmp_path, "t", "de", records, ext)  # type: ignore[arg-type]  # parametrised
    assert list(tmp_path.iterdir()) == []


def test_a_blank_tag_is_refused() -> None:
    with pytest.raises(InputError, match="sentence 2 has a blank tag"):
        tag_lines([["O"], ["O", " "]])


def test_questions_on_one_context_share_a_paragraph() -> None:
    rows = [
        SpanRow("1", "AB", "?", ("A",), (0,)),
        SpanRow("2", "AB", "?", ("B", "AB"), (1, 0)),
        SpanRow("3", "C", "?", ("C",), (0,)),
    ]
    paragraphs = squad_object(rows)["data"][0]["paragraphs"]
    assert [[qa["id"] for qa in paragraph["qas"]] for paragraph in paragraphs] == [
        ["1", "2"],
        ["3"],
    ]
    assert paragraphs[0]["qas"][1]["answers"] == [
        {"answer_start": 1, "text": "B"},
        {"answer_start": 0, "text": "AB"},
    ]
