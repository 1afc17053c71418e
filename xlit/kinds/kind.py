"""What a kind of task is: the class that every file of this room fills in.

The training loop, the evaluator and a cache of features know only `Kind`, `Feature` and `Score`.
A forward pass is cut in two for decoding: `extract` takes from a batch's outputs the numbers that
decoding needs, feature by feature, so that predictions never depend on how batches were filled.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlit.errors import InputError, UsageError
from xlit.kinds.feature import Feature as Feature  # which every kind needs beside `Kind`
from xlit.kinds.feature import columns_of, select
from xlit.metrics.masked import MaskedText
from xlit.metrics.no_answer import Answer
from xlit.models.packing import Reads
from xlit.tasks.rows import Row

Prediction: TypeAlias = str | int | tuple[str, ...] | Answer | MaskedText
"""A label, the number of a choice, an answer, the tags of a sentence, an answer that may be none,
or the hidden pieces of a text."""

RowT = TypeVar("RowT", bound=Row)
PredictionT = TypeVar("PredictionT", bound=Prediction)

IGNORED = -100
"""A target that has no loss, as in torch's cross entropy."""


@dataclass(frozen=True, slots=True)
class FeatureOptions:
    """Lengths in pieces, and the labels in the order of the head's outputs.

    `stride` is how far a window over a long context moves, as in the original SQuAD scripts (in
    tokenizers' own windows the word means the overlap). Only span QA reads it and
    `question_length`, `unanswerable` (whether questions may have no answer) and `threshold` (the
    probability of no answer above which none is given; None to fit it on the rows that are scored).
    """

    max_length: int
    stride: int = 128
    question_length: int = 64
    labels: tuple[str, ...] = ()
    unanswerable: bool = False
    threshold: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_length", "stride", "question_length"):
            if getattr(self, name) < 1:
                flag = f"--{name.replace('_', '-')}"
                raise UsageError(f"{flag} {getattr(self, name)} is less than 1 piece")
        if len(set(self.labels)) < len(self.labels):
            raise UsageError(f"a label occurs twice: {', '.join(self.labels)}")

    @property
    def label_ids(self) -> dict[str, int]:
        return {label: i for i, label in enumerate(self.labels)}


@dataclass(frozen=True, slots=True)
class Score:
    """How good predictions are. `main` and `metrics` are percentages, unrounded; perplexities and
    thresholds among the metrics are plain numbers.

    `items` has one value from 0 to 1 a row. `counts`, for tagging and masked LM, has (correct,
    predicted, gold) chunks or pieces of every row, from which the score of any selection follows.
    `standard_error` is that of `main`, in points, over rows as the sample. `constant` is a sign of
    a degenerate run: there are several rows and one and the same prediction for everything.
    `threshold` is the probability of no answer that decided, where questions may have none.
    """

    main: float
    metrics: dict[str, float]
    items: tuple[float, ...]
    standard_error: float
    constant: bool
    counts: tuple[tuple[int, int, int], ...] = ()
    threshold: float | None = None


class Kind(ABC, Generic[RowT, PredictionT]):
    """A kind of task: features, head, loss, decoding and score. It holds no state."""

    name: ClassVar[str]
    auto_class: ClassVar[Any]
    """The `AutoModelFor...` class of transformers whose head this kind trains."""
    labelled: ClassVar[bool] = False
    """Whether the head has one output for each of the card's labels."""
    whole_batch: ClassVar[bool] = False
    """Whether the rows of a training step go through the model together, as in-batch negatives
    need; else they are cut into micro-batches."""
    own_head: ClassVar[bool] = False
    """Whether a head that the encoder brings along is trained on instead of a new one."""
    reads: ClassVar[Reads] = "all"
    """What the head reads of the last layer: every state, or those of first tokens alone."""
    features_version: ClassVar[int] = 1
    """To be raised with every change of what `features` gives, so that no kept ones are taken for
    it (tests/kinds/test_feature_versions.py says when)."""
    options_read: ClassVar[tuple[str, ...]] = ("max_length",)
    """The fields of `FeatureOptions` that `features` reads."""

    @abstractmethod
    def features(
        self, rows: Sequence[RowT], tokenizer: Any, options: FeatureOptions
    ) -> list[Feature]:
        """At least one feature for every row, in the order of the rows."""

    def content(self, row: RowT) -> Sequence[object]:
        """All of a row that `features` reads, as plain values: everything but its id."""
        return [getattr(row, name) for name in row.__slots__ if name != "id"]

    def place_numbers(self, feature: Feature) -> NDArray[np.int32]:
        """A feature's `place` as numbers, less what its other fields tell."""
        return np.zeros(0, dtype=np.int32)

    def place_reader(self, tokenizer: Any) -> "ReadPlace":
        """What makes the `place` of a feature of `features` from its other fields and numbers."""
        return lambda sequence, target, numbers: None

    def trainable(
        self, rows: Sequence[RowT], features: Sequence[Feature]
    ) -> tuple[Sequence[Feature], int]:
        """Of what `features` gave for `rows` that which can be trained on, and the number of rows
        left out.

        A row is left out when its gold is hidden, or when an answer has no piece of the context.
        """
        columns = columns_of(features)
        chosen = np.flatnonzero(columns.targets)
        return select(features, chosen), len(rows) - len(np.unique(columns.row[chosen]))

    def training_features(
        self, rows: Sequence[RowT], tokenizer: Any, options: FeatureOptions
    ) -> tuple[Sequence[Feature], int]:
        """`trainable` of features that are made here and now."""
        return self.trainable(rows, self.features(rows, tokenizer, options))

    def redraw(
        self, features: Sequence[Feature], options: FeatureOptions, random: np.random.Generator
    ) -> list[Feature]:
        """The features of one training step as that step sees them: masked LM masks anew here."""
        return list(features)

    def start(self, model: Any, features: Sequence[Feature]) -> None:
        """Make a new head ready for training, from its training features: called once a run."""

    @abstractmethod
    def head(self, labels: Sequence[str]) -> dict[str, Any]:
        """The settings of the model's config that belong to the head."""

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """The model's inputs, (features, length), padded at the end to the longest."""
        return pad(
            [f.sequences[0] for f in features],
            [f.type_ids[0] for f in features if f.type_ids is not None],
            pad_id,
        )

    def forward(self, model: Any, inputs: dict[str, Tensor], features: Sequence[Feature]) -> Any:
        """The model's outputs on what `collate` made of `features`."""
        return model(**inputs)

    @abstractmethod
    def targets(self, features: Sequence[Feature]) -> Tensor:
        """What `loss` holds the outputs against; every feature has a target."""

    @abstractmethod
    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """The summed loss of every feature, (features,), in float32.

        The loss of a step is `loss.sum() / sum(weights)` over all its features, in however many
        micro-batches they are computed.
        """

    @abstractmethod
    def extract(self, outputs: Any, features: Sequence[Feature]) -> list[NDArray[Any]]:
        """What `decode` needs of each feature: arrays on the CPU, without any padding."""

    @abstractmethod
    def decode(
        self,
        rows: Sequence[RowT],
        features: Sequence[Feature],
        outputs: Sequence[NDArray[Any]],
        options: FeatureOptions,
    ) -> list[PredictionT]:
        """One prediction a row, in the order of the rows. `outputs` are those of `extract`."""

    @abstractmethod
    def score(
        self, rows: Sequence[RowT], predictions: Sequence[PredictionT], metric: str, language: str
    ) -> Score:
        """The score of predictions in the order of the rows.

        Raises `UsageError` for a metric of another kind, and `InputError` for hidden gold.
        """

    @abstractmethod
    def majority(
        self, rows: Sequence[RowT], metric: str, language: str, *, counted: Sequence[RowT] = ()
    ) -> Score:
        """The score on `rows` of always predicting the label most frequent in `counted`.

        Without `counted`, the label most frequent in `rows` themselves: the hardest floor. Ties go
        to the label seen first.
        """


AnyKind: TypeAlias = Kind[Any, Any]

ReadPlace: TypeAlias = Callable[[tuple[int, ...], tuple[int, ...], NDArray[np.int32]], Any]
"""From a feature's first sequence, its target and the numbers of its place to the place."""


def pad(
    sequences: Sequence[Sequence[int]], type_ids: Sequence[Sequence[int]], pad_id: int
) -> dict[str, Tensor]:
    """Model inputs (sequences, longest). `type_ids` is empty where the model takes none."""
    shape = (len(sequences), max(len(sequence) for sequence in sequences))
    ids = np.full(shape, pad_id, dtype=np.int64)
    mask = np.zeros(shape, dtype=np.int64)
    types = np.zeros(shape, dtype=np.int64)
    for i, sequence in enumerate(sequences):
        ids[i, : len(sequence)] = sequence
        mask[i, : len(sequence)] = 1
    for i, sequence in enumerate(type_ids):
        types[i, : len(sequence)] = sequence
    inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    return inputs | {"token_type_ids": torch.from_numpy(types)} if type_ids else inputs


def as_array(outputs: Tensor) -> NDArray[np.float32]:
    """A batch of outputs in float32 on the CPU."""
    array: NDArray[np.float32] = outputs.detach().float().cpu().numpy()
    return array


def label_head(labels: Sequence[str]) -> dict[str, Any]:
    """The config of a head with one output a label."""
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
    }


def label_map(model_labels: Sequence[str], card_labels: Sequence[str]) -> tuple[int, ...]:
    """For each output of a head, the place of its label on the card: mapped by name.

    A head trained in one order and read in another scores below chance, so the order of a
    checkpoint's labels is never trusted. Raises `UsageError` when the two differ as sets.
    """
    if len(model_labels) != len(card_labels) or set(model_labels) != set(card_labels):
        raise UsageError(
            f"the checkpoint's labels ({', '.join(model_labels)}) are not the card's "
            f"({', '.join(card_labels)})",
            hint="evaluate it on a task with its own labels, or train it on this one",
        )
    return tuple(card_labels.index(label) for label in model_labels)


def model_labels(config: Any) -> tuple[str, ...]:
    """The names of a head's outputs, in their order."""
    names: Mapping[int, str] = config.id2label
    return tuple(names[i] for i in sorted(names))


def label_id(label: str, ids: Mapping[str, int], row_id: str) -> int:
    """The number of a label. Raises `InputError` for one that has none."""
    if label not in ids:
        raise InputError(f"row {row_id}: label {label!r} is none of {', '.join(ids)}")
    return ids[label]
