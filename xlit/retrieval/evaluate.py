"""From an encoder and text to a result: a bitext task scored, or one's own sentences mined."""

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from xlit import console
from xlit.errors import InputError
from xlit.models.encoders import Loaded
from xlit.models.inference import leave_gpu
from xlit.retrieval.bitext import BitextItem, BitextScore
from xlit.retrieval.bucc import bucc
from xlit.retrieval.centring import centred, unit
from xlit.retrieval.encode import EncodeOptions, LayersOptions, encode, layer_number
from xlit.retrieval.layers import Reading, check_bitext, score_bitext, score_splits
from xlit.retrieval.mine import (
    MiningOptions,
    Neighbourhood,
    Pairs,
    search_sentences,
    unify,
)
from xlit.retrieval.search import Vectors
from xlit.retrieval.tatoeba import tatoeba, tatoeba_submission
from xlit.tasks.sources import Split

__all__ = [
    "BitextItem",
    "BitextScore",
    "bucc",
    "check_bitext",
    "evaluate_bitext",
    "mine_texts",
    "score_bitext",
    "search_texts",
    "tatoeba",
    "tatoeba_submission",
]


def evaluate_bitext(
    loaded: Loaded,
    split: Split,
    *,
    dev: Split | None = None,
    mining: MiningOptions | None = None,
    center: bool = False,
    layer: int = -1,
    **options: Unpack[LayersOptions],
) -> BitextScore:
    """Encode both sides of a split and score them by the card's metric.

    `dev` is the split where a mining threshold is fitted (the card's `tune`); without it the
    threshold is cross-fitted. A card scored by accuracy needs none; of the mining settings it has
    `k` and `margin` for xsim. `center` takes each side's mean off its vectors, of both splits.
    """
    splits = [dev, split] if dev is not None and split.card.metric == "bucc" else [split]
    *_, (_, _, score) = score_splits(
        loaded,
        splits,
        [Reading(layer_number(loaded, layer), center)],
        tuned_on={1: 0} if len(splits) > 1 else {},
        mining=mining,
        **options,
    )
    return score


def mine_texts(
    loaded: Loaded,
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    mining: MiningOptions | None = None,
    threshold: float | None = None,
    index: str = "auto",
    center: bool = False,
    **options: Unpack[EncodeOptions],
) -> Pairs:
    """Pairs of one's own sentences by falling score: `search_texts`, cut."""
    mining = mining or {}
    k = mining.get("k", 4)
    found = search_texts(loaded, sources, targets, k=k, index=index, center=center, **options)
    return found.cut(threshold=threshold, **mining)


def search_texts(
    loaded: Loaded,
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    k: int = 4,
    index: str = "auto",
    center: bool = False,
    **options: Unpack[EncodeOptions],
) -> Neighbourhood:
    """The neighbours of one's own sentences both ways; rows are places in the lists.

    Sentences are stripped, blank ones are passed over and repeated ones count once, at their first
    place. `center` takes each side's mean off its vectors.
    Raises InputError where a side has no sentence.
    """
    texts = [[text.strip() for text in side if text.strip()] for side in (sources, targets)]
    for name, side in zip(("source", "target"), texts, strict=True):
        if not side:
            raise InputError(f"the {name} side has no sentence")
    vectors = _vectors(loaded, texts[0], texts[1], center, options)
    leave_gpu(loaded)  # to the search
    with console.progress("search", total=sum(map(len, texts)), unit="sentences") as advance:
        found = search_sentences(
            unify(texts[0]), unify(texts[1]), *vectors, k=k, index=index, advance=advance
        )
    # the vectors are those of the sentences that are not blank
    rows = [
        np.array([i for i, text in enumerate(side) if text.strip()], np.int64)
        for side in (sources, targets)
    ]
    return Neighbourhood(
        found.forward, found.backward, rows[0][found.source_rows], rows[1][found.target_rows]
    )


def _vectors(
    loaded: Loaded,
    sources: Sequence[str],
    targets: Sequence[str],
    center: bool,
    options: EncodeOptions,
) -> tuple[Vectors, Vectors]:
    """Vectors (texts, hidden) of both sides, centred where that is asked for, of length 1."""
    if center:
        options = {**options, "normalise": False}
    total = len(sources) + len(targets)
    with console.progress("encode", total=total, unit="sentences") as advance:
        sides = [encode(loaded, texts, advance=advance, **options) for texts in (sources, targets)]
    source_vectors, target_vectors = (unit(centred(side)) if center else side for side in sides)
    return source_vectors, target_vectors
