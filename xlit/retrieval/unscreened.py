"""Exact neighbours by brute force: every product in float64, for few rows or where bounds fail.

A product in float64 differs from the sum that defines a score (`rescoring`) by at most
D = 2 d u |x| |y|, u = 2^-53: each of the two is off the true sum by less than d u |x| |y| (any
order of summing; the products themselves are exact). Where product - D and product + D round to the
same float32, that is the score. Only where they do not, about one product in a million, and only
where the larger of the two may be among the best, the score is summed as `rescoring` does it.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from xlit.retrieval.ordering import Keys, best_keys, keys_of, pairs_in
from xlit.retrieval.rescoring import pair_scores, rounded
from xlit.retrieval.rows import Ids, Rows, Scores, widened

QUERIES, INDEX_ROWS = 512, 8192  # of a block of products: 32 MiB in float64
GROUP = 32  # scores that a maximum is taken over


def best_unscreened(
    queries: Rows,
    index_vectors: Rows,
    k: int,
    *,
    device: torch.device | None = None,
    advance: Callable[[int], object] | None = None,
) -> tuple[Scores, Ids]:
    """The k best scores and ids (queries, k) of each query, ties by the lower id.

    `k` is at most the number of index vectors; products are made on the CPU if no device is given.
    """
    keys = np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), QUERIES):
        block = slice(start, min(start + QUERIES, len(queries)))
        keys[block] = _best_keys(queries, index_vectors, block, k, device or torch.device("cpu"))
        if advance is not None:
            advance(block.stop - block.start)
    return pairs_in(keys)


def _best_keys(
    queries: Rows, index_vectors: Rows, block: slice, k: int, device: torch.device
) -> Keys:
    """Keys (rows of the block, k), the best first."""
    left = torch.from_numpy(widened(queries[block])).to(device).double()  # (rows, dimensions)
    best: Keys = np.empty((len(left), 0), np.int64)
    for start in range(0, len(index_vectors), INDEX_ROWS):
        stop = min(start + INDEX_ROWS, len(index_vectors))
        right = torch.from_numpy(widened(index_vectors[start:stop])).to(device).double()
        low, high = _bounds(left, right)
        floor = _floor(low, min(k, len(right)))  # (rows, 1)
        rows, columns = (high >= floor).nonzero(as_tuple=True)
        owners, ids = rows.cpu().numpy(), columns.cpu().numpy() + start
        scores = low[rows, columns].cpu().numpy()
        unknown = (low != high)[rows, columns].cpu().numpy().nonzero()[0]
        scores[unknown] = pair_scores(
            queries, index_vectors, owners[unknown] + block.start, ids[unknown]
        )
        found = best_keys(owners, keys_of(scores, ids), len(left), min(k, len(right)))
        best = np.sort(np.concatenate([best, found], axis=1), axis=1)[:, :k]
    return best


def _bounds(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """What the scores (left, right) of float64 vectors are at least and at most; mostly equal."""
    products = left @ right.T
    slack = left.norm(dim=1)[:, None] * right.norm(dim=1) * (2 * left.shape[1] * 2.0**-53 * 1.01)
    return rounded(products - slack), rounded(products + slack)


def _floor(scores: Tensor, k: int) -> Tensor:
    """A number (rows, 1) that k scores of each row are not below: nearly the k-th largest."""
    rows, columns = scores.shape
    whole = columns - columns % GROUP
    if whole // GROUP >= 4 * k:
        # each of the k largest maxima is one of the scores, and there are no ties to fear
        scores = scores[:, :whole].view(rows, GROUP, -1).amax(dim=1)
    return scores.topk(k, dim=1).values[:, -1:]
