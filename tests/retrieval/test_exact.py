"""The exact back end gives what comparing all pairs gives."""

import numpy as np
import pytest

from xlit.retrieval.exact import exact_search, exact_search_both

from .exactly import Vectors, brute_force


def random_rows(n: int, dimensions: int, seed: int, scale: float = 1.0) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(n, dimensions)) * scale
    return rows.astype(np.float32)


@pytest.mark.parametrize("scale", [1.0, 1e-24, 1e-20, 1e19], ids=str)
@pytest.mark.parametrize("k", [1, 4, 300])
def test_both_directions_are_those_of_all_pairs(k: int, scale: float) -> None:
    sources, targets = random_rows(300, 20, 1, scale), random_rows(400, 20, 2, scale)
    targets[200:] = targets[:200]
    forward, backward = exact_search_both(sources, targets, k)
    for found, expected in (
        (forward, brute_force(sources, targets, k)),
        (backward, brute_force(targets, sources, k)),
    ):
        assert np.array_equal(found.ids, expected[1])
        assert np.array_equal(found.scores, expected[0])


def test_one_direction_is_the_forward_one_of_both() -> None:
    sources, targets = random_rows(70, 9, 3), random_rows(60, 9, 4)
    scores, ids = exact_search(sources, targets, 5)
    forward, _ = exact_search_both(sources, targets, 5)
    assert np.array_equal(scores, forward.scores)
    assert np.array_equal(ids, forward.ids)
