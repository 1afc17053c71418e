"""Exact search in the plainest way: every product in float64, block by block.

It is for the few queries for which a faster search cannot vouch, and for the sample on which an
approximate index is measured.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from xlit.retrieval.rescoring import scores_of
from xlit.retrieval.rows import Ids, Rows, Scores, Vectors, blocks

QUERY_BLOCK = 256
INDEX_BLOCK = 8192
ROUNDING = 2.0**-53


def plain_search(
    queries: Vectors,
    index_vectors: Rows,
    k: int,
    *,
    advance: Callable[[int], object] | None = None,
) -> tuple[Scores, Ids]:
    """The k best of every query, (queries, k), by falling score and rising id.

    k is at most the number of index vectors. `advance` is told of every finished query.
    """
    scores = np.empty((len(queries), k), np.float32)
    ids = np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), QUERY_BLOCK):
        block = slice(start, start + QUERY_BLOCK)
        scores[block], ids[block] = _search_block(queries[block], index_vectors, k)
        if advance is not None:
            advance(len(scores[block]))
    return scores, ids


def _search_block(queries: Vectors, index_vectors: Rows, k: int) -> tuple[Scores, Ids]:
    wide = queries.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1)
    owners = np.empty(0, np.int64)  # of the best so far, sorted: query, falling score, rising id
    best = np.empty(0, np.float32)
    ids = np.empty(0, np.int64)
    for block, vectors in blocks(index_vectors, INDEX_BLOCK):
        theirs = vectors.astype(np.float64)
        products = wide @ theirs.T  # (queries, block)
        floor = np.full(len(queries), -np.inf)
        if len(best) == k * len(queries):
            floor = best.reshape(len(queries), k)[:, -1].astype(np.float64)
        if len(vectors) >= k:
            floor = np.maximum(floor, np.partition(products, -k, axis=1)[:, -k])
        # What rounds to the k-th score or more is at most this far below the floor.
        longest = float(np.linalg.norm(theirs, axis=1).max())
        slack = 4 * wide.shape[1] * (ROUNDING * lengths * longest + np.finfo(np.float64).tiny)
        known = np.where(np.isfinite(floor), floor, 0.0).astype(np.float32)
        slack += 2 * np.spacing(np.abs(known))
        rows, places = np.nonzero(products >= (floor - slack)[:, None])
        found = _pair_scores(queries, vectors, rows, places)
        owners = np.concatenate([owners, rows])
        best = np.concatenate([best, found])
        ids = np.concatenate([ids, places + block.start])
        owners, best, ids = _best_of_each(owners, best, ids, k)
    return best.reshape(len(queries), k), ids.reshape(len(queries), k)


def _pair_scores(
    queries: Vectors, vectors: Vectors, rows: NDArray[np.int64], places: NDArray[np.int64]
) -> Scores:
    """One score a pair; in pieces, since of very many equal vectors all are candidates."""
    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), INDEX_BLOCK):
        piece = slice(start, start + INDEX_BLOCK)
        scores[piece] = scores_of(queries[rows[piece]], vectors, places[piece, None])[:, 0]
    return scores


def _best_of_each(owners: Ids, scores: Scores, ids: Ids, k: int) -> tuple[Ids, Scores, Ids]:
    """The k best pairs of each owner, sorted by owner, falling score and rising id."""
    order = np.lexsort((ids, -scores, owners))
    owners = owners[order]
    first = np.searchsorted(owners, owners)  # where the owner's pairs begin
    kept = np.arange(len(owners)) - first < k
    return owners[kept], scores[order][kept], ids[order][kept]
