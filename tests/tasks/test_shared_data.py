"""Every card over the real data; row counts as the data's own table of sources has them."""

from collections import Counter
from pathlib import Path

import pytest

from xlit.errors import MissingError
from xlit.tasks.card import find_card, parse_card
from xlit.tasks.describe import available
from xlit.tasks.rows import BitextRow, ChoiceRow, SpanRow, TaggedRow, TextRow
from xlit.tasks.sources import Split, load_split

pytestmark = [pytest.mark.shared, pytest.mark.usefixtures("shared_data")]

COUNTS = {
    ("mnli", "train", "en"): 24511,
    ("mnli", "dev", "en"): 9815,
    ("siqa", "train", "en"): 33410,
    ("siqa", "dev", "en"): 1954,
    ("copa", "train", "en"): 400,
    ("copa", "dev", "en"): 100,
    ("copa", "test", "en"): 500,
    ("udpos", "train", "en"): 21787,
    ("udpos", "dev", "en"): 3974,
    ("udpos", "test", "ru"): 3000,
    ("udpos", "test", "te"): 146,
    ("udpos", "test", "mr"): 47,
    ("udpos", "test", "tr"): 5842,
    ("bucc", "dev", "zh"): 8624 + 13589 + 257,
}
PAIRS = {"kk": 575, "ml": 687, "sw": 390, "ta": 307, "th": 548}


def load(task: str, split: str, language: str) -> Split:
    return load_split(find_card(task), split, language)


@pytest.mark.parametrize(("place", "count"), COUNTS.items(), ids=[" ".join(p) for p in COUNTS])
def test_a_split_has_the_rows_of_its_source(place: tuple[str, str, str], count: int) -> None:
    assert load(*place).record.rows == count


def test_all_languages_at_hand_load_whole() -> None:
    languages = {}
    for task, split, count in (
        ("xnli", "dev", 2490),
        ("xnli", "test", 5010),
        ("xcopa", "dev", 100),
        ("xcopa", "test", 500),
        ("xquad", "test", 1190),
    ):
        at_hand = available(find_card(task))[split]
        languages[task] = len(at_hand)
        for language in at_hand:
            got = load(task, split, language)
            assert got.record.rows == count, (task, split, language)
    assert languages == {"xnli": 12, "xcopa": 9, "xquad": 10}


def test_tatoeba_has_its_pairs_in_37_languages() -> None:
    at_hand = available(find_card("tatoeba"))["test"]
    assert len(at_hand) == 37
    for language in at_hand:
        split = load("tatoeba", "test", language)
        gold = [row for row in split.rows if isinstance(row, BitextRow) and row.side == "gold"]
        assert len(gold) == PAIRS.get(language, 1000), language
        assert split.record.notes == ()


def test_udpos_test_loads_in_31_languages() -> None:
    at_hand = available(find_card("udpos"))["test"]
    assert len(at_hand) == 31
    tokens = {}
    for language in at_hand:
        rows = load("udpos", "test", language).rows
        tokens[language] = sum(len(row.words) for row in rows if isinstance(row, TaggedRow))
    assert {tokens["he"], tokens["hi"], tokens["zh"]} == {8829, 59259, 62569}


def test_the_parts_of_mnli_are_noted_as_parts() -> None:
    split = load("mnli", "train", "en")
    assert "24511 of 392702 rows" in split.record.notes
    labels = Counter(row.label for row in split.rows if isinstance(row, TextRow))
    assert labels == {
        "contradiction": 5504 + 3216,
        "entailment": 5100 + 3093,
        "neutral": 4397 + 3201,
    }


def test_xnli_labels_are_the_same_in_all_languages() -> None:
    labels = [
        [row.label for row in load("xnli", "test", language).rows if isinstance(row, TextRow)]
        for language in ("en", "hi", "th")
    ]
    assert labels[0] == labels[1] == labels[2]
    assert Counter(labels[0]) == dict.fromkeys(find_card("xnli").labels, 1670)


@pytest.mark.parametrize(
    # items whose question type is wrong as released (data/SOURCES.md)
    ("language", "wrong"),
    [("th", 250), ("tr", 51), ("sw", 37), ("id", 4), ("it", 4), ("et", 0), ("zh", 0)],
)
def test_xcopa_questions_are_mended(language: str, wrong: int) -> None:
    xcopa = find_card("xcopa")
    mended = load_split(xcopa, "test", language).rows
    released = load_split(xcopa, "test", language, as_released=True).rows
    differ = sum(
        one.question != other.question
        for one, other in zip(mended, released, strict=True)
        if isinstance(one, ChoiceRow) and isinstance(other, ChoiceRow)
    )
    assert differ == wrong


def test_squad_is_not_here_though_parts_of_it_are() -> None:
    for split in ("train", "dev"):
        with pytest.raises(MissingError, match="looked for squad/"):
            load("squad", split, "en")


def test_every_answer_of_xquad_stands_at_its_offset() -> None:
    for language in ("hi", "zh"):
        rows = load("xquad", "test", language).rows
        assert all(len(row.texts) == 1 for row in rows if isinstance(row, SpanRow))


SQUAD_PARTS = """
name = "squad-parts"
kind = "span_qa"
summary = "two parts of SQuAD's dev sets"
licence = "CC BY-SA 4.0"
citation = "Rajpurkar et al. 2016, 2018"
languages = ["en"]
metric = "squad"
evaluate = "dev"
group = "context"
[[splits.train.sources]]
kind = "files"
[[splits.train.sources.files]]
path = "squad/dev.json"
format = "squad"
[[splits.train.sources.files]]
path = "squad/dev-v2.0.json"
format = "squad"
[splits.dev.carve]
split = "train"
share = 0.1
"""


def test_carving_by_paragraph_keeps_the_83_shared_contexts_apart() -> None:
    card = parse_card(SQUAD_PARTS, "squad-parts.toml")
    train, dev = (load_split(card, split, "en").rows for split in ("train", "dev"))
    assert len(train) + len(dev) == 4566 + 5349
    contexts = [{row.context for row in rows if isinstance(row, SpanRow)} for rows in (train, dev)]
    assert not contexts[0] & contexts[1]
    assert len(contexts[0] | contexts[1]) == 905 + 568 - 83
    assert sum(not row.texts for row in (*train, *dev) if isinstance(row, SpanRow)) == 2774


@pytest.mark.parametrize("language", ["de", "hi"])
def test_both_layouts_of_tatoeba_give_the_same_rows(
    language: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aligned = load("tatoeba", "test", language).record
    (tmp_path / "tatoeba").mkdir()
    (tmp_path / "tatoeba/xtreme_style").symlink_to(shared_data / "tatoeba/xtreme_style")
    monkeypatch.setenv("XLIT_DATA", str(tmp_path))
    shuffled = load("tatoeba", "test", language).record
    assert shuffled.files != aligned.files
    assert shuffled.digest == aligned.digest


def test_english_of_tatoeba_is_in_the_official_order(golden: Path) -> None:
    rows = load("tatoeba", "test", "de").rows
    ids = [row.id for row in rows if isinstance(row, BitextRow) and row.side == "target"]
    official = (golden / "xtreme-mock/labels/tatoeba/test-de.tsv").read_text().split()
    assert ids[: len(official)] == official
