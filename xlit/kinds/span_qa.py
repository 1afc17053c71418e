"""Span QA: the answer to a question is a part of a context, which may be long.

The recipe is that of the SQuAD scripts (google-research/bert run_squad.py, which XTREME and jiant
follow): windows over the context that move by `stride`, the question in front cut to
`question_length`, the 20 best starts and ends, answers of at most 30 pieces. Unlike there, an
answer is always a slice of the context as it stands, never re-joined pieces.

Where questions may have no answer (SQuAD 2.0), no answer is a span as well: from the start token to
the start token, with the lowest score that any window gives it. It is held against the best span of
text (run_squad.py of BERT, `version_2_with_negative`), and a threshold decides, which is fitted on
the dev set.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForQuestionAnswering

from xlit.errors import InputError, UsageError
from xlit.kinds.kind import (
    Feature,
    FeatureOptions,
    Kind,
    ReadPlace,
    Score,
    as_array,
    label_head,
)
from xlit.kinds.scores import is_constant, require
from xlit.kinds.segments import chunks, frame_of, tokenise, tokenise_with_spans
from xlit.metrics.no_answer import EVEN, Answer, no_answer_scores, probability
from xlit.metrics.spans import mlqa_scores, squad_scores
from xlit.metrics.spread import mean_error
from xlit.tasks.rows import SpanRow

BEST = 20
LONGEST = 30
START_TOKEN = 0
"""Where windows without the answer are trained to point: `[CLS]` or `<s>`."""

NOWHERE = (START_TOKEN, START_TOKEN)

Spans = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The pieces of a context that a window holds, from position `offset` of the sequence on."""

    offset: int
    spans: Spans  # (pieces, 2): the first character of each, and the end


class SpanQA(Kind[SpanRow, str | Answer]):
    """One answer a row, a slice of its context. Several features a row: its windows.

    A prediction is an `Answer` where questions may have none.
    """

    name: ClassVar[str] = "span_qa"
    auto_class: ClassVar[Any] = AutoModelForQuestionAnswering
    options_read: ClassVar[tuple[str, ...]] = (
        *("max_length", "stride", "question_length"),
        "unanswerable",
    )

    def features(
        self, rows: Sequence[SpanRow], tokenizer: Any, options: FeatureOptions
    ) -> list[Feature]:
        frame = frame_of(tokenizer, options.max_length)
        if options.max_length - frame.pair_specials <= options.question_length:
            raise UsageError(
                f"--max-length {options.max_length} leaves no room for a context beside a question "
                f"of --question-length {options.question_length}"
            )
        features: list[Feature] = []
        for run in chunks(len(rows)):
            batch = rows[run.start : run.stop]
            questions = tokenise(tokenizer, (row.question for row in batch))
            contexts = {
                text: (ids, character_spans(text, spans))
                for text, (ids, spans) in tokenise_with_spans(
                    tokenizer, (row.context for row in batch)
                ).items()
            }
            for i, row in zip(run, batch, strict=True):
                question = questions[row.question][: options.question_length]
                context, spans = contexts[row.context]
                answer = answer_pieces(row, spans)
                nowhere = options.unanswerable and not row.texts
                offset = frame.second_start(question)
                room = options.max_length - frame.pair_specials - len(question)
                for start, stop in windows(len(context), room, options.stride):
                    ids, types = frame.join(question, context[start:stop])
                    features.append(
                        Feature(
                            row=i,
                            sequences=(ids,),
                            type_ids=None if types is None else (types,),
                            target=NOWHERE if nowhere else target_in(answer, start, stop, offset),
                            weight=1.0,
                            place=Window(offset, spans[start:stop]),
                        )
                    )
        return features

    def place_numbers(self, feature: Feature) -> NDArray[np.int32]:
        return np.append(np.int32(feature.place.offset), feature.place.spans.ravel())

    def place_reader(self, tokenizer: Any) -> ReadPlace:
        return lambda sequence, target, numbers: Window(int(numbers[0]), numbers[1:].reshape(-1, 2))

    def head(self, labels: Sequence[str]) -> dict[str, Any]:
        # two outputs, whatever an earlier head of the same config had
        return label_head(["start", "end"])

    def targets(self, features: Sequence[Feature]) -> Tensor:
        """(features, 3): the positions of the answer's ends, and the length without padding."""
        return torch.tensor([(*f.target, f.length) for f in features])

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """The mean of both ends' losses, as in transformers, but padding is no candidate.

        Otherwise the loss of a window would depend on what it was padded to.
        """
        positions = torch.arange(outputs.start_logits.shape[1], device=targets.device)
        padding = positions >= targets[:, 2:]  # (features, length)
        starts, ends = (
            cross_entropy(
                logits.float().masked_fill(padding, float("-inf")), target, reduction="none"
            )
            for logits, target in (
                (outputs.start_logits, targets[:, 0]),
                (outputs.end_logits, targets[:, 1]),
            )
        )
        return (starts + ends) / 2

    def extract(self, outputs: Any, features: Sequence[Feature]) -> list[NDArray[Any]]:
        """Start and end logits of the start token and the context's pieces, (2, 1 + pieces)."""
        arrays = as_array(torch.stack([outputs.start_logits, outputs.end_logits], dim=1))
        pieces = [(f.place.offset, f.place.offset + len(f.place.spans)) for f in features]
        return [
            np.concatenate([x[:, START_TOKEN, None], x[:, first:end]], axis=1)  # x: (2, length)
            for x, (first, end) in zip(arrays, pieces, strict=True)
        ]

    def decode(
        self,
        rows: Sequence[SpanRow],
        features: Sequence[Feature],
        outputs: Sequence[NDArray[Any]],
        options: FeatureOptions,
    ) -> list[str | Answer]:
        """The span of the highest sum of logits over all windows; empty for an empty context."""
        best: dict[int, tuple[float, int, int]] = {}
        null = [inf] * len(rows)  # the window that is least sure that nothing is there counts
        for feature, logits in zip(features, outputs, strict=True):
            found = best_span(logits[:, 1:], feature.place.spans)
            if found and (feature.row not in best or found[0] > best[feature.row][0]):
                best[feature.row] = found
            null[feature.row] = min(null[feature.row], float(logits[:, 0].sum()))
        slices = [best[i][1:] if i in best else (0, 0) for i in range(len(rows))]
        texts = [row.context[a:b] for row, (a, b) in zip(rows, slices, strict=True)]
        if not options.unanswerable:
            return list(texts)
        return [
            Answer(
                text=text,
                no_answer=probability(null[i], best[i][0]) if i in best else 1.0,
                threshold=options.threshold,
            )
            for i, text in enumerate(texts)
        ]

    def score(
        self,
        rows: Sequence[SpanRow],
        predictions: Sequence[str | Answer],
        metric: str,
        language: str,
    ) -> Score:
        """`main` is F1, and so are the items; exact match is beside it.

        The language of a context and that of its question (`de-es`): MLQA's rules are those of the
        answer, which is the context's.
        """
        require(metric, "squad", "squad_v2", "mlqa")
        if metric == "squad_v2":
            return score_decided(rows, predictions)
        of_answers = language.partition("-")[0]
        pairs = []
        for row, prediction in zip(rows, predictions, strict=True):
            text = prediction.given if isinstance(prediction, Answer) else prediction
            if not row.texts:
                raise InputError(f"row {row.id} has no answer to score against")
            pairs.append(
                squad_scores(text, row.texts)
                if metric == "squad"
                else mlqa_scores(text, row.texts, of_answers)
            )
        if not pairs:
            raise InputError("nothing to score: no questions")
        items = tuple(f1 for _, f1 in pairs)
        main = 100 * sum(items) / len(items)
        return Score(
            main=main,
            metrics={"f1": main, "exact_match": 100 * sum(em for em, _ in pairs) / len(pairs)},
            items=items,
            standard_error=mean_error(items),
            constant=is_constant(predictions),
        )

    def majority(
        self,
        rows: Sequence[SpanRow],
        metric: str,
        language: str,
        *,
        counted: Sequence[SpanRow] = (),
    ) -> Score:
        raise UsageError("span_qa has no most frequent label", hint='a card\'s floor: "untrained"')


def score_decided(rows: Sequence[SpanRow], predictions: Sequence[str | Answer]) -> Score:
    """The score where questions may have no answer, at the predictions' threshold or a fitted one.

    A text that is no `Answer` is given whatever the threshold.
    """
    answers = [
        p if isinstance(p, Answer) else Answer(p, 0.0 if p else 1.0, EVEN) for p in predictions
    ]
    asked = answers[0].threshold if answers else None
    scores = no_answer_scores(answers, [row.texts for row in rows], asked)
    return Score(
        main=scores.metrics["f1"],
        metrics=scores.metrics,
        items=scores.items,
        standard_error=mean_error(scores.items),
        constant=is_constant([answer.at(scores.threshold) for answer in answers]),
        threshold=scores.threshold,
    )


def character_spans(text: str, spans: Spans) -> Spans:
    """The characters [start, end) of every piece, without white space at either side.

    A piece of a Metaspace tokenizer claims the space before it. And a normaliser may drop a mark
    (uncased BERT drops the accent of a decomposed letter): a mark that no piece claims belongs to
    the piece before it, so that an answer never loses the end of its last letter.
    """
    pieces: list[list[int]] = spans.tolist()
    claimed = [start for start, _ in pieces[1:]] + [len(text)]
    for span, limit in zip(pieces, claimed, strict=False):
        start, end = span
        piece = text[start:end]
        start += len(piece) - len(piece.lstrip())
        end = start + len(piece.strip())
        while start < end < limit and unicodedata.category(text[end]).startswith("M"):
            end += 1
        span[:] = start, end
    return np.asarray(pieces, dtype=np.int32).reshape(-1, 2)


def answer_pieces(row: SpanRow, spans: Spans) -> tuple[int, int] | None:
    """The first and last piece of the context that share a character with the gold answer.

    Of several answers, the first one that stands in the context where it says it does and has a
    piece; None if there is none such.
    """
    for text, start in zip(row.texts, row.starts, strict=True):
        end = start + len(text)
        if text and row.context[start:end] == text:
            shared = np.nonzero(
                (spans[:, 1] > start) & (spans[:, 0] < end) & (spans[:, 0] < spans[:, 1])
            )[0]
            if len(shared):
                return int(shared[0]), int(shared[-1])
    return None


def windows(length: int, room: int, stride: int) -> list[tuple[int, int]]:
    """[start, stop) of windows of `room` pieces, each `stride` after the last; one at least.

    A stride larger than a window would leave pieces out: it counts as the window's length.
    """
    starts = range(0, max(1, length - room + min(stride, room)), min(stride, room))
    return [(start, min(start + room, length)) for start in starts]


def target_in(
    answer: tuple[int, int] | None, start: int, stop: int, offset: int
) -> tuple[int, ...]:
    """Positions of the answer's ends in a window's sequence, of `[CLS]` where it is not whole."""
    if answer is None:
        return ()
    first, last = answer
    if start <= first and last < stop:
        return first - start + offset, last - start + offset
    return NOWHERE


def best_span(logits: NDArray[Any], spans: Spans) -> tuple[float, int, int] | None:
    """(sum of logits, first character, end) of the best answer of a window that is not empty.

    Among the `BEST` starts and ends; if none of those make an answer, among all of them. None for
    a window without text.
    """
    # a piece that was white space alone is no end, so that no answer has any at its ends
    filled = np.nonzero(spans[:, 0] < spans[:, 1])[0]
    for count in (BEST, len(filled)):
        starts, ends = (filled[np.argsort(-x[filled], kind="stable")[:count]] for x in logits)
        length = ends[None, :] - starts[:, None] + 1  # (starts, ends)
        fits = (length >= 1) & (length <= LONGEST)
        if fits.any():
            sums = logits[0][starts][:, None] + logits[1][ends][None, :]
            i, j = np.unravel_index(np.argmax(np.where(fits, sums, -np.inf)), fits.shape)
            return float(sums[i, j]), int(spans[starts[i], 0]), int(spans[ends[j], 1])
    return None
