"""What an exact search has to give, worked out plainly: all pairs, sorted."""

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def brute_force(
    queries: Vectors, vectors: Vectors, k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Scores and ids (queries, k): float64 sums by halves, rounded once, sorted stably."""
    scores = np.empty((len(queries), len(vectors)), np.float32)
    wide = vectors.astype(np.float64)
    for row, query in enumerate(queries):
        sums = wide * query
        while sums.shape[1] > 1:
            half = (sums.shape[1] + 1) // 2
            sums[:, : sums.shape[1] - half] += sums[:, half:]
            sums = sums[:, :half]
        with np.errstate(over="ignore", under="ignore"):
            scores[row] = sums[:, 0].astype(np.float32) + np.float32(0)
    ids = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, ids, axis=1), ids
