"""pocket-nli: sizes, balance, and that no half of a row gives the label away."""

from collections import Counter, defaultdict

import pytest

from xlit.pocket.nli import LABELS
from xlit.pocket.world import LANGUAGES, generate


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_labels_are_balanced_within_one_row(split: str) -> None:
    counts = Counter(row["label"] for row in generate("pocket-nli", split, "en"))
    assert set(counts) == set(LABELS)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_sizes_are_as_promised() -> None:
    assert len(generate("pocket-nli", "train", "en")) >= 2000
    for language in LANGUAGES:
        assert len(generate("pocket-nli", "dev", language)) >= 200
        assert len(generate("pocket-nli", "test", language)) == 200


@pytest.mark.parametrize("split", ["train", "dev", "test"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hypothesis_alone_does_not_tell_its_label(split: str, language: str) -> None:
    if split == "train" and language != "en":
        return
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for row in generate("pocket-nli", split, language):
        labels[row["pair"]][row["label"]] += 1
    best = sum(max(counts.values()) for counts in labels.values())
    rows = sum(counts.total() for counts in labels.values())
    # Each hypothesis stands once under each label, but the last one when the split is cut.
    assert all(max(counts.values()) == 1 for counts in labels.values())
    assert best / rows <= 1 / 3 + 1 / rows


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_no_premise_repeats_its_hypothesis_alone(split: str) -> None:
    assert all(row["text"] != row["pair"] for row in generate("pocket-nli", split, "en"))


def test_premises_have_one_fact_or_two_under_every_label() -> None:
    facts = Counter(
        (row["label"], row["text"].count(".")) for row in generate("pocket-nli", "train", "en")
    )
    assert set(facts) == {(label, number) for label in LABELS for number in (1, 2)}
    assert min(facts.values()) > 400
