"""Nearest neighbours by inner product: one function, and the back ends that answer it.

    exact     both directions from one product, by blocks (`exact`)
    Flat      FAISS's exhaustive index, certified (`flat`); the same arrays as exact
    FACTORY   any other FAISS index (`approximate`): neighbours may be missed, recall is measured

The score of a pair is everywhere its inner product summed in float64 and rounded once, and ties go
to the lower id, so exact results do not depend on back end, block size, threads or device.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from xlit import console, device
from xlit.errors import InputError
from xlit.retrieval.approximate import approximate_search
from xlit.retrieval.exact import exact_search, exact_search_both
from xlit.retrieval.faiss_index import parse_index
from xlit.retrieval.flat import flat_search
from xlit.retrieval.rows import Ids, Neighbours, Recall, Rows, Scores, Vectors, check_rows

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
) -> Neighbours:
    """The k largest inner products of each query and the rows they are with, best first.

    Scores and ids are (queries, k), with k cut to the number of index vectors. Equal scores stand
    in the order of their ids. `index` is auto, exact, Flat, or another FAISS factory string
    (`faiss_index`), whose recall is with the neighbours; auto is exact, and says so. `advance` is
    told of every finished query.
    Raises InputError where the vectors do not fit together, UsageError for an unknown `index`,
    MissingError where that needs FAISS and there is none.
    """
    longest = _check(queries, index_vectors, k)
    if not len(queries) or not len(index_vectors):
        return _nothing(queries, index_vectors, k)
    picked = _picked(index)
    if picked == "exact":
        k = min(k, len(index_vectors))
        return Neighbours(*exact_search(queries, index_vectors, k, advance=advance))
    return _by_faiss(queries, index_vectors, k, picked, longest[1], advance)


def search_both(
    sources: Rows,
    targets: Rows,
    k: int,
    *,
    index: str = "auto",
    advance: Callable[[int], object] | None = None,
) -> tuple[Neighbours, Neighbours]:
    """The k nearest targets of every source, and the k nearest sources of every target.

    As `search` both ways; `advance` is told of every vector of either side.
    """
    longest = _check(sources, targets, k)
    if not len(sources) or not len(targets):
        return _nothing(sources, targets, k), _nothing(targets, sources, k)
    picked = _picked(index)
    if picked == "exact":
        return exact_search_both(sources, targets, k, advance=advance)
    return (
        _by_faiss(sources, targets, k, picked, longest[1], advance),
        _by_faiss(targets, sources, k, picked, longest[0], advance),
    )


def is_exact(index: str) -> bool:
    """Whether it finds the true neighbours. Raises UsageError for one that nobody knows, and
    MissingError for one that needs FAISS where there is none."""
    return index in ("auto", "exact") or parse_index(index).exact


def _by_faiss(
    queries: Rows,
    index_vectors: Rows,
    k: int,
    index: str,
    longest: float,
    advance: Callable[[int], object] | None,
) -> Neighbours:
    spec = parse_index(index)
    k = min(k, len(index_vectors))
    if spec.exact:
        return Neighbours(*flat_search(queries, index_vectors, k, longest=longest, advance=advance))
    return approximate_search(queries, index_vectors, k, spec, advance=advance)


def _nothing(queries: Rows, index_vectors: Rows, k: int) -> Neighbours:
    """Of no query, or among no vectors."""
    shape = (len(queries), min(k, len(index_vectors)))
    return Neighbours(np.empty(shape, np.float32), np.empty(shape, np.int64))


def _picked(index: str) -> str:
    """What auto stands for, told once: exact. Both ways it is the faster one with bf16 (4 times)
    and without (1.5 times), and needs no FAISS; one way without bf16 Flat is a little faster."""
    if index != "auto":
        return index
    _tell(f"--index auto: exact, screened in {device.precision('auto')}")
    return "exact"


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
