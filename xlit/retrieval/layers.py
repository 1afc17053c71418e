"""The layers of an encoder on bitext tasks, plain and centred, from one encoding pass.

One layer is the same with one reading, so that a score does not depend on what was tried beside it
but for the last bits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Unpack

from xlit.errors import UsageError
from xlit.metrics.bitext import ThresholdFit
from xlit.models.encoders import Loaded
from xlit.retrieval.bitext import BitextScore, bitext_of
from xlit.retrieval.bucc import bucc
from xlit.retrieval.centring import centred, unit
from xlit.retrieval.encode import LayersOptions, layer_count, layer_number
from xlit.retrieval.mine import MiningOptions
from xlit.retrieval.one_pass import encode_lists
from xlit.retrieval.search import Vectors
from xlit.retrieval.tatoeba import tatoeba
from xlit.tasks.sources import Split


@dataclass(frozen=True, order=True, slots=True)
class Reading:
    """One way to take vectors from an encoder: a hidden state, centred by its side's mean or not.

    Layers are counted from 0, the embeddings.
    """

    layer: int
    centred: bool

    def of(self, vectors: Vectors) -> Vectors:
        """The layer's vectors (texts, hidden) as they are compared: of length 1."""
        return unit(centred(vectors) if self.centred else vectors)


def readings_of(layers: Sequence[int]) -> list[Reading]:
    """Each layer, plain and centred."""
    return [Reading(layer, is_centred) for layer in layers for is_centred in (False, True)]


def layers_of(loaded: Loaded, asked: Sequence[int] | Literal["all"]) -> list[int]:
    """The layers asked for, from 0, each once, rising. Raises UsageError for one that is not there.

    Negative numbers count from the last layer, -1.
    """
    if asked == "all":
        return list(range(layer_count(loaded) + 1))
    return sorted({layer_number(loaded, layer) for layer in asked})


def score_splits(
    loaded: Loaded,
    splits: Sequence[Split],
    readings: Sequence[Reading],
    *,
    tuned_on: Mapping[int, int] | None = None,
    mining: MiningOptions | None = None,
    index: str = "auto",
    **options: Unpack[LayersOptions],
) -> Iterator[tuple[int, Reading, BitextScore]]:
    """The score of each split by each reading, with the split's place; split by split.

    `tuned_on` says, by places, which split's thresholds cut which later one; the threshold of a
    mining task that is not among its keys is cross-fitted. A text is encoded once, whichever splits
    have it. `index` is how neighbours are searched. Raises UsageError for a task that is not
    scored by the vectors of two sides.
    """
    for split in splits:
        check_bitext(split)
    tuned_on, mining = tuned_on or {}, mining or {}
    layers = sorted({reading.layer for reading in readings})
    options = {**options, "normalise": False}
    bitexts = [bitext_of(split.rows) for split in splits]
    texts = [texts for bitext in bitexts for texts in (bitext.source_texts, bitext.target_texts)]
    vectors = encode_lists(loaded, texts, layers, **options)
    fits: dict[tuple[int, Reading], ThresholdFit | None] = {}
    for place, split in enumerate(splits):
        sides = next(vectors), next(vectors)
        for reading in readings:
            sources, targets = (reading.of(side[layers.index(reading.layer)]) for side in sides)
            fit = fits[tuned_on[place], reading] if place in tuned_on else None
            score = score_bitext(split, sources, targets, dev=fit, mining=mining, index=index)
            fits[place, reading] = score.fit
            yield place, reading, score


def score_bitext(
    split: Split,
    source_vectors: Vectors,
    target_vectors: Vectors,
    *,
    dev: ThresholdFit | None = None,
    mining: MiningOptions,
    index: str = "auto",
) -> BitextScore:
    """The score of a split whose sides have these vectors, by the card's metric.

    `dev` is the threshold fitted on another split. Accuracy asks for none; what it takes of the
    mining settings concerns xsim.
    """
    sides = (split.rows, source_vectors, target_vectors)
    if split.card.metric == "bucc":
        return bucc(*sides, dev=dev, index=index, **mining)
    k, margin = mining.get("k", 4), mining.get("margin", "ratio")
    return tatoeba(*sides, k=k, margin=margin, index=index)


def check_bitext(split: Split) -> None:
    """Raises UsageError for a task that is not scored by the vectors of two sides."""
    card = split.card
    if card.bitext is None or card.metric not in ("tatoeba", "bucc"):
        raise UsageError(
            f"{card.name} is no bitext task", hint="retrieve takes tatoeba or bucc, for example"
        )


def pick_layer(scores: Mapping[Reading, Sequence[float]], *, center: bool) -> int:
    """The layer with the highest mean of its scores, among centred or plain ones; the lowest of
    equals. Raises UsageError where there is none to choose from."""
    means = {
        reading.layer: sum(values) / len(values)
        for reading, values in sorted(scores.items())
        if reading.centred is center and values
    }
    if not means:
        raise UsageError("there is no score to pick a layer by")
    return max(means, key=lambda layer: means[layer])
