"""Numbers worked out by hand in PROTOCOL-scoring sections 8, 12.4 and 12.5."""

import math

import pytest

from xlit.errors import InputError
from xlit.metrics.bitext import (
    Candidate,
    bucc_f1,
    candidates_by_id,
    extract,
    fit_threshold,
    merge_candidates,
    unique_sentences,
)

# section 12.4: 4 x 4 vectors, ratio, k = 4, retrieval max
MINED: list[Candidate] = [
    ("s0", "t2", 1.166056),
    ("s1", "t0", 1.135438),
    ("s3", "t3", 1.039718),
]


def test_pairs_are_sets() -> None:
    gold = [("a", "1"), ("b", "2"), ("c", "3")]
    score = bucc_f1(gold, [("a", "1"), ("a", "1"), ("a", "2"), ("c", "3")])
    assert (score.precision, score.recall, score.f1) == pytest.approx((200 / 3,) * 3)


def test_precision_and_recall_are_not_swapped() -> None:
    score = bucc_f1([("a", "1"), ("b", "2")], [("a", "1")])
    assert (score.precision, score.recall) == (100.0, 50.0)


@pytest.mark.parametrize(
    ("gold", "guess"), [([], []), ([("a", "1")], []), ([("a", "1")], [("1", "a")])]
)
def test_no_correct_pair_is_zero(gold: list[tuple[str, ...]], guess: list[tuple[str, ...]]) -> None:
    assert bucc_f1(gold, guess).f1 == 0.0


def test_a_score_column_makes_a_pair_wrong() -> None:
    assert bucc_f1([("a", "1")], [("a", "1", "1.2")]).f1 == 0.0


def test_threshold_is_the_mean_with_the_next_score() -> None:
    gold = [("s0", "t2"), ("s1", "t0"), ("s9", "t9")]
    fit = fit_threshold(MINED, gold)
    assert fit.threshold == pytest.approx(1.087578, abs=1e-6)
    assert (fit.f1, fit.precision, fit.recall) == pytest.approx((80.0, 100.0, 200 / 3))
    assert not fit.at_last
    assert extract(MINED, fit.threshold) == [("s0", "t2"), ("s1", "t0")]


def test_best_at_the_last_candidate_takes_its_score_and_says_so() -> None:
    fit = fit_threshold(MINED, [("s0", "t2"), ("s3", "t3")])
    assert (fit.threshold, fit.at_last) == (1.039718, True)
    assert fit.f1 == pytest.approx(80.0)
    assert len(extract(MINED, fit.threshold)) == 3


@pytest.mark.parametrize("gold", [[], [("s9", "t9")]])
def test_without_a_correct_candidate_the_threshold_is_zero(gold: list[tuple[str, str]]) -> None:
    fit = fit_threshold(MINED, gold)
    assert (fit.threshold, fit.f1, fit.at_last) == (0.0, 0.0, False)


def test_only_a_strictly_better_f1_moves_the_threshold() -> None:
    # F1 after 1: 2/3; after 2: 1/2; after 3: 2/5; after 4: 2 of 4 and 2 of 2 = 2/3 again
    candidates = [("a", "1", 4.0), ("b", "9", 3.0), ("c", "9", 2.0), ("d", "4", 1.0)]
    assert fit_threshold(candidates, [("a", "1"), ("d", "4")]).threshold == 3.5


def test_ties_keep_the_order_of_the_candidates() -> None:
    candidates = [("f9", "e9", 1.5), ("f1", "e1", 1.5), ("f2", "e2", 0.5), ("f3", "e8", 0.25)]
    fit = fit_threshold(candidates, [("f1", "e1"), ("f2", "e2")])
    assert fit.threshold == 0.375
    assert extract(candidates, fit.threshold) == [("f9", "e9"), ("f1", "e1"), ("f2", "e2")]


def test_extraction_keeps_reading_order_and_includes_the_threshold() -> None:
    assert extract([("a", "1", 0.5), ("b", "2", 0.4), ("c", "3", 0.9)], 0.5) == [
        ("a", "1"),
        ("c", "3"),
    ]


def test_a_repeated_pair_counts_once_with_the_higher_score() -> None:
    candidates = [("a", "1", 0.1), ("b", "2", 0.5), ("a", "1", 0.9)]
    assert merge_candidates(candidates) == [("a", "1", 0.9), ("b", "2", 0.5)]
    assert fit_threshold(candidates, [("a", "1")]).threshold == 0.7


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="a, 1"):
        merge_candidates([("a", "1", math.nan)])


def test_sentences_that_occur_twice_are_dropped_with_their_candidates() -> None:
    source = unique_sentences([("s1", "eins"), ("s2", "zwei"), ("s3", " zwei\n"), ("s4", "zwei")])
    target = unique_sentences([("t1", "one"), ("t2", "two")])
    assert source == {"eins": "s1"}
    mined = [("eins ", "one", 1.2), ("zwei", "two", 1.1)]
    assert candidates_by_id(mined, source, target) == [("s1", "t1", 1.2)]
