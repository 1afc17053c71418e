"""pocket-copa: sizes, balance, and that no choice is right by itself."""

from collections import Counter

import pytest

from xlit.pocket.lexicon import LEXICONS
from xlit.pocket.world import LANGUAGES, generate


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_labels_and_questions_are_balanced(split: str) -> None:
    rows = generate("pocket-copa", split, "en")
    labels = Counter(row["label"] for row in rows)
    questions = Counter(row["question"] for row in rows)
    assert labels[0] == labels[1] == len(rows) / 2
    assert questions["cause"] == questions["effect"] == len(rows) / 2


def test_sizes_are_as_promised() -> None:
    assert len(generate("pocket-copa", "train", "en")) >= 800
    for language in LANGUAGES:
        assert len(generate("pocket-copa", "dev", language)) == 200
        assert len(generate("pocket-copa", "test", language)) == 200


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_each_choice_is_right_as_often_as_it_is_wrong(split: str) -> None:
    names = LEXICONS["en"].splits[split].names
    balance: Counter[str] = Counter()
    for row in generate("pocket-copa", split, "en"):
        for place, choice in enumerate(row["choices"]):
            for name in names:
                choice = choice.replace(name, "{s}")
            balance[choice] += 1 if place == row["label"] else -1
    assert len(balance) == 2 * len(LEXICONS["en"].splits[split].scenes)
    assert set(balance.values()) == {0}


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_the_right_choice_is_the_other_half_of_the_scene(split: str) -> None:
    names = LEXICONS["en"].splits[split].names
    told = {
        tuple(half.replace("{s}", name) + "." for half in scene)
        for scene in LEXICONS["en"].splits[split].scenes.values()
        for name in names
    }
    for row in generate("pocket-copa", split, "en"):
        pairs = [(row["context"], choice) for choice in row["choices"]]
        if row["question"] == "cause":
            pairs = [(choice, context) for context, choice in pairs]
        assert [pair in told for pair in pairs] == [place == row["label"] for place in (0, 1)]


def test_every_scene_pairs_with_its_neighbour() -> None:
    for split in ("train", "dev", "test"):
        assert len(LEXICONS["en"].splits[split].scenes) % 2 == 0
