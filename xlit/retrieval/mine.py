"""Bitext mining: from the vectors of two sets of sentences to the pairs that translate each other.

The rules are those of XTREME's modified LASER (third_party/utils_retrieve.py, `mine_bitext`), with
one difference: XTREME compares lines with their line ends and cuts the last character of each as
one, so that a last line without a line end loses a letter and never counts as a duplicate. Here
sentences carry no line ends.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlit.errors import InputError
from xlit.retrieval.cut import MinedPair, MiningOptions, Neighbourhood, Pairs, Retrieval, cut
from xlit.retrieval.margin import Margin
from xlit.retrieval.rows import Ids, Neighbours, Rows, widened
from xlit.retrieval.search import Vectors, search, search_both

__all__ = [
    "MinedPair",
    "MiningOptions",
    "Neighbourhood",
    "Pairs",
    "Retrieval",
    "mine",
    "mine_sentences",
    "neighbours_of_sentences",
    "search_sentences",
    "unify",
]


def mine(
    source_vectors: Rows,
    target_vectors: Rows,
    *,
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    threshold: float | None = None,
    index: str = "auto",
    shift: bool = False,
    advance: Callable[[int], object] | None = None,
) -> Pairs:
    """`cut` of the k nearest neighbours of both sides: pairs by falling score.

    Vectors are expected to be normalised, and sentences to be different. `index` is that of
    `search`. `shift` moves each side's queries by the difference of the two sides' means (XTREME's
    `use_shift_embeds`, off there too). `advance` is told of every sentence searched.
    """
    if shift:
        both = _shifted(widened(source_vectors[:]), widened(target_vectors[:]), k, index, advance)
    else:
        both = search_both(source_vectors, target_vectors, k, index=index, advance=advance)
    return cut(*both, margin=margin, retrieval=retrieval, threshold=threshold)


@dataclass(frozen=True, eq=False)
class Unified:
    """The different sentences of a list: where each stands first, and where last; and how many
    were blank and are not among them."""

    first: Ids
    last: Ids
    blank: int = 0


def unify(texts: Iterable[str], *, blank: bool = True) -> Unified:
    """Identical sentences become one, numbered by its first occurrence; with `blank` false those
    without any character but white space are left out.

    Its vector is that of the last occurrence: XTREME's rule, which matters where vectors of equal
    texts differ in their last bits. Texts are compared by 128 bits of BLAKE2b, so that 16 bytes of
    each are held and not the text.
    """
    digests = bytearray()
    left_out = []
    for place, text in enumerate(texts):
        digests += hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
        if not blank and not text.strip():
            left_out.append(place)
    keys = np.frombuffer(digests, np.uint64).reshape(-1, 2)
    rows = np.arange(len(keys))
    if left_out:
        rows = np.delete(rows, left_out)
    order = rows[np.lexsort((keys[rows, 1], keys[rows, 0]))]  # stable: equal ones keep their order
    new = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
    first = order[np.concatenate([[True], new])] if len(order) else order
    last = order[np.concatenate([new, [True]])] if len(order) else order
    by_first = np.argsort(first)
    return Unified(first[by_first], last[by_first], len(left_out))


class Chosen:
    """Some rows of other `Rows`, which are not copied before they are asked for."""

    def __init__(self, rows: Rows, chosen: Ids) -> None:
        self._rows, self._chosen = rows, chosen

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self._chosen), *self._rows.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._rows.dtype

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, rows: slice | Ids, /) -> NDArray[Any]:
        return self._rows[self._chosen[rows]]


def search_sentences(
    source: Unified,
    target: Unified,
    source_vectors: Rows,
    target_vectors: Rows,
    *,
    k: int = 4,
    index: str = "auto",
    advance: Callable[[int], object] | None = None,
) -> Neighbourhood:
    """The k nearest different sentences of the other side, both ways; of each side's vectors the
    rows that its `unify` names."""
    forward, backward = search_both(
        _rows_of(source_vectors, source.last),
        _rows_of(target_vectors, target.last),
        k,
        index=index,
        advance=advance,
    )
    return Neighbourhood(forward, backward, source.first, target.first)


def mine_sentences(
    sources: Sequence[str],
    targets: Sequence[str],
    source_vectors: Rows,
    target_vectors: Rows,
    *,
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    threshold: float | None = None,
    index: str = "auto",
    advance: Callable[[int], object] | None = None,
) -> Pairs:
    """`mine` over the different sentences of each side; rows are those of the first occurrences.

    As `neighbours_of_sentences`, cut.
    """
    found = neighbours_of_sentences(
        sources, targets, source_vectors, target_vectors, k=k, index=index, advance=advance
    )
    return found.cut(margin=margin, retrieval=retrieval, threshold=threshold)


def neighbours_of_sentences(
    sources: Sequence[str],
    targets: Sequence[str],
    source_vectors: Rows,
    target_vectors: Rows,
    *,
    k: int = 4,
    index: str = "auto",
    advance: Callable[[int], object] | None = None,
) -> Neighbourhood:
    """The k nearest different sentences of the other side, both ways.

    Vector i belongs to sentence i; InputError where their numbers differ.
    """
    for name, texts, vectors in (
        ("source", sources, source_vectors),
        ("target", targets, target_vectors),
    ):
        if len(texts) != len(vectors):
            raise InputError(f"{len(texts)} {name} sentences have {len(vectors)} vectors")
    sides = unify(sources), unify(targets)
    return search_sentences(
        *sides, source_vectors, target_vectors, k=k, index=index, advance=advance
    )


def _rows_of(vectors: Rows, chosen: Ids) -> Rows:
    every = len(chosen) == len(vectors) and bool((chosen == np.arange(len(chosen))).all())
    return vectors if every else Chosen(vectors, chosen)


def _shifted(
    sources: Vectors,
    targets: Vectors,
    k: int,
    index: str,
    advance: Callable[[int], object] | None,
) -> tuple[Neighbours, Neighbours]:
    difference = sources.mean(axis=0) - targets.mean(axis=0)
    return (
        search(sources - difference, targets, k, index=index, advance=advance),
        search(targets + difference, sources, k, index=index, advance=advance),
    )
