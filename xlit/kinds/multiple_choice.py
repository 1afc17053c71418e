"""Multiple choice: one sequence a choice, and one number for each."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForMultipleChoice

from xlit.errors import InputError
from xlit.kinds.kind import Feature, FeatureOptions, Kind, Score, as_array, label_head, pad
from xlit.kinds.scores import accuracy_score, most_frequent
from xlit.kinds.segments import Frame, Pieces, chunks, frame_of, tokenise
from xlit.models.packing import Reads
from xlit.tasks.rows import ChoiceRow


class MultipleChoice(Kind[ChoiceRow, int]):
    """The number of a choice a row, from 0.

    The pairs are those of XTREME-R's run_xcopa.py: context and question, then the choice. What is
    too long is cut at the front of the context, as jiant does (`truncate_end=False`): the
    question stands at its end, and the choice decides.
    """

    name: ClassVar[str] = "multiple_choice"
    auto_class: ClassVar[Any] = AutoModelForMultipleChoice
    reads: ClassVar[Reads] = "first"

    def features(
        self, rows: Sequence[ChoiceRow], tokenizer: Any, options: FeatureOptions
    ) -> list[Feature]:
        frame = frame_of(tokenizer, options.max_length)
        room = options.max_length - frame.pair_specials
        features: list[Feature] = []
        for run in chunks(len(rows)):
            batch = rows[run.start : run.stop]
            texts = (text for row in batch for text in (prompt(row), *row.choices))
            pieces = tokenise(tokenizer, texts)
            for i, row in zip(run, batch, strict=True):
                first = pieces[prompt(row)]
                joined = [join(frame, first, pieces[choice], room) for choice in row.choices]
                features.append(
                    Feature(
                        row=i,
                        sequences=tuple(ids for ids, _ in joined),
                        type_ids=tuple(types for _, types in joined if types is not None) or None,
                        target=target_of(row),
                        weight=1.0,
                    )
                )
        return features

    def head(self, labels: Sequence[str]) -> dict[str, Any]:
        # one output, whatever an earlier head of the same config had
        return label_head(["choice"])

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """Inputs (features, choices, length). Missing choices repeat the first one.

        Not padding alone: attention over nothing can be NaN, and its gradient would spread.
        """
        most = max(len(f.sequences) for f in features)
        flat = pad(
            [s for f in features for s in filled(f.sequences, most)],
            [s for f in features if f.type_ids is not None for s in filled(f.type_ids, most)],
            pad_id,
        )
        return {key: x.view(len(features), most, -1) for key, x in flat.items()}

    def targets(self, features: Sequence[Feature]) -> Tensor:
        """(features, 2): the right choice, and how many choices there are."""
        return torch.tensor([[f.target[0], len(f.sequences)] for f in features])

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        logits = outputs.logits.float()  # (features, choices)
        missing = torch.arange(logits.shape[1], device=logits.device) >= targets[:, 1:]
        logits = logits.masked_fill(missing, float("-inf"))
        return cross_entropy(logits, targets[:, 0], reduction="none")

    def extract(self, outputs: Any, features: Sequence[Feature]) -> list[NDArray[Any]]:
        logits = as_array(outputs.logits)
        return [x[: len(f.sequences)] for x, f in zip(logits, features, strict=True)]

    def decode(
        self,
        rows: Sequence[ChoiceRow],
        features: Sequence[Feature],
        outputs: Sequence[NDArray[Any]],
        options: FeatureOptions,
    ) -> list[int]:
        best = {f.row: int(logits.argmax()) for f, logits in zip(features, outputs, strict=True)}
        return [best[i] for i in range(len(rows))]

    def score(
        self, rows: Sequence[ChoiceRow], predictions: Sequence[int], metric: str, language: str
    ) -> Score:
        return accuracy_score([gold(row) for row in rows], predictions, metric)

    def majority(
        self,
        rows: Sequence[ChoiceRow],
        metric: str,
        language: str,
        *,
        counted: Sequence[ChoiceRow] = (),
    ) -> Score:
        label = most_frequent(gold(row) for row in counted or rows)
        return self.score(rows, [label] * len(rows), metric, language)


def prompt(row: ChoiceRow) -> str:
    """The first text of the pair: the context and the question, where it has both."""
    return " ".join(text for text in (row.context, row.question) if text)


def join(frame: Frame, first: Pieces, choice: Pieces, room: int) -> tuple[Pieces, Pieces | None]:
    """The pair in `room` pieces: the front of the context goes first, then the choice's end."""
    choice = choice[:room]
    return frame.join(first[max(0, len(first) + len(choice) - room) :], choice)


def filled(sequences: tuple[Pieces, ...], count: int) -> tuple[Pieces, ...]:
    return sequences + sequences[:1] * (count - len(sequences))


def target_of(row: ChoiceRow) -> tuple[int, ...]:
    if not row.choices:
        raise InputError(f"row {row.id} has no choices")
    if row.label is None:
        return ()
    if not 0 <= row.label < len(row.choices):
        raise InputError(f"row {row.id}: label {row.label} of {len(row.choices)} choices")
    return (row.label,)


def gold(row: ChoiceRow) -> int:
    if row.label is None:
        raise InputError(f"row {row.id} has no label to score against")
    return row.label
