"""What an exact search has to give, worked out plainly: all pairs, sorted."""

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def brute_force(
    queries: Vectors, vectors: Vectors, k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Scores and ids (queries, k): float64 sums by halves, rounded once, sorted stably."""
    products = queries[:, None].astype(np.float64) * vectors.astype(np.float64)
    while products.shape[2] > 1:
        half = (products.shape[2] + 1) // 2
        upper = products[:, :, half:]
        products = np.concatenate(
            [products[:, :, : upper.shape[2]] + upper, products[:, :, upper.shape[2] : half]], 2
        )
    with np.errstate(over="ignore", under="ignore"):
        scores = products[:, :, 0].astype(np.float32) + np.float32(0)
    ids = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, ids, axis=1), ids
