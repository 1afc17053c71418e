"""Bitext mining: from the vectors of two sets of sentences to the pairs that translate each other.

The rules are those of XTREME's modified LASER (third_party/utils_retrieve.py, `mine_bitext`), with
one difference: XTREME compares lines with their line ends and cuts the last character of each as
one, so that a last line without a line end loses a letter and never counts as a duplicate. Here
sentences carry no line ends.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xlit.errors import InputError
from xlit.retrieval.cut import (
    Ids,
    MinedPair,
    MiningOptions,
    Pairs,
    Retrieval,
    cut,
)
from xlit.retrieval.margin import Margin
from xlit.retrieval.search import Neighbours, Vectors, search, search_both

__all__ = ["MinedPair", "MiningOptions", "Pairs", "Retrieval", "mine", "mine_sentences", "unify"]


def mine(
    source_vectors: Vectors,
    target_vectors: Vectors,
    *,
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    threshold: float | None = None,
    shift: bool = False,
    advance: Callable[[int], object] | None = None,
) -> Pairs:
    """`cut` of the k nearest neighbours of both sides: pairs by falling score.

    Vectors are expected to be normalised, and sentences to be different.
    `shift` moves each side's queries by the difference of the two sides' means (XTREME's
    `use_shift_embeds`, off there too). `advance` is told of every sentence searched.
    """
    if not len(source_vectors) or not len(target_vectors):
        return Pairs(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))
    forward, backward = _neighbours(source_vectors, target_vectors, k, shift, advance)
    return cut(forward, backward, margin=margin, retrieval=retrieval, threshold=threshold)


@dataclass(frozen=True, eq=False)
class Unified:
    """The different sentences of a list: where each stands first, and where last."""

    first: Ids
    last: Ids


def unify(texts: Sequence[str]) -> Unified:
    """Identical sentences become one, numbered by its first occurrence.

    Its vector is that of the last occurrence: XTREME's rule, which matters where vectors of equal
    texts differ in their last bits.
    """
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for i, text in enumerate(texts):
        first.setdefault(text, i)
        last[text] = i
    return Unified(
        first=np.fromiter(first.values(), np.int64, len(first)),
        # a dict keeps the order of first insertion, also when a value changes
        last=np.fromiter(last.values(), np.int64, len(last)),
    )


def mine_sentences(
    sources: Sequence[str],
    targets: Sequence[str],
    source_vectors: Vectors,
    target_vectors: Vectors,
    *,
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    threshold: float | None = None,
    advance: Callable[[int], object] | None = None,
) -> Pairs:
    """`mine` over the different sentences of each side; rows are those of the first occurrences.

    Vector i belongs to sentence i; InputError where their numbers differ.
    """
    for name, texts, vectors in (
        ("source", sources, source_vectors),
        ("target", targets, target_vectors),
    ):
        if len(texts) != len(vectors):
            raise InputError(f"{len(texts)} {name} sentences have {len(vectors)} vectors")
    source, target = unify(sources), unify(targets)
    pairs = mine(
        source_vectors[source.last],
        target_vectors[target.last],
        k=k,
        margin=margin,
        retrieval=retrieval,
        threshold=threshold,
        advance=advance,
    )
    return Pairs(pairs.scores, source.first[pairs.sources], target.first[pairs.targets])


def _neighbours(
    sources: Vectors,
    targets: Vectors,
    k: int,
    shift: bool,
    advance: Callable[[int], object] | None,
) -> tuple[Neighbours, Neighbours]:
    if not shift:
        return search_both(sources, targets, k, advance=advance)
    difference = sources.mean(axis=0) - targets.mean(axis=0)
    return (
        Neighbours(*search(sources - difference, targets, k, advance=advance)),
        Neighbours(*search(targets + difference, sources, k, advance=advance)),
    )
