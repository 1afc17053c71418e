"""Numbers worked out by hand in PROTOCOL-scoring section 5."""

import random

import pytest

from xlit.errors import InputError, UsageError
from xlit.metrics.chunks import (
    Chunk,
    Rules,
    chunk_counts,
    chunk_f1,
    chunks,
    letter_and_type,
    score_of_counts,
    words_right,
)


def sentences(text: str) -> list[list[str]]:
    """`A B / C` is two sentences."""
    return [part.split() for part in text.split("/")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "B-PER I-PER O B-LOC / O B-ORG",
            {("PER", 0, 1), ("LOC", 3, 3), ("ORG", 6, 6)},
            id="panx",
        ),
        pytest.param(
            "I-PER I-PER O B-LOC / B-ORG I-ORG",
            {("PER", 0, 1), ("LOC", 3, 3), ("ORG", 5, 6)},
            id="inside opens a chunk",
        ),
        pytest.param(
            "PRON AUX AUX VERB", {("PRON", 0, 0), ("AUX", 1, 2), ("VERB", 3, 3)}, id="runs"
        ),
        pytest.param("SYM SYM", {("SYM", 0, 0), ("SYM", 1, 1)}, id="S stands alone"),
        pytest.param("INTJ INTJ", {("INTJ", 0, 1)}, id="I merges"),
        pytest.param("NOUN / NOUN", {("NOUN", 0, 0), ("NOUN", 2, 2)}, id="border splits a run"),
        pytest.param("B-PER I-LOC", {("PER", 0, 0), ("LOC", 1, 1)}, id="type splits"),
        pytest.param("S-PER I-PER", {("PER", 0, 0), ("PER", 1, 1)}, id="I after S"),
        pytest.param("B-PER S-PER", {("PER", 0, 0), ("PER", 1, 1)}, id="S ends a chunk"),
        pytest.param("E-PER E-PER", {("PER", 0, 0), ("PER", 1, 1)}, id="E after E"),
        pytest.param("E-PER I-PER", {("PER", 0, 0), ("PER", 1, 1)}, id="I after E"),
        pytest.param("NOUN X / X", {("NOUN", 0, 0), ("X", 1, 1), ("X", 3, 3)}, id="X at borders"),
        pytest.param("O / O O", set(), id="nothing"),
    ],
)
def test_chunks_by_the_rules_of_0_0_12(text: str, expected: set[Chunk]) -> None:
    assert chunks(sentences(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("NOUN X / X", {("OUN", 0, 0)}, id="X at a border vanishes"),
        pytest.param(
            "VERB / X NOUN", {("ERB", 0, 0), ("_", 0, 2), ("OUN", 3, 3)}, id="X keeps an old start"
        ),
        pytest.param(
            "SCONJ CCONJ", {("CONJ", 0, 0), ("CONJ", 0, 1)}, id="CCONJ continues after SCONJ"
        ),
    ],
)
def test_chunks_by_the_rules_of_1_x(text: str, expected: set[Chunk]) -> None:
    assert chunks(sentences(text), "1.x") == expected


@pytest.mark.parametrize(
    ("tag", "old", "new"),
    [
        ("B-PER", ("B", "PER"), ("B", "PER")),
        ("NOUN", ("N", "NOUN"), ("N", "OUN")),
        ("B-PER-X", ("B", "X"), ("B", "PER-X")),
        ("X", ("X", "X"), ("X", "_")),
        ("_", ("_", "_"), ("_", "_")),
        ("O", ("O", "O"), ("O", "_")),
        ("B", ("B", "B"), ("B", "_")),
        ("b-per", ("b", "per"), ("b", "per")),
        ("B-", ("B", ""), ("B", "_")),
    ],
)
def test_letter_and_type_of_a_tag(tag: str, old: tuple[str, str], new: tuple[str, str]) -> None:
    assert letter_and_type(tag) == old
    assert letter_and_type(tag, "1.x") == new


@pytest.mark.parametrize(
    ("gold", "guess", "f1", "rules"),
    [
        pytest.param(
            "B-PER I-PER O B-LOC / O B-ORG",
            "I-PER I-PER O B-LOC / B-ORG I-ORG",
            200 / 3,
            "0.0.12",
            id="panx",
        ),
        pytest.param("PRON AUX AUX VERB", "PRON AUX VERB VERB", 100 / 3, "0.0.12", id="udpos"),
        pytest.param("CCONJ NOUN", "SCONJ NOUN", 50.0, "0.0.12", id="conjunctions differ"),
        pytest.param("CCONJ NOUN", "SCONJ NOUN", 100.0, "1.x", id="1.x confuses conjunctions"),
        pytest.param("O O", "O O", 0.0, "0.0.12", id="nothing to find is 0"),
        pytest.param("O O", "B-PER O", 0.0, "0.0.12", id="nothing in the gold"),
    ],
)
def test_chunk_f1_of_worked_examples(gold: str, guess: str, f1: float, rules: Rules) -> None:
    assert chunk_f1(sentences(gold), sentences(guess), rules).f1 == pytest.approx(f1, abs=1e-9)


def test_precision_and_recall_are_not_swapped() -> None:
    score = chunk_f1([["B-PER", "O", "B-LOC", "B-ORG"]], [["B-PER", "O", "O", "O"]])
    assert (score.precision, score.recall, score.f1) == pytest.approx((100.0, 100 / 3, 50.0))


def test_another_number_of_tags_is_refused_by_default() -> None:
    with pytest.raises(InputError, match="sentence 2 has 1 tags for 2 words"):
        chunk_f1([["O"], ["O", "O"]], [["O"], ["O"]])


def test_shifting_moves_all_later_chunks() -> None:
    # a tag missing in the first sentence: only the chunk before it still matches
    gold, guess = sentences("B-PER I-PER O / B-LOC O"), sentences("B-PER I-PER / B-LOC O")
    assert chunk_f1(gold, guess, shifting=True).f1 == 50.0


def test_1_x_refuses_even_what_may_shift() -> None:
    with pytest.raises(InputError):
        chunk_f1([["O", "O"]], [["O"]], "1.x", shifting=True)


def test_another_number_of_sentences_is_refused_even_when_shifting() -> None:
    with pytest.raises(InputError, match="1 predicted sentences for 2"):
        chunk_f1([["O"], ["O"]], [["O"]], shifting=True)


def test_unknown_rules_and_empty_tags_are_refused() -> None:
    with pytest.raises(UsageError, match=r"known: 0\.0\.12, 1\.x"):
        chunks([["O"]], "2")  # type: ignore[arg-type]  # what a caller without types may send
    with pytest.raises(InputError, match="empty"):
        chunks([[""]])


@pytest.mark.parametrize("rules", ["0.0.12", "1.x"])
def test_counts_of_sentences_add_up_to_the_score_of_the_file(rules: Rules) -> None:
    rng = random.Random(7)
    tags = ["O", "B-PER", "I-PER", "I-LOC", "S-LOC", "E-PER", "NOUN", "X", "SCONJ", "CCONJ", "I-O"]
    gold = [[rng.choice(tags) for _ in range(rng.randrange(6))] for _ in range(60)]
    guess = [[tag if rng.random() < 0.7 else rng.choice(tags) for tag in s] for s in gold]
    counts = chunk_counts(gold, guess, rules)
    assert len(counts) == 60
    assert sum(count.correct for count in counts) == len(chunks(gold, rules) & chunks(guess, rules))
    assert sum(count.predicted for count in counts) == len(chunks(guess, rules))
    assert sum(count.gold for count in counts) == len(chunks(gold, rules))
    assert score_of_counts(counts) == chunk_f1(gold, guess, rules)


def test_counts_stand_at_their_sentence() -> None:
    counts = chunk_counts(sentences("B-A O / B-B B-C / O"), sentences("B-A O / B-B O / B-A"))
    assert [(c.correct, c.predicted, c.gold) for c in counts] == [(1, 1, 1), (1, 1, 2), (0, 1, 0)]


def test_words_right_is_a_share() -> None:
    assert words_right(["PRON", "AUX", "AUX", "VERB"], ["PRON", "AUX", "VERB", "VERB"]) == 0.75
    assert words_right([], []) == 1.0
    with pytest.raises(InputError):
        words_right(["O"], [])
