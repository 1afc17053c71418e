"""The plain search against sorting everything, across its blocks."""

import numpy as np
import pytest

from xlit.retrieval import plain
from xlit.retrieval.plain import plain_search


@pytest.mark.parametrize("k", [1, 7, 60])
def test_blocks_of_any_size_give_the_neighbours_of_sorting_everything(
    k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    vectors = rng.integers(-2, 3, size=(60, 3)).astype(np.float32)  # many ties
    queries = rng.integers(-2, 3, size=(23, 3)).astype(np.float32)
    scores = queries @ vectors.T  # of small whole numbers: exact
    ids = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    for sizes in ((4, 9), (256, 8192), (1, 1)):
        # blocks are thousands of rows: too many for a test
        monkeypatch.setattr(plain, "QUERY_BLOCK", sizes[0])
        monkeypatch.setattr(plain, "INDEX_BLOCK", sizes[1])
        found_scores, found_ids = plain_search(queries, vectors, k)
        assert np.array_equal(found_ids, ids)
        assert np.array_equal(found_scores, np.take_along_axis(scores, ids, axis=1))
