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

from xlit.retrieval.rescoring import pair_scores, rounded
from xlit.retrieval.rows import Ids, Rows, Scores, widened

QUERIES, INDEX_ROWS = 512, 8192  # of a block of products: 32 MiB in float64

LAST_ID = 2**32 - 1


def best_unscreened(
    queries: Rows,
    index_vectors: Rows,
    k: int,
    *,
    device: torch.device | None = None,
    advance: Callable[[int], object] | None = None,
) -> tuple[Scores, Ids]:
    """The k best scores and ids (queries, k) of each query, ties by the lower id.

    `k` is at most the number of index vectors, of which there are fewer than 2^32.
    """
    device = device or torch.device("cpu")
    keys = np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), QUERIES):
        block = slice(start, min(start + QUERIES, len(queries)))
        keys[block] = _best_keys(queries, index_vectors, block, k, device)
        if advance is not None:
            advance(block.stop - block.start)
    return _scores_in(keys), LAST_ID - (keys & LAST_ID)


def _best_keys(
    queries: Rows, index_vectors: Rows, block: slice, k: int, device: torch.device
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Keys (rows of the block, k), the best first."""
    left = torch.from_numpy(widened(queries[block])).to(device).double()  # (rows, dimensions)
    best = torch.empty((len(left), 0), dtype=torch.int64, device=device)
    for start in range(0, len(index_vectors), INDEX_ROWS):
        stop = min(start + INDEX_ROWS, len(index_vectors))
        right = torch.from_numpy(widened(index_vectors[start:stop])).to(device).double()
        products = left @ right.T
        width = left.shape[1]
        slack = left.norm(dim=1)[:, None] * right.norm(dim=1) * (2 * width * 2.0**-53 * 1.01)
        low, high = rounded(products - slack), rounded(products + slack)
        known = low == high
        scores = torch.where(known, low, low.new_full((), -torch.inf))
        if not bool(known.all()):
            # the k-th best of what is certain: a score below it is not among the best
            certain = torch.cat([best, _keys(low, start)], 1).topk(
                min(k, best.shape[1] + len(right))
            )
            floor = _as_scores(certain.values[:, -1:])
            rows, columns = (~known & (high >= floor)).nonzero(as_tuple=True)
            exact = pair_scores(
                queries,
                index_vectors,
                rows.cpu().numpy() + block.start,
                columns.cpu().numpy() + start,
            )
            scores[rows, columns] = torch.from_numpy(exact).to(device)
        both = torch.cat([best, _keys(scores, start)], 1)
        best = both.topk(min(k, both.shape[1]), sorted=True).values
    return best.cpu().numpy()


def _keys(scores: Tensor, first_id: int) -> Tensor:
    """Numbers that order pairs by falling score, then by rising id, as scores (rows, ids) stand."""
    bits = scores.view(torch.int32)
    # the bits of negative numbers rise as the numbers fall
    ordered = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long()
    ids = torch.arange(first_id, first_id + scores.shape[1], device=scores.device)
    return (ordered << 32) | (LAST_ID - ids)


def _as_scores(keys: Tensor) -> Tensor:
    ordered = (keys >> 32).int()
    return torch.where(ordered < 0, ordered ^ 0x7FFFFFFF, ordered).view(torch.float32)


def _scores_in(keys: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> Scores:
    scores: Scores = _as_scores(torch.from_numpy(keys)).numpy()
    return scores
