"""Exact search by FAISS Flat, whose proposals are taken only as far as they can be vouched for.

FAISS promises neither an order among equal scores nor which of several equal vectors is the k-th
neighbour, and its scores move in the last bits with the size of a batch. So FAISS proposes a few
candidates more than asked for and their scores are computed again, pair by pair. What it left out
scores at most its last proposal, but for float32's rounding, for which there is a bound: a query
whose k-th neighbour does not stand clear of that is left to the exact back end.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from xlit.retrieval.exact import exact_search
from xlit.retrieval.faiss_index import FaissIndex, IndexSpec
from xlit.retrieval.rescoring import scores_of
from xlit.retrieval.rows import Ids, Rows, Scores, Vectors, widened

SPARE = 4  # candidates beyond the k-th, so that a tie at the k-th place shows
UNIT = 2.0**-24  # half the distance of float32 values above 1: a rounding's relative error
SMALLEST = 2.0**-126  # smaller products may count as zero


def flat_search(
    queries: Rows,
    index_vectors: Rows,
    k: int,
    *,
    longest: float,
    advance: Callable[[int], object] | None = None,
) -> tuple[Scores, Ids]:
    """The k best of every query, (queries, k), by falling score and rising id.

    `longest` is the length of the longest index vector; k at most their number. `advance` is told
    of every finished query. Raises MissingError without FAISS.
    """
    wanted = min(k + SPARE, len(index_vectors))
    index = FaissIndex(index_vectors, IndexSpec("Flat"), wanted)
    scores = np.empty((len(queries), k), np.float32)
    ids = np.empty((len(queries), k), np.int64)
    unsure: list[Ids] = []
    for block, vectors, proposed, proposed_ids in index.search(queries, wanted):
        found = scores_of(vectors, index_vectors, proposed_ids)
        scores[block], ids[block] = best_first(found, proposed_ids, k)
        if wanted < len(index_vectors):
            error = rounding_bound(vectors, longest)
            # Should a build of FAISS round worse than float32 does, its proposals show it.
            error = np.maximum(error, 16 * np.abs(proposed.astype(np.float64) - found).max(axis=1))
            left_out = (proposed[:, -1] + error).astype(np.float32)  # rounded as a score is
            unsure.append(block.start + np.flatnonzero(left_out >= scores[block][:, -1]))
        if advance is not None:
            advance(len(vectors))
    if len(again := np.concatenate([*unsure, np.empty(0, np.int64)])):
        scores[again], ids[again] = exact_search(widened(queries[again]), index_vectors, k)
    return scores, ids


def rounding_bound(queries: Vectors, longest: float) -> NDArray[np.float64]:
    """How far float32 products of each query with vectors up to `longest` can be off, (queries,).

    Higham, Accuracy and Stability of Numerical Algorithms (2002), section 3.1: a sum of d products
    in any order is off by at most d u / (1 - d u) times the sum of their absolute values, which is
    at most the product of the two lengths.
    """
    dimensions = queries.shape[1]
    lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
    gamma = dimensions * UNIT / (1 - dimensions * UNIT)
    return (1 + 1e-9) * gamma * lengths * longest + dimensions * SMALLEST


def best_first(scores: Scores, ids: Ids, k: int) -> tuple[Scores, Ids]:
    """The k best of each row of candidates, by falling score, then by rising id."""
    order = np.lexsort((ids, -scores), axis=1)[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(ids, order, axis=1)
