"""Exact nearest neighbours by inner product, over FAISS Flat, on a GPU where there is one.

FAISS promises neither an order among equal scores nor which of several equal vectors is the k-th
neighbour, and its scores move in the last bits with the size of a batch. So FAISS proposes a few
candidates more than asked for, and their scores are computed again, pair by pair: equal vectors
then score equally, a pair scores the same in both directions, and ties go to the lower id.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from xlit.errors import InputError, MissingError
from xlit.retrieval.rows import Ids, Neighbours, Scores, Vectors

__all__ = ["Ids", "Neighbours", "Scores", "Vectors", "search", "search_both"]

SPARE = 4  # candidates beyond the k-th, so that a tie at the k-th place shows
QUERY_BLOCK = 4096  # queries in one call to FAISS
BLOCK_BYTES = 64 * 2**20  # of float64 values held at a time
GPU_MAX_K = 2048  # FAISS refuses more neighbours on a GPU


def search(
    queries: Vectors,
    index_vectors: Vectors,
    k: int,
    *,
    advance: Callable[[int], object] | None = None,
) -> tuple[Scores, Ids]:
    """The k largest inner products of each query and the rows they are with, best first.

    Both results are (queries, k), with k cut to the number of index vectors. Equal scores stand in
    the order of their ids. `advance` is told of every finished query.
    Raises InputError where the vectors do not fit together, MissingError without FAISS.
    """
    queries, index_vectors = _checked(queries, "queries"), _checked(index_vectors, "index")
    if queries.shape[1] != index_vectors.shape[1]:
        raise InputError(
            f"vectors of {queries.shape[1]} and of {index_vectors.shape[1]} dimensions cannot be "
            "compared",
            hint="both sides need the same encoder",
        )
    if k < 1:
        raise InputError(f"k is {k}", hint="ask for at least one neighbour")
    k = min(k, len(index_vectors))
    scores = np.empty((len(queries), k), np.float32)
    ids = np.empty((len(queries), k), np.int64)
    if not k or not len(queries):
        return scores, ids
    wanted = min(k + SPARE, len(index_vectors))
    index = _flat_index(index_vectors, wanted)
    for start in range(0, len(queries), QUERY_BLOCK):
        block = slice(start, start + QUERY_BLOCK)
        scores[block], ids[block] = _search_block(queries[block], index_vectors, index, k, wanted)
        if advance is not None:
            advance(len(scores[block]))
    return scores, ids


def search_both(
    sources: Vectors,
    targets: Vectors,
    k: int,
    *,
    advance: Callable[[int], object] | None = None,
) -> tuple[Neighbours, Neighbours]:
    """The k nearest targets of every source, and the k nearest sources of every target."""
    forward = Neighbours(*search(sources, targets, k, advance=advance))
    backward = Neighbours(*search(targets, sources, k, advance=advance))
    return forward, backward


def _checked(vectors: Vectors, name: str) -> Vectors:
    if vectors.ndim != 2:
        raise InputError(f"{name} vectors have {vectors.ndim} axes instead of two")
    if not np.isfinite(vectors).all():
        raise InputError(f"{name} vectors hold values that are not finite numbers")
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _flat_index(vectors: Vectors, wanted: int) -> Any:
    if importlib.util.find_spec("faiss") is None:
        raise MissingError(
            "FAISS is not installed: retrieval needs it", hint="pip install 'xlit[cpu]'"
        )
    import faiss  # an optional extra: which build there is decides between CPU and GPU

    index: Any = faiss.IndexFlatIP(vectors.shape[1])
    has_gpu = hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0
    if has_gpu and wanted <= GPU_MAX_K:
        index = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
    index.add(vectors)
    return index


def _search_block(
    queries: Vectors, vectors: Vectors, index: Any, k: int, wanted: int
) -> tuple[Scores, Ids]:
    proposed, ids = index.search(queries, wanted)  # (block, wanted), best first
    scores = _rescored(queries, vectors, ids)
    # Sort by falling score, then by rising id.
    order = np.lexsort((ids, -scores), axis=1)[:, :k]
    best = np.take_along_axis(scores, order, axis=1)
    best_ids = np.take_along_axis(ids, order, axis=1)
    if wanted < len(vectors):
        # What FAISS left out scores at most its last proposal, within its rounding error. That
        # error is measured on all the proposals of the block and doubled four times to be safe.
        error = 16 * float(np.abs(proposed - scores).max()) + float(np.spacing(scores.max()))
        open_rows = np.flatnonzero(proposed[:, -1] + error >= best[:, -1])
        if len(open_rows):
            best_ids[open_rows] = _best_of_all(queries[open_rows], vectors, k)
            best[open_rows] = _rescored(queries[open_rows], vectors, best_ids[open_rows])
    return best, best_ids


def _rescored(queries: Vectors, vectors: Vectors, ids: Ids) -> Scores:
    """Inner products (queries, ids) in float64, rounded once: the same for equal vectors."""
    scores = np.empty(ids.shape, np.float32)
    rows = max(1, BLOCK_BYTES // (8 * ids.shape[1] * vectors.shape[1]))
    for start in range(0, len(queries), rows):
        block = slice(start, start + rows)
        gathered = vectors[ids[block]].astype(np.float64)  # (rows, ids, dimensions)
        scores[block] = np.einsum("qd,qkd->qk", queries[block].astype(np.float64), gathered)
    return scores


def _best_of_all(queries: Vectors, vectors: Vectors, k: int) -> Ids:
    """Ids (queries, k) of the best of all vectors, where a tie may reach beyond the proposals."""
    ids = np.empty((len(queries), k), np.int64)
    everything = vectors.astype(np.float64).T  # (dimensions, vectors)
    rows = max(1, BLOCK_BYTES // (8 * len(vectors)))
    for start in range(0, len(queries), rows):
        products = queries[start : start + rows].astype(np.float64) @ everything
        scores = products.astype(np.float32)  # one rounding, so that equal vectors tie
        kth = np.partition(scores, len(vectors) - k, axis=1)[:, len(vectors) - k]
        for i, row in enumerate(scores):
            at_least = np.flatnonzero(row >= kth[i])
            ids[start + i] = at_least[np.argsort(-row[at_least], kind="stable")[:k]]
    return ids
