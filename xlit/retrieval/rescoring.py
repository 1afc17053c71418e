"""The score of a pair, whoever asks: its inner product summed in float64 and rounded once."""

import numpy as np

from xlit.retrieval.rows import BLOCK_BYTES, Ids, Rows, Scores, Vectors


def scores_of(queries: Vectors, vectors: Rows, ids: Ids) -> Scores:
    """Inner products (queries, k) of each query with the vectors of its row of `ids`.

    The order of summing depends on the number of dimensions alone: a pair scores the same in both
    directions and in any company, and equal vectors score equally.
    """
    scores = np.empty(ids.shape, np.float32)
    rows = max(1, BLOCK_BYTES // (8 * max(1, ids.shape[1] * vectors.shape[1])))
    for start in range(0, len(queries), rows):
        block = slice(start, start + rows)
        gathered = vectors[ids[block].ravel()].astype(np.float64)
        gathered = gathered.reshape(*ids[block].shape, vectors.shape[1])  # (rows, k, dimensions)
        scores[block] = np.einsum("qd,qkd->qk", queries[block].astype(np.float64), gathered)
    return scores
