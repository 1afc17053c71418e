"""Tagging: one tag a word.

As XTREME does it (utils_preprocess.py and utils_tag.py): the first piece of a word carries its
tag, the others have no loss; a word without any piece, or with more than fit, becomes the unknown
token; a sentence that is too long is split between words, and every word gets a prediction.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import accumulate
from math import sqrt
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForTokenClassification

from xlit.errors import InputError, UsageError
from xlit.kinds.kind import (
    IGNORED,
    Feature,
    FeatureOptions,
    Kind,
    ReadPlace,
    Score,
    label_head,
    label_id,
)
from xlit.kinds.scores import is_constant, most_frequent, require
from xlit.kinds.segments import Pieces, chunks, frame_of, tokenise
from xlit.metrics.chunks import chunk_counts, score_of_counts, words_right
from xlit.metrics.tokens import token_counts
from xlit.tasks.rows import TaggedRow


class Tagging(Kind[TaggedRow, tuple[str, ...]]):
    """The tags of a sentence a row. Several features a row where it had to be split."""

    name: ClassVar[str] = "tagging"
    auto_class: ClassVar[Any] = AutoModelForTokenClassification
    labelled: ClassVar[bool] = True
    options_read: ClassVar[tuple[str, ...]] = ("max_length", "labels")

    def features(
        self, rows: Sequence[TaggedRow], tokenizer: Any, options: FeatureOptions
    ) -> list[Feature]:
        """`place` of a feature is the positions of the first pieces of its words."""
        frame = frame_of(tokenizer, options.max_length)
        room = options.max_length - frame.single_specials
        before = len(frame.single[0])
        space = word_space(tokenizer)
        ids = options.label_ids
        features: list[Feature] = []
        for run in chunks(len(rows)):
            batch = rows[run.start : run.stop]
            pieces = tokenise(tokenizer, (space + word for row in batch for word in row.words))
            for i, row in zip(run, batch, strict=True):
                words = [known(pieces[space + word], room, tokenizer) for word in row.words]
                labels = row_labels(row, ids)
                for start, stop in parts([len(word) for word in words], room):
                    part = words[start:stop]
                    flat = tuple(piece for word in part for piece in word)
                    sequence, types = frame.join(flat, None)
                    places = [before + n for n in accumulate(map(len, part), initial=0)][:-1]
                    features.append(
                        Feature(
                            row=i,
                            sequences=(sequence,),
                            type_ids=None if types is None else (types,),
                            target=() if labels is None else labels[start:stop],
                            weight=float(0 if labels is None else stop - start),
                            place=np.asarray(places, dtype=np.int64),
                        )
                    )
        return features

    def place_numbers(self, feature: Feature) -> NDArray[np.int32]:
        return feature.place.astype(np.int32)

    def place_reader(self, tokenizer: Any) -> ReadPlace:
        return lambda sequence, target, numbers: numbers.astype(np.int64)

    def head(self, labels: Sequence[str]) -> dict[str, Any]:
        return label_head(labels)

    def targets(self, features: Sequence[Feature]) -> Tensor:
        """(features, length): the label at the first piece of each word, else none."""
        longest = max(f.length for f in features)
        targets = np.full((len(features), longest), IGNORED, dtype=np.int64)
        for i, feature in enumerate(features):
            targets[i, feature.place] = feature.target
        return torch.from_numpy(targets)

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        logits = outputs.logits.float()  # (features, length, labels)
        losses = cross_entropy(
            logits.transpose(1, 2), targets, reduction="none", ignore_index=IGNORED
        )
        return losses.sum(dim=1)

    def extract(self, outputs: Any, features: Sequence[Feature]) -> list[NDArray[Any]]:
        """The best output at the first piece of each word, (words,), each feature."""
        best = outputs.logits.detach().argmax(dim=-1).cpu().numpy()  # (features, length)
        return [row[f.place] for row, f in zip(best, features, strict=True)]

    def decode(
        self,
        rows: Sequence[TaggedRow],
        features: Sequence[Feature],
        outputs: Sequence[NDArray[Any]],
        options: FeatureOptions,
    ) -> list[tuple[str, ...]]:
        tags: list[list[str]] = [[] for _ in rows]
        for feature, best in zip(features, outputs, strict=True):
            tags[feature.row].extend(options.labels[i] for i in best)
        return [tuple(sentence) for sentence in tags]

    def score(
        self,
        rows: Sequence[TaggedRow],
        predictions: Sequence[tuple[str, ...]],
        metric: str,
        language: str,
    ) -> Score:
        """`main` is the metric; the items are the share of a sentence's words that are right.

        The standard error of F1 = 2C / (P + G) is that of a ratio of two sums over sentences: the
        root of the sum of (2c - F1 (p + g))^2, divided by P + G (the delta method). The accuracy of
        tokens is the F1 of chunks of one word each.
        """
        require(metric, "chunk_f1", "token_accuracy")
        golds = [gold(row) for row in rows]
        of_tokens = metric == "token_accuracy"
        counts = (token_counts if of_tokens else chunk_counts)(golds, predictions)
        score = score_of_counts(counts)
        f1 = score.f1 / 100
        both = sum(c.predicted + c.gold for c in counts)
        spread = sqrt(sum((2 * c.correct - f1 * (c.predicted + c.gold)) ** 2 for c in counts))
        return Score(
            main=score.f1,
            metrics={"accuracy": score.f1} if of_tokens else asdict(score),
            items=tuple(
                c.correct / c.gold if of_tokens and c.gold else words_right(g, p)
                for c, g, p in zip(counts, golds, predictions, strict=True)
            ),
            standard_error=100 * spread / both if both else 0.0,
            constant=is_constant([tag for sentence in predictions for tag in sentence]),
            counts=tuple((c.correct, c.predicted, c.gold) for c in counts),
        )

    def majority(
        self,
        rows: Sequence[TaggedRow],
        metric: str,
        language: str,
        *,
        counted: Sequence[TaggedRow] = (),
    ) -> Score:
        tag = most_frequent(tag for row in counted or rows for tag in gold(row))
        return self.score(rows, [(tag,) * len(row.words) for row in rows], metric, language)


def word_space(tokenizer: Any) -> str:
    """What to put before a word alone so that it gets the pieces that it has in running text.

    A space for byte-level tokenizers that do not add one themselves, else nothing.
    """
    running, alone = tokenizer(["a a", "a"], add_special_tokens=False)["input_ids"]
    return "" if running == alone + alone else " "


def known(word: Pieces, room: int, tokenizer: Any) -> Pieces:
    """The pieces of a word, or the unknown token where it has none or more than `room`."""
    if 0 < len(word) <= room:
        return word
    if tokenizer.unk_token_id is None:
        raise UsageError(f"{type(tokenizer).__name__} has no unknown token, which tagging needs")
    return (tokenizer.unk_token_id,)


def parts(lengths: Sequence[int], room: int) -> Iterator[tuple[int, int]]:
    """[start, stop) of runs of words that each fit into `room` pieces; one run at least."""
    start = used = 0
    for i, length in enumerate(lengths):
        if used + length > room:
            yield start, i
            start, used = i, 0
        used += length
    yield start, len(lengths)


def row_labels(row: TaggedRow, ids: Mapping[str, int]) -> tuple[int, ...] | None:
    if row.tags is None:
        return None
    if len(row.tags) != len(row.words):
        raise InputError(f"row {row.id} has {len(row.tags)} tags for {len(row.words)} words")
    return tuple(label_id(tag, ids, row.id) for tag in row.tags)


def gold(row: TaggedRow) -> tuple[str, ...]:
    if row.tags is None:
        raise InputError(f"row {row.id} has no tags to score against")
    return row.tags
