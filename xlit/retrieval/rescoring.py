"""The score of a pair: its inner product, summed in float64 and rounded once to float32.

A product of two float32 numbers is exact in float64. The products are summed by halves: the upper
half is added to the lower one until one number is left. Each such step is one addition an element,
so the sum has the same bits whatever the block, the threads or the device, for (x, y) as for
(y, x), and for equal vectors. This is what makes ties ties, in every back end.
"""

import numpy as np
import torch
from torch import Tensor

from xlit.retrieval.rows import Ids, Rows, Scores, Vectors, widened

PAIRS = 512  # scored at a time: what they take (8 bytes a dimension) stays in the cache


def scores_of(queries: Vectors, vectors: Rows, ids: Ids) -> Scores:
    """Scores (queries, k) of each query with the rows `ids` (queries, k)."""
    of_query = np.repeat(np.arange(len(queries)), ids.shape[1])
    return pair_scores(queries, vectors, of_query, ids.ravel()).reshape(ids.shape)


def pair_scores(sources: Rows, targets: Rows, source_ids: Ids, target_ids: Ids) -> Scores:
    """Scores (pairs) of the rows `source_ids` with the rows `target_ids`; fastest where ids are
    sorted."""
    scores = np.empty(len(source_ids), np.float32)
    in_memory = [
        torch.from_numpy(rows)
        if type(rows) is np.ndarray and rows.dtype == np.float32 and rows.flags.carray
        else None
        for rows in (sources, targets)
    ]
    for start in range(0, len(scores), PAIRS):
        block = slice(start, start + PAIRS)
        left, right = (
            torch.from_numpy(widened(rows[ids[block]]))
            if held is None
            else held.index_select(0, torch.from_numpy(ids[block]))
            for rows, held, ids in (
                (sources, in_memory[0], source_ids),
                (targets, in_memory[1], target_ids),
            )
        )
        scores[block] = rounded(summed(left.double().mul_(right))).numpy()
    return scores


def summed(products: Tensor) -> Tensor:
    """Sums (rows) of float64 products (rows, dimensions), by halves; overwrites the products."""
    width = products.shape[1]
    if not width:
        return products.new_zeros(len(products))
    while width > 1:
        half = (width + 1) // 2
        products[:, : width - half] += products[:, half:width]
        width = half
    return products[:, 0]


def rounded(sums: Tensor) -> Tensor:
    """Float64 sums as float32 scores. Zero has no sign, since -0.0 and 0.0 are a tie."""
    return sums.float() + 0.0
