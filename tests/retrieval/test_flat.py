"""FAISS Flat: how far its scores can be off, and what becomes of queries near that."""

import numpy as np
import pytest
from numpy.typing import NDArray

from xlit.retrieval import flat
from xlit.retrieval.flat import flat_search, rounding_bound

from .exactly import brute_force


@pytest.mark.parametrize("scale", [1.0, 1e-18, 1e15])
def test_no_float32_product_is_further_off_than_the_bound(scale: float) -> None:
    rng = np.random.default_rng(1)
    queries = (rng.normal(size=(50, 384)) + 3).astype(np.float32)
    vectors = (scale * (rng.normal(size=(80, 384)) + 3)).astype(np.float32)
    longest = np.linalg.norm(vectors.astype(np.float64), axis=1).max()
    exact = queries.astype(np.float64) @ vectors.astype(np.float64).T
    sums = np.zeros((50, 80), np.float32)
    for d in range(384):  # one at a time: the order with the largest errors
        sums += queries[:, d : d + 1] * vectors[:, d]
    off = np.abs(sums - exact).max(axis=1)
    assert (off <= rounding_bound(queries, float(longest))).all()
    assert (off > 0).all()


def test_only_queries_without_a_clear_last_place_are_searched_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(400, 64)).astype(np.float32)
    vectors[100:120] = vectors[0] + 1e-7 * rng.normal(size=(20, 64))  # 21 near-duplicates
    queries = vectors[[0, 1, 2]]
    again: list[NDArray[np.float32]] = []

    def counting(
        rows: NDArray[np.float32], *arguments: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        again.append(rows)
        return brute_force(rows, arguments[0], 4)

    monkeypatch.setattr(flat, "exact_search", counting)  # to see who comes to it
    longest = float(np.linalg.norm(vectors.astype(np.float64), axis=1).max())
    scores, ids = flat_search(queries, vectors, 4, longest=longest)
    assert np.array_equal(np.concatenate(again), queries[:1])
    expected_scores, expected_ids = brute_force(queries, vectors, 4)
    assert np.array_equal(ids, expected_ids)
    assert np.array_equal(scores, expected_scores)
