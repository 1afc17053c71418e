"""Bitext: sentences of two languages, retrieved by their vectors. There is no head to train."""

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from numpy.typing import NDArray
from torch import Tensor

from xlit.errors import UsageError
from xlit.kinds.kind import Feature, FeatureOptions, Kind, Score
from xlit.kinds.segments import chunks, frame_of, tokenise
from xlit.tasks.rows import BitextRow


class Bitext(Kind[BitextRow, str]):
    """Single sentences in, for an encoder without a head; everything else raises `UsageError`."""

    name: ClassVar[str] = "bitext"
    auto_class: ClassVar[Any] = None

    def features(
        self, rows: Sequence[BitextRow], tokenizer: Any, options: FeatureOptions
    ) -> list[Feature]:
        frame = frame_of(tokenizer, options.max_length)
        room = options.max_length - frame.single_specials
        features: list[Feature] = []
        for run in chunks(len(rows)):
            batch = rows[run.start : run.stop]
            pieces = tokenise(tokenizer, (row.text for row in batch))
            for i, row in zip(run, batch, strict=True):
                ids, types = frame.join(pieces[row.text][:room], None)
                features.append(Feature(i, (ids,), None if types is None else (types,), (), 1.0))
        return features

    def head(self, labels: Sequence[str]) -> NoReturn:
        raise not_trained()

    def targets(self, features: Sequence[Feature]) -> Tensor:
        raise not_trained()

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        raise not_trained()

    def extract(self, outputs: Any, features: Sequence[Feature]) -> list[NDArray[Any]]:
        raise not_trained()

    def decode(
        self,
        rows: Sequence[BitextRow],
        features: Sequence[Feature],
        outputs: Sequence[NDArray[Any]],
        options: FeatureOptions,
    ) -> list[str]:
        raise not_trained()

    def score(
        self, rows: Sequence[BitextRow], predictions: Sequence[str], metric: str, language: str
    ) -> Score:
        raise not_trained()

    def majority(
        self,
        rows: Sequence[BitextRow],
        metric: str,
        language: str,
        *,
        counted: Sequence[BitextRow] = (),
    ) -> Score:
        raise not_trained()


def not_trained() -> UsageError:
    return UsageError(
        "bitext tasks are retrieved, not trained", hint="xlit retrieve ENCODER --task TASK"
    )
