"""Classification of one text or a pair of texts."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForSequenceClassification

from xlit.errors import InputError
from xlit.kinds.kind import Feature, FeatureOptions, Kind, Score, as_array, label_head, label_id
from xlit.kinds.scores import accuracy_score, most_frequent
from xlit.kinds.segments import chunks, cut_longest_first, frame_of, tokenise
from xlit.models.packing import Reads
from xlit.tasks.rows import TextRow


class Classification(Kind[TextRow, str]):
    """One label a row. Too long a pair is cut at the ends, the longer text first (as XTREME)."""

    name: ClassVar[str] = "classification"
    auto_class: ClassVar[Any] = AutoModelForSequenceClassification
    labelled: ClassVar[bool] = True
    reads: ClassVar[Reads] = "first"
    options_read: ClassVar[tuple[str, ...]] = ("max_length", "labels")

    def features(
        self, rows: Sequence[TextRow], tokenizer: Any, options: FeatureOptions
    ) -> list[Feature]:
        frame = frame_of(tokenizer, options.max_length)
        ids = options.label_ids
        features: list[Feature] = []
        for run in chunks(len(rows)):
            batch = rows[run.start : run.stop]
            texts = (text for row in batch for text in (row.text, row.pair) if text is not None)
            pieces = tokenise(tokenizer, texts)
            for i, row in zip(run, batch, strict=True):
                first = pieces[row.text]
                second = None
                if row.pair is None:
                    first = first[: options.max_length - frame.single_specials]
                else:
                    room = options.max_length - frame.pair_specials
                    first, second = cut_longest_first(first, pieces[row.pair], room)
                sequence, types = frame.join(first, second)
                features.append(
                    Feature(
                        row=i,
                        sequences=(sequence,),
                        type_ids=None if types is None else (types,),
                        target=() if row.label is None else (label_id(row.label, ids, row.id),),
                        weight=1.0,
                    )
                )
        return features

    def head(self, labels: Sequence[str]) -> dict[str, Any]:
        # said outright, because one label alone would be read as regression
        return label_head(labels) | {"problem_type": "single_label_classification"}

    def targets(self, features: Sequence[Feature]) -> Tensor:
        return torch.tensor([f.target[0] for f in features])  # (features,)

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        return cross_entropy(outputs.logits.float(), targets, reduction="none")

    def extract(self, outputs: Any, features: Sequence[Feature]) -> list[NDArray[Any]]:
        return list(as_array(outputs.logits))  # each (labels,)

    def decode(
        self,
        rows: Sequence[TextRow],
        features: Sequence[Feature],
        outputs: Sequence[NDArray[Any]],
        options: FeatureOptions,
    ) -> list[str]:
        best = {f.row: int(logits.argmax()) for f, logits in zip(features, outputs, strict=True)}
        return [options.labels[best[i]] for i in range(len(rows))]

    def score(
        self, rows: Sequence[TextRow], predictions: Sequence[str], metric: str, language: str
    ) -> Score:
        return accuracy_score([gold(row) for row in rows], predictions, metric)

    def majority(
        self,
        rows: Sequence[TextRow],
        metric: str,
        language: str,
        *,
        counted: Sequence[TextRow] = (),
    ) -> Score:
        label = most_frequent(gold(row) for row in counted or rows)
        return self.score(rows, [label] * len(rows), metric, language)


def gold(row: TextRow) -> str:
    if row.label is None:
        raise InputError(f"row {row.id} has no label to score against")
    return row.label
