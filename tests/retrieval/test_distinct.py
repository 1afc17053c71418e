"""Equal vectors are searched once, and all of them are found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlit.retrieval import distinct as module
from xlit.retrieval.distinct import distinct, expanded

from .exactly import brute_force


@pytest.mark.parametrize("dimensions", [3, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_groups_hold_the_rows_of_the_same_values(dimensions: int, dtype: type) -> None:
    of_group = np.array([2, 0, 1, 0, 2, 2, 3])
    rows = np.random.default_rng(1).normal(size=(4, dimensions)).astype(dtype)[of_group]
    groups = distinct(rows)
    assert groups.first.tolist() == [0, 1, 2, 6]
    assert groups.group_of.tolist() == [0, 1, 2, 1, 0, 0, 3]
    members = [
        groups.members[begin:end].tolist()
        for begin, end in zip(groups.starts, groups.starts[1:], strict=False)
    ]
    assert members == [[0, 4, 5], [1, 3], [2], [6]]
    assert groups.repeated


def test_rows_that_only_share_a_hash_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    # a collision of 64 bits cannot be waited for
    monkeypatch.setattr(module, "_hashes", lambda rows: np.zeros(len(rows), np.uint64))
    rows = np.array([[1.0], [2.0], [1.0], [3.0]], np.float32)
    groups = distinct(rows)
    assert groups.first.tolist() == [0, 1, 3]
    assert groups.group_of.tolist() == [0, 1, 0, 2]


def test_queries_are_expanded_by_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(9, 4)).astype(np.float32)[rng.integers(0, 9, 60)]
    queries = rng.normal(size=(11, 4)).astype(np.float32)
    groups = distinct(rows)
    monkeypatch.setattr(module, "QUERIES", 4)  # a constant of memory alone
    scores, ids = expanded(*brute_force(queries, rows[groups.first], 7), groups, 7)
    expected_scores, expected_ids = brute_force(queries, rows, 7)
    assert np.array_equal(scores, expected_scores)
    assert np.array_equal(ids, expected_ids)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=40),
    st.integers(1, 12),
    st.lists(st.integers(-2, 2), min_size=7, max_size=7),
)
def test_the_best_groups_hold_the_best_rows(
    of_row: list[int], k: int, scores_of_groups: list[int]
) -> None:
    """Several groups may score alike, so that their rows are mixed by id."""
    # as numbers in a plane whose second axis tells groups of one score apart, and is not asked for
    values = np.array([[score, place] for place, score in enumerate(scores_of_groups)], np.float32)
    rows, query = values[of_row], np.array([[1.0, 0.0]], np.float32)
    groups = distinct(rows)
    scores, ids = brute_force(query, rows[groups.first], min(k, len(groups.first)))
    k = min(k, len(rows))
    found_scores, found_ids = expanded(scores, ids, groups, k)
    expected_scores, expected_ids = brute_force(query, rows, k)
    assert found_ids.tolist() == expected_ids.tolist()
    assert found_scores.tolist() == expected_scores.tolist()
