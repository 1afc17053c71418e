"""Nearest neighbours by inner product: one function, and the back ends that answer it.

    exact     every product, in float64
    Flat      FAISS's exhaustive index, certified (`flat`); the same arrays as exact
    FACTORY   any other FAISS index (`approximate`): neighbours may be missed, recall is measured

The score of a pair is everywhere its inner product summed in float64 and rounded once, and ties go
to the lower id, so exact results do not depend on back end, block size, threads or device.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from xlit import console
from xlit.errors import InputError
from xlit.retrieval.approximate import approximate_search
from xlit.retrieval.faiss_index import faiss_is_there, parse_index
from xlit.retrieval.flat import flat_search
from xlit.retrieval.plain import plain_search
from xlit.retrieval.rows import Ids, Neighbours, Recall, Rows, Scores, Vectors, check_rows, widened

__all__ = [
    "Ids",
    "Neighbours",
    "Recall",
    "Rows",
    "Scores",
    "Vectors",
    "is_exact",
    "search",
    "search_both",
]


def search(
    queries: Rows,
    index_vectors: Rows,
    k: int,
    *,
    index: str = "auto",
    advance: Callable[[int], object] | None = None,
) -> tuple[Scores, Ids]:
    """The k largest inner products of each query and the rows they are with, best first.

    Both results are (queries, k), with k cut to the number of index vectors. Equal scores stand in
    the order of their ids. `index` is auto, exact, Flat, or another FAISS factory string
    (`faiss_index`); auto is exact and says how. `advance` is told of every finished query.
    Raises InputError where the vectors do not fit together, UsageError for an unknown `index`,
    MissingError where that needs FAISS and there is none.
    """
    longest = _check(queries, index_vectors, k)
    found = _search(queries, index_vectors, k, index, longest[1], advance)
    return found.scores, found.ids


def search_both(
    sources: Rows,
    targets: Rows,
    k: int,
    *,
    index: str = "auto",
    advance: Callable[[int], object] | None = None,
) -> tuple[Neighbours, Neighbours]:
    """The k nearest targets of every source, and the k nearest sources of every target.

    As `search` both ways; `advance` is told of every sentence of either side.
    """
    source_longest, target_longest = _check(sources, targets, k)
    return (
        _search(sources, targets, k, index, target_longest, advance),
        _search(targets, sources, k, index, source_longest, advance),
    )


def is_exact(index: str) -> bool:
    """Whether it finds the true neighbours. Raises UsageError for one that nobody knows, and
    MissingError for one that needs FAISS where there is none."""
    return index in ("auto", "exact") or parse_index(index).exact


def _search(
    queries: Rows,
    index_vectors: Rows,
    k: int,
    index: str,
    longest: float,
    advance: Callable[[int], object] | None,
) -> Neighbours:
    k = min(k, len(index_vectors))
    if not k or not len(queries):
        nothing = (len(queries), k)
        return Neighbours(np.empty(nothing, np.float32), np.empty(nothing, np.int64))
    picked = _picked(index)
    if picked == "exact":
        return Neighbours(*plain_search(widened(queries[:]), index_vectors, k, advance=advance))
    spec = parse_index(picked)
    if spec.exact:
        return Neighbours(*flat_search(queries, index_vectors, k, longest=longest, advance=advance))
    return approximate_search(queries, index_vectors, k, spec, advance=advance)


def _picked(index: str) -> str:
    """What auto stands for on this machine, told once."""
    if index != "auto":
        return index
    picked = "Flat" if faiss_is_there() else "exact"
    _tell(f"--index auto: {picked}")
    return picked


@cache
def _tell(text: str) -> None:
    """A notice, once: a task of a hundred languages searches two hundred times."""
    console.notice(text)


def _check(queries: Rows, index_vectors: Rows, k: int) -> tuple[float, float]:
    """The longest vector of either side. Raises InputError."""
    longest = check_rows(queries, "query"), check_rows(index_vectors, "index")
    if queries.shape[1] != index_vectors.shape[1]:
        raise InputError(
            f"vectors of {queries.shape[1]} and of {index_vectors.shape[1]} dimensions cannot be "
            "compared",
            hint="both sides need the same encoder",
        )
    if k < 1:
        raise InputError(f"k is {k}", hint="ask for at least one neighbour")
    if longest[0] * longest[1] >= float(np.finfo(np.float32).max):
        raise InputError(
            f"vectors as long as {longest[0]:.3g} and {longest[1]:.3g} have inner products beyond"
            " float32",
            hint="bring them to length 1",
        )
    return longest
