"""From an encoder and text to a result: a bitext task scored, or one's own sentences mined."""

from collections.abc import Sequence
from typing import Unpack

from xlit import console
from xlit.errors import InputError, UsageError
from xlit.models.encoders import Loaded
from xlit.retrieval.bitext import BitextItem, BitextScore, EncodedBitext, bitext_of
from xlit.retrieval.bucc import bucc
from xlit.retrieval.encode import EncodeOptions, encode
from xlit.retrieval.margin import Margin
from xlit.retrieval.mine import MinedPair, Retrieval, mine_sentences
from xlit.retrieval.search import Vectors
from xlit.retrieval.tatoeba import tatoeba, tatoeba_submission
from xlit.tasks.sources import Split

__all__ = [
    "BitextItem",
    "BitextScore",
    "EncodedBitext",
    "bucc",
    "evaluate_bitext",
    "mine_texts",
    "tatoeba",
    "tatoeba_submission",
]


def evaluate_bitext(
    loaded: Loaded,
    split: Split,
    *,
    dev: Split | None = None,
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    **options: Unpack[EncodeOptions],
) -> BitextScore:
    """Encode both sides of a split and score them by the card's metric.

    `dev` is the split where a mining threshold is fitted (the card's `tune`); without it the
    threshold is cross-fitted. The mining settings do not concern a card scored by accuracy.
    """
    card = split.card
    if card.bitext is None or card.metric not in ("tatoeba", "bucc"):
        raise UsageError(
            f"{card.name} is no bitext task", hint="retrieve takes tatoeba or bucc, for example"
        )
    encoded = _encoded(loaded, split, options)
    sides = (encoded.rows, encoded.source_vectors, encoded.target_vectors)
    if card.metric == "tatoeba":
        return tatoeba(*sides)
    dev_encoded = None if dev is None else _encoded(loaded, dev, options)
    return bucc(*sides, dev=dev_encoded, k=k, margin=margin, retrieval=retrieval)


def mine_texts(
    loaded: Loaded,
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    k: int = 4,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    threshold: float | None = None,
    **options: Unpack[EncodeOptions],
) -> list[MinedPair]:
    """Pairs of one's own sentences by falling score; `source` and `target` are places in the lists.

    Sentences are stripped, blank ones are passed over and repeated ones count once, at their first
    place. Raises InputError where a side has no sentence.
    """
    kept = [[i for i, text in enumerate(texts) if text.strip()] for texts in (sources, targets)]
    for name, places in zip(("source", "target"), kept, strict=True):
        if not places:
            raise InputError(f"the {name} side has no sentence")
    source_texts = [sources[i].strip() for i in kept[0]]
    target_texts = [targets[i].strip() for i in kept[1]]
    source_vectors, target_vectors = _both_sides(loaded, source_texts, target_texts, options)
    with console.progress(
        "search", total=len(source_texts) + len(target_texts), unit="sentences"
    ) as advance:
        pairs = mine_sentences(
            source_texts,
            target_texts,
            source_vectors,
            target_vectors,
            k=k,
            margin=margin,
            retrieval=retrieval,
            threshold=threshold,
            advance=advance,
        )
    return [MinedPair(p.score, kept[0][p.source], kept[1][p.target]) for p in pairs]


def _encoded(loaded: Loaded, split: Split, options: EncodeOptions) -> EncodedBitext:
    bitext = bitext_of(split.rows)
    return EncodedBitext(
        split.rows, *_both_sides(loaded, bitext.source_texts, bitext.target_texts, options)
    )


def _both_sides(
    loaded: Loaded, sources: Sequence[str], targets: Sequence[str], options: EncodeOptions
) -> tuple[Vectors, Vectors]:
    total = len(sources) + len(targets)
    with console.progress("encode", total=total, unit="sentences") as advance:
        return (
            encode(loaded, sources, advance=advance, **options),
            encode(loaded, targets, advance=advance, **options),
        )
