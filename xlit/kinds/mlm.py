"""Masked language modelling: some pieces of a text are hidden, and the model says which they were.

The rule is BERT's (google-research/bert create_pretraining_data.py: create_masked_lm_predictions):
15 % of a sequence's pieces, one at least; of those 80 % become the mask token, 10 % another piece,
10 % stay. As in RoBERTa (Liu et al. 2019, 4.1) they are drawn anew whenever a text is seen.
For evaluation the draw depends on the text alone, so that scores of steps, runs and orders of rows
can be compared.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp, fsum, inf, sqrt
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoModelForMaskedLM

from xlit.errors import InputError, UsageError
from xlit.kinds.feature_table import FeatureTable
from xlit.kinds.kind import Feature, FeatureOptions, Kind, ReadPlace, Score, as_array
from xlit.kinds.scores import is_constant, require
from xlit.kinds.segments import Pieces, chunks, frame_of, tokenise
from xlit.metrics.masked import MaskedText, perplexity, unigram_losses
from xlit.models.masked_lm import piece_losses, start_from_frequencies
from xlit.tasks.rows import PlainRow

CHOSEN = 0.15
MASKED, EXCHANGED = 0.8, 0.1

Outputs = tuple[Tensor, Tensor]
"""The loss and the most probable piece of every chosen position, (chosen,) each."""


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The mask token, and the pieces that are no special tokens."""

    mask: int
    ordinary: NDArray[np.int_]
    special: frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A sequence before anything is hidden, where that may be, and where it is."""

    sequence: Pieces
    places: NDArray[np.int_]
    chosen: NDArray[np.int_]
    vocabulary: Vocabulary


class MaskedLM(Kind[PlainRow, MaskedText]):
    """A text a row, one feature for each window of it. Its head is the encoder's own, if any."""

    name: ClassVar[str] = "mlm"
    auto_class: ClassVar[Any] = AutoModelForMaskedLM
    own_head: ClassVar[bool] = True

    def features(
        self, rows: Sequence[PlainRow], tokenizer: Any, options: FeatureOptions
    ) -> list[Feature]:
        """A text longer than `max_length` is cut into windows that do not overlap."""
        frame = frame_of(tokenizer, options.max_length)
        vocabulary = vocabulary_of(tokenizer)
        room = options.max_length - frame.single_specials
        features: list[Feature] = []
        for run in chunks(len(rows)):
            batch = rows[run.start : run.stop]
            pieces = tokenise(tokenizer, (row.text for row in batch))
            for i, row in zip(run, batch, strict=True):
                text = pieces[row.text]
                for start in range(0, max(1, len(text)), room):
                    ids, types = frame.join(text[start : start + room], None)
                    places = ordinary_places(ids, vocabulary)
                    window = Window(ids, places, places[:0], vocabulary)
                    type_ids = None if types is None else (types,)
                    feature = Feature(i, (ids,), type_ids, target=(), weight=0.0, place=window)
                    features.append(hide(feature, np.random.default_rng(fixed_seed(ids))))
        return features

    def place_numbers(self, feature: Feature) -> NDArray[np.int32]:
        return feature.place.chosen.astype(np.int32)

    def place_reader(self, tokenizer: Any) -> ReadPlace:
        vocabulary = vocabulary_of(tokenizer)

        def read(
            sequence: tuple[int, ...], target: tuple[int, ...], numbers: NDArray[np.int32]
        ) -> Window:
            whole = list(sequence)
            for place, piece in zip(numbers.tolist(), target, strict=True):
                whole[place] = piece
            ids = tuple(whole)
            return Window(
                ids, ordinary_places(ids, vocabulary), numbers.astype(np.int_), vocabulary
            )

        return read

    def redraw(
        self, features: Sequence[Feature], options: FeatureOptions, random: np.random.Generator
    ) -> list[Feature]:
        return [hide(feature, random) for feature in features]

    def head(self, labels: Sequence[str]) -> dict[str, Any]:
        return {}

    def start(self, model: Any, features: Sequence[Feature]) -> None:
        """A new head starts from the frequencies of the pieces in the training text."""
        start_from_frequencies(model, piece_counts(features))

    def forward(
        self, model: Any, inputs: dict[str, Tensor], features: Sequence[Feature]
    ) -> Outputs:
        where = inputs["input_ids"].device
        counts = torch.tensor([len(f.target) for f in features])
        rows = torch.repeat_interleave(torch.arange(len(features)), counts)
        positions = torch.from_numpy(np.concatenate([f.place.chosen for f in features]))
        gold = torch.tensor([piece for f in features for piece in f.target], dtype=torch.long)
        return piece_losses(model, inputs, rows.to(where), positions.to(where), gold.to(where))

    def targets(self, features: Sequence[Feature]) -> Tensor:
        """(features,): how many pieces are hidden. Which they are is needed in `forward`."""
        return torch.tensor([len(f.target) for f in features])

    def loss(self, outputs: Outputs, targets: Tensor) -> Tensor:
        losses, _ = outputs
        ends = [0, *targets.cumsum(0).tolist()]
        return torch.stack([losses[a:b].sum() for a, b in pairwise(ends)])

    def extract(self, outputs: Outputs, features: Sequence[Feature]) -> list[NDArray[Any]]:
        """(2, hidden): the loss of each hidden piece, and the number of the piece predicted."""
        values = np.stack([as_array(outputs[0]), outputs[1].cpu().numpy().astype(np.float64)])
        cuts = np.cumsum([len(f.target) for f in features])[:-1]
        return list(np.split(values, cuts, axis=1))

    def decode(
        self,
        rows: Sequence[PlainRow],
        features: Sequence[Feature],
        outputs: Sequence[NDArray[Any]],
        options: FeatureOptions,
    ) -> list[MaskedText]:
        """`unigram` is by the frequencies of the very texts that are scored: the hardest floor."""
        counts = piece_counts(features)
        gold: list[list[int]] = [[] for _ in rows]
        values: list[list[NDArray[Any]]] = [[np.empty((2, 0))] for _ in rows]
        for feature, output in zip(features, outputs, strict=True):
            gold[feature.row] += feature.target
            values[feature.row].append(output)
        return [
            MaskedText(
                gold=tuple(pieces),
                predicted=tuple(int(piece) for piece in predicted),
                losses=tuple(losses.tolist()),
                unigram=unigram_losses(counts, pieces),
            )
            for pieces, (losses, predicted) in zip(
                gold, (np.concatenate(parts, axis=1) for parts in values), strict=True
            )
        ]

    def score(
        self,
        rows: Sequence[PlainRow],
        predictions: Sequence[MaskedText],
        metric: str,
        language: str,
    ) -> Score:
        """`main` is by the card's metric, and higher is better whichever it is.

        `perplexity`: the geometric mean of the probability of a hidden piece in percent, which is
        100 / perplexity: it tells models apart that know frequencies and little else, where the
        share of right pieces stands still. `accuracy`: the share of the hidden pieces that were
        predicted. Beside them stand two plain numbers, the perplexity and that of the pieces'
        frequencies. Standard errors are those of a ratio of two sums over texts, as for tagging.
        Losses that are no numbers, of a model that has diverged, are a perplexity of infinity: a
        score of 0 without an error.
        """
        require(metric, "perplexity", "accuracy")
        hidden = sum(len(text.gold) for text in predictions)
        if not hidden:
            raise InputError("nothing to score: no pieces of text")
        reached = perplexity([x for text in predictions for x in text.losses])
        share = sum(text.right for text in predictions) / hidden
        metrics = {
            "accuracy": 100 * share,
            "probability": 100 / reached,
            "perplexity": reached,
            "unigram_perplexity": perplexity([x for text in predictions for x in text.unigram]),
        }
        if metric == "perplexity":
            sums = [fsum(text.losses) for text in predictions]
            diverged = not reached < inf
            return Score(
                main=metrics["probability"],
                metrics=metrics,
                items=tuple(
                    exp(-total / len(text.gold)) if text.gold and total < inf else 0.0
                    for total, text in zip(sums, predictions, strict=True)
                ),
                # the relative error of an exponential is the error of its exponent
                standard_error=0.0
                if diverged
                else metrics["probability"] * ratio_error(sums, sizes(predictions)),
                constant=False,  # a model that knows frequencies alone is told by its floor
            )
        return Score(
            main=metrics["accuracy"],
            metrics=metrics,
            items=tuple(text.right / len(text.gold) if text.gold else 0.0 for text in predictions),
            standard_error=100 * ratio_error([t.right for t in predictions], sizes(predictions)),
            constant=is_constant([piece for text in predictions for piece in text.predicted]),
            counts=tuple(
                (text.right, n, n) for text, n in zip(predictions, sizes(predictions), strict=True)
            ),
        )

    def majority(
        self,
        rows: Sequence[PlainRow],
        metric: str,
        language: str,
        *,
        counted: Sequence[PlainRow] = (),
    ) -> Score:
        raise UsageError("mlm has no most frequent label", hint='a card\'s floor: "untrained"')


def sizes(texts: Sequence[MaskedText]) -> list[int]:
    """The hidden pieces of each text."""
    return [len(text.gold) for text in texts]


def ratio_error(sums: Sequence[float], sizes: Sequence[int]) -> float:
    """The standard error of sum(sums) / sum(sizes) over texts as the sample (the delta method)."""
    ratio = sum(sums) / sum(sizes)
    return sqrt(fsum((x - ratio * n) ** 2 for x, n in zip(sums, sizes, strict=True))) / sum(sizes)


def vocabulary_of(tokenizer: Any) -> Vocabulary:
    """Raises `UsageError` for a tokenizer without a mask token."""
    if tokenizer.mask_token_id is None:
        raise UsageError(f"{type(tokenizer).__name__} has no mask token, which masked LM needs")
    special = frozenset(tokenizer.all_special_ids)
    ordinary = [piece for piece in range(len(tokenizer)) if piece not in special]
    return Vocabulary(tokenizer.mask_token_id, np.array(ordinary), special)


def ordinary_places(sequence: Pieces, vocabulary: Vocabulary) -> NDArray[np.int_]:
    """Where a sequence has no special token."""
    return np.array([n for n, x in enumerate(sequence) if x not in vocabulary.special], np.int_)


def fixed_seed(sequence: Pieces) -> int:
    """A number that follows from the pieces of a sequence alone."""
    key = f"masked lm {' '.join(map(str, sequence))}"
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8])


def hide(feature: Feature, random: np.random.Generator) -> Feature:
    """The feature with a new draw of hidden pieces; without any where there are none to hide."""
    window: Window = feature.place
    count = min(len(window.places), max(1, round(CHOSEN * len(window.places))))
    chosen = np.sort(random.choice(window.places, count, replace=False))
    fates = random.random(count)
    others = random.choice(window.vocabulary.ordinary, count)
    ids = list(window.sequence)
    for place, fate, other in zip(chosen.tolist(), fates.tolist(), others.tolist(), strict=True):
        if fate < MASKED:
            ids[place] = window.vocabulary.mask
        elif fate < MASKED + EXCHANGED:
            ids[place] = other
    return replace(
        feature,
        sequences=(tuple(ids),),
        target=tuple(window.sequence[place] for place in chosen),
        weight=float(count),
        place=replace(window, chosen=chosen),
    )


def piece_counts(features: Sequence[Feature]) -> Counter[int]:
    """How often each piece stands in the texts, special tokens left out."""
    if isinstance(features, FeatureTable):  # thousands a second else
        return table_piece_counts(features)
    counts: Counter[int] = Counter()
    for feature in features:
        window: Window = feature.place
        counts.update(window.sequence[place] for place in window.places.tolist())
    return counts


def table_piece_counts(table: FeatureTable) -> Counter[int]:
    """As `piece_counts`, from the numbers of a table, without making its features."""
    special = table[0].place.vocabulary.special if len(table) else frozenset()
    total = np.zeros(0, dtype=np.int64)  # (vocabulary,)
    for part, times in table.parts_used():
        whole = part.ids.values.copy()
        whole[part.ids.starts.repeat(part.place.counts) + part.place.values] = part.target.values
        found = np.bincount(whole, times.repeat(part.ids.counts), len(total)).astype(np.int64)
        found[: len(total)] += total
        total = found
    counts = {int(piece): int(total[piece]) for piece in np.flatnonzero(total)}
    return Counter({piece: count for piece, count in counts.items() if piece not in special})
