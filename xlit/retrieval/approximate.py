"""Approximate search: what any FAISS index proposes, with exact scores and a measured recall."""

from collections.abc import Callable

import numpy as np

from xlit import console
from xlit.retrieval.exact import exact_search
from xlit.retrieval.faiss_index import FaissIndex, IndexSpec
from xlit.retrieval.flat import SPARE, best_first
from xlit.retrieval.rescoring import scores_of
from xlit.retrieval.rows import Ids, Neighbours, Recall, Rows, Scores, widened

SAMPLE = 1000  # queries that are searched exactly as well: a share of them is known to 1.6 points


def approximate_search(
    queries: Rows,
    index_vectors: Rows,
    k: int,
    spec: IndexSpec,
    *,
    advance: Callable[[int], object] | None = None,
) -> Neighbours:
    """Neighbours as the index finds them: their scores are exact, but some may be missed.

    Queries for which the index finds fewer than k are searched exactly. The recall is
    measured on up to `SAMPLE` queries, spread evenly, and told. k is at most the number of index
    vectors; `advance` is told of every finished query. Raises MissingError without FAISS,
    InputError where FAISS cannot make such an index of such vectors.
    """
    wanted = min(k + SPARE, len(index_vectors))
    index = FaissIndex(index_vectors, spec, wanted)
    scores = np.empty((len(queries), k), np.float32)
    ids = np.empty((len(queries), k), np.int64)
    short: list[Ids] = []
    for block, vectors, _, proposed_ids in index.search(queries, wanted):
        missing = proposed_ids < 0
        found = scores_of(vectors, index_vectors, np.where(missing, 0, proposed_ids))
        found[missing] = -np.inf
        scores[block], ids[block] = best_first(found, proposed_ids, k)
        short.append(block.start + np.flatnonzero(np.isneginf(scores[block][:, -1])))
        if advance is not None:
            advance(len(vectors))
    if len(again := np.concatenate([*short, np.empty(0, np.int64)])):
        console.notice(
            f"{spec}: {len(again)} of {len(queries)} queries had fewer than {k} candidates"
        )
        scores[again], ids[again] = exact_search(widened(queries[again]), index_vectors, k)
    recall = recall_of(queries, index_vectors, scores)
    console.always(
        f"{spec}: recall {100 * recall.share:.2f} % of the {k} nearest,"
        f" over {recall.queries} of {len(queries)} queries searched exactly as well"
    )
    return Neighbours(scores, ids, recall)


def recall_of(queries: Rows, index_vectors: Rows, scores: Scores) -> Recall:
    """The share of neighbours that score at least what the true k-th neighbour scores.

    By scores, so that of several equal vectors any will do.
    """
    sampled: Ids = np.unique(
        np.linspace(0, len(queries) - 1, min(SAMPLE, len(queries))).astype(int)
    )
    true, _ = exact_search(widened(queries[sampled]), index_vectors, scores.shape[1])
    found = scores[sampled] >= true[:, -1:]
    return Recall(float(found.mean()), len(sampled))
