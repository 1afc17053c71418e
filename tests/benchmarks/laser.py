"""Mining as LASER and XTREME do it: FAISS Flat once a direction, and margins in loops of Python.

Written anew after their description (Artetxe and Schwenk 2019, equation 2) and the order of steps
in LASER's `mine_bitexts.py` and XTREME's `mine_bitext`: ratio margin, retrieval `max`.
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.found import Found, Neighbours

Vectors = NDArray[np.float32]


def mine(sources: Vectors, targets: Vectors, k: int) -> tuple[Found, dict[str, float]]:
    """What was found, and the seconds of searching and of scoring."""
    began = time.perf_counter()
    forward = _nearest(sources, targets, k)
    backward = _nearest(targets, sources, k)
    searched = time.perf_counter()
    source_means, target_means = forward.scores.mean(axis=1), backward.scores.mean(axis=1)
    ahead = _margins(sources, targets, forward.ids, source_means, target_means)
    back = _margins(targets, sources, backward.ids, target_means, source_means)
    pairs = _best_first(ahead, forward.ids, back, backward.ids)
    ended = time.perf_counter()
    scores, rows, columns = zip(*pairs, strict=True) if pairs else ((), (), ())
    found = Found(
        forward,
        backward,
        np.asarray(scores, np.float64),
        np.asarray(rows, np.int64),
        np.asarray(columns, np.int64),
    )
    return found, {"search": searched - began, "margins": ended - searched}


def _nearest(queries: Vectors, vectors: Vectors, k: int) -> Neighbours:
    """FAISS Flat with its defaults, on the first GPU where its build has them."""
    import faiss  # an optional extra

    index: Any = faiss.IndexFlatIP(vectors.shape[1])
    if hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0:
        index = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
    index.add(vectors)
    scores, ids = index.search(queries, k)
    return Neighbours(scores, ids)


def _margins(
    queries: Vectors,
    vectors: Vectors,
    ids: NDArray[np.int64],
    own_means: NDArray[np.float32],
    other_means: NDArray[np.float32],
) -> NDArray[np.float64]:
    """(queries, k): each candidate's inner product over the mean of both neighbourhoods."""
    margins = np.zeros(ids.shape)
    for query in range(ids.shape[0]):
        for place in range(ids.shape[1]):
            other = ids[query, place]
            product = queries[query].dot(vectors[other])
            margins[query, place] = product / ((own_means[query] + other_means[other]) / 2)
    return margins


def _best_first(
    ahead: NDArray[np.float64],
    forward: NDArray[np.int64],
    back: NDArray[np.float64],
    backward: NDArray[np.int64],
) -> list[tuple[float, int, int]]:
    """(score, source, target) of both directions' best, the best first, each sentence once."""
    rows, columns = np.arange(len(forward)), np.arange(len(backward))
    best, best_back = ahead.argmax(axis=1), back.argmax(axis=1)
    scores = np.concatenate([ahead[rows, best], back[columns, best_back]])
    sources = np.concatenate([rows, backward[columns, best_back]])
    targets = np.concatenate([forward[rows, best], columns])
    seen_sources: set[int] = set()
    seen_targets: set[int] = set()
    kept = []
    for i in np.argsort(-scores):
        source, target = int(sources[i]), int(targets[i])
        if scores[i] > 0 and source not in seen_sources and target not in seen_targets:
            seen_sources.add(source)
            seen_targets.add(target)
            kept.append((float(scores[i]), source, target))
    return kept
