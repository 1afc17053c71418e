"""From an encoder and text to a result: a bitext task scored, or one's own sentences mined."""

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from xlit import console
from xlit.errors import InputError, UsageError
from xlit.metrics.bitext import ThresholdFit
from xlit.models.encoders import Loaded
from xlit.retrieval.bitext import BitextItem, BitextScore, bitext_of
from xlit.retrieval.bucc import bucc
from xlit.retrieval.centring import centred, unit
from xlit.retrieval.encode import EncodeOptions, encode
from xlit.retrieval.mine import MiningOptions, Pairs, mine_sentences
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
    **options: Unpack[EncodeOptions],
) -> BitextScore:
    """Encode both sides of a split and score them by the card's metric.

    `dev` is the split where a mining threshold is fitted (the card's `tune`); without it the
    threshold is cross-fitted. The mining settings do not concern a card scored by accuracy.
    `center` takes each side's mean off its vectors, of both splits.
    """
    check_bitext(split)
    mining = mining or {}
    fit = None
    if dev is not None and split.card.metric == "bucc":
        fit = score_bitext(dev, *_split_vectors(loaded, dev, center, options), mining=mining).fit
    vectors = _split_vectors(loaded, split, center, options)
    return score_bitext(split, *vectors, dev=fit, mining=mining)


def score_bitext(
    split: Split,
    source_vectors: Vectors,
    target_vectors: Vectors,
    *,
    dev: ThresholdFit | None = None,
    mining: MiningOptions,
) -> BitextScore:
    """The score of a split whose sides have these vectors, by the card's metric."""
    sides = (split.rows, source_vectors, target_vectors)
    return tatoeba(*sides) if split.card.metric == "tatoeba" else bucc(*sides, dev=dev, **mining)


def check_bitext(split: Split) -> None:
    """Raises UsageError for a task that is not scored by the vectors of two sides."""
    card = split.card
    if card.bitext is None or card.metric not in ("tatoeba", "bucc"):
        raise UsageError(
            f"{card.name} is no bitext task", hint="retrieve takes tatoeba or bucc, for example"
        )


def mine_texts(
    loaded: Loaded,
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    mining: MiningOptions | None = None,
    threshold: float | None = None,
    center: bool = False,
    **options: Unpack[EncodeOptions],
) -> Pairs:
    """Pairs of one's own sentences by falling score; `source` and `target` are places in the lists.

    Sentences are stripped, blank ones are passed over and repeated ones count once, at their first
    place. `center` takes each side's mean off its vectors.
    Raises InputError where a side has no sentence.
    """
    kept = [[i for i, text in enumerate(texts) if text.strip()] for texts in (sources, targets)]
    for name, places in zip(("source", "target"), kept, strict=True):
        if not places:
            raise InputError(f"the {name} side has no sentence")
    source_texts = [sources[i].strip() for i in kept[0]]
    target_texts = [targets[i].strip() for i in kept[1]]
    source_vectors, target_vectors = _vectors(loaded, source_texts, target_texts, center, options)
    with console.progress(
        "search", total=len(source_texts) + len(target_texts), unit="sentences"
    ) as advance:
        pairs = mine_sentences(
            source_texts,
            target_texts,
            source_vectors,
            target_vectors,
            threshold=threshold,
            advance=advance,
            **(mining or {}),
        )
    source_rows, target_rows = (np.array(places, np.int64) for places in kept)
    return Pairs(pairs.scores, source_rows[pairs.sources], target_rows[pairs.targets])


def _split_vectors(
    loaded: Loaded, split: Split, center: bool, options: EncodeOptions
) -> tuple[Vectors, Vectors]:
    bitext = bitext_of(split.rows)
    return _vectors(loaded, bitext.source_texts, bitext.target_texts, center, options)


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
