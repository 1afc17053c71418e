"""Accuracy in both directions, against the worked example and cases worked out by hand."""

from math import sqrt

import numpy as np
import pytest

from xlit.errors import InputError, UsageError
from xlit.retrieval.tatoeba import tatoeba, tatoeba_submission
from xlit.tasks.rows import BitextRow, Row, TextRow

from .worked_example import RAW_SOURCES, RAW_TARGETS, SOURCES, TARGETS

TEXTS = ("delta", "alpha", "alpha", "Zulu")


def example_rows() -> list[Row]:
    return [
        *(BitextRow(f"s{i}", "source", f"satz {i}") for i in range(4)),
        *(BitextRow(f"t{i}", "target", text) for i, text in enumerate(TEXTS)),
        *(BitextRow(f"s{i}", "gold", f"t{i}") for i in range(4)),
    ]


def test_the_worked_example_is_reproduced_from_english() -> None:
    # PROTOCOL-scoring 12.4: queries t0..t3 over s0..s3 give 1, 3, 3, 3 when normalised
    score = tatoeba(example_rows(), SOURCES, TARGETS)
    official = [item for item in score.items if item.part == "english_to_foreign"]
    assert [item.query for item in official] == ["t0", "t1", "t2", "t3"]
    assert [item.prediction for item in official] == ["s1", "s3", "s3", "s3"]
    assert [item.score for item in official] == [0, 0, 0, 1]
    assert score.main == "english_to_foreign"
    assert score.metrics["english_to_foreign"] == 25.0
    assert score.metrics["foreign_to_english"] == 50.0
    assert official[1].similarity == pytest.approx(0.872872, abs=1e-6)


def test_vectors_are_compared_as_they_come() -> None:
    score = tatoeba(example_rows(), RAW_SOURCES, RAW_TARGETS)
    official = [item for item in score.items if item.part == "english_to_foreign"]
    assert [item.prediction for item in official] == ["s3"] * 4  # by inner product


def test_the_other_direction_is_named_so() -> None:
    score = tatoeba(example_rows(), SOURCES, TARGETS)
    other = [item for item in score.items if item.part == "foreign_to_english"]
    assert [item.query for item in other] == ["s0", "s1", "s2", "s3"]
    assert [item.prediction for item in other] == ["t2", "t1", "t2", "t2"]


def test_english_may_be_the_source_side() -> None:
    rows = [
        BitextRow("e", "source", "yes"),
        BitextRow("f", "target", "ja"),
        BitextRow("g", "target", "nein"),
        BitextRow("e", "gold", "f"),
    ]
    score = tatoeba(rows, SOURCES[:1], TARGETS[:2], english="source")
    assert score.metrics == {"english_to_foreign": 0.0, "foreign_to_english": 100.0}


def test_the_standard_error_is_that_of_a_proportion() -> None:
    score = tatoeba(example_rows(), SOURCES, TARGETS)
    error = 100 * sqrt(0.25 * 0.75 / 4)
    assert score.standard_errors["english_to_foreign"] == pytest.approx(error)
    assert score.counts == {
        "english_to_foreign_queries": 4,
        "foreign_to_english_queries": 4,
        "sources": 4,
        "targets": 4,
    }


def test_sentences_without_gold_are_distractors_and_no_queries() -> None:
    rows = [row for row in example_rows() if row != BitextRow("s0", "gold", "t0")]
    score = tatoeba(rows, SOURCES, TARGETS)
    assert score.counts["english_to_foreign_queries"] == 3
    assert score.metrics["english_to_foreign"] == pytest.approx(100 / 3)


def test_of_two_equal_sentences_the_earlier_is_taken_and_only_the_aligned_one_counts() -> None:
    same = np.repeat(SOURCES[:1], 4, axis=0)
    score = tatoeba(example_rows(), same, same)
    assert [item.prediction for item in score.items] == ["s0"] * 4 + ["t0"] * 4
    assert score.metrics["english_to_foreign"] == 25.0


def test_submission_lines_follow_the_sorted_english_file() -> None:
    score = tatoeba(example_rows(), SOURCES, TARGETS)
    # by code point: Zulu (t3), alpha (t1), alpha (t2), delta (t0)
    predictions, labels = tatoeba_submission(example_rows(), score)
    assert labels == ["3", "1", "2", "0"]
    assert predictions == ["3", "3", "3", "1"]


def test_a_gold_pair_without_its_sentence_is_bad_input() -> None:
    rows = [*example_rows(), BitextRow("s9", "gold", "t0")]
    with pytest.raises(InputError, match="s9"):
        tatoeba(rows, SOURCES, TARGETS)


def test_vectors_must_be_as_many_as_sentences() -> None:
    with pytest.raises(InputError, match="4 source sentences have 3 vectors"):
        tatoeba(example_rows(), SOURCES[:3], TARGETS)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([row for row in example_rows() if getattr(row, "side", "") != "gold"], "no gold pair"),
        ([row for row in example_rows() if getattr(row, "side", "") != "source"], "no source"),
        ([*example_rows(), BitextRow("t1", "target", "again")], "target id occurs twice"),
    ],
    ids=["gold", "side", "twice"],
)
def test_rows_that_cannot_be_scored_are_bad_input(rows: list[Row], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        tatoeba(rows, SOURCES, TARGETS)


def test_rows_of_another_kind_are_refused() -> None:
    with pytest.raises(UsageError, match="TextRow"):
        tatoeba([TextRow("1", "a", None, None)], SOURCES, TARGETS)
