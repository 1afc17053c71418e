from pathlib import Path

from tests.tasks.conftest import Write
from tests.tasks.sample_cards import FILE, HEAD, card
from xlit.tasks.card import find_card
from xlit.tasks.describe import available, describe

CARVED = "[splits.dev.carve]\nsplit = 'test'\nshare = 0.2\n"


def test_what_is_at_hand_is_told_by_files_alone(write: Write) -> None:
    write("mine/test-de.tsv.gz", "not read")
    assert available(card(HEAD + FILE + CARVED)) == {"test": ["de"], "dev": ["de"]}


def test_a_joined_task_is_at_hand_with_what_it_joins(write: Write) -> None:
    write("xcopa/th/val.th.jsonl", "")
    assert available(find_card("xcopa")) == {"dev": [], "test": []}
    write("copa/val.jsonl", "")
    assert available(find_card("xcopa")) == {"dev": ["th"], "test": []}


def test_a_source_is_there_with_all_its_files(write: Write) -> None:
    write("bucc/zh-en.dev.zh", "")
    write("bucc/zh-en.dev.en", "")
    assert available(find_card("bucc"))["dev"] == []
    write("bucc/zh-en.dev.gold", "")
    assert available(find_card("bucc"))["dev"] == ["zh"]


def test_a_description_is_plain(data: Path) -> None:
    described = describe(find_card("xnli"))
    assert described["trains_on"] == "mnli"
    assert described["labels"] == ["contradiction", "entailment", "neutral"]
    assert described["splits"] == {"dev": [], "test": []}
