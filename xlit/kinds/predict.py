"""Run a model of any kind over rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from xlit import device as devices
from xlit.kinds.batches import evaluation_batches
from xlit.kinds.feature import Feature, columns_of
from xlit.kinds.kind import FeatureOptions, Kind, PredictionT, RowT, label_map, model_labels

TOKEN_BUDGET = 4096
"""Padded pieces a batch: small enough for a laptop, large enough that calls cost little."""


class Sharing(Protocol):
    """Some processes, of which this is one, that share work."""

    rank: int
    size: int

    def merge(self, arrays: Mapping[int, NDArray[Any]]) -> dict[int, NDArray[Any]]:
        """The numbered arrays of all of them."""


def predict(
    kind: Kind[RowT, PredictionT],
    model: Any,
    tokenizer: Any,
    rows: Sequence[RowT],
    options: FeatureOptions,
    *,
    features: Sequence[Feature] | None = None,
    token_budget: int = TOKEN_BUDGET,
    device: torch.device,
    precision: devices.Precision,
    among: Sharing | None = None,
    advance: Callable[[int], object] | None = None,
) -> list[PredictionT]:
    """One prediction a row, in the order of the rows; `advance` is told of rows done.

    With `among` each process runs its share of the batches, and all have all predictions.

    `features` are those of the rows where they are made already, by the same tokenizer and lengths,
    whatever the order of labels. `options.labels` are the card's: outputs are read by the names in
    the model's own config, and `UsageError` is raised when the two do not have the same labels. The
    model is left in the mode (training or not) that it came in.
    """
    if kind.labelled:
        own = model_labels(model.config)
        label_map(own, options.labels)
        options = replace(options, labels=own)
    if features is None:
        features = kind.features(rows, tokenizer, options)
    outputs: dict[int, NDArray[Any]] = {}
    parts = evaluation_batches(features, token_budget)
    if among is not None:
        parts = parts[among.rank :: among.size]
    waiting = np.bincount(columns_of(features).row, minlength=len(rows))
    was_training = model.training
    model.eval()
    try:
        for part in parts:
            batch = [features[i] for i in part]
            inputs = kind.collate(batch, tokenizer.pad_token_id)
            inputs = {key: x.to(device) for key, x in inputs.items()}
            with torch.inference_mode(), devices.autocast(device, precision):
                results = kind.forward(model, inputs, batch)
            for i, extracted in zip(part, kind.extract(results, batch), strict=True):
                outputs[i] = extracted
            done = [f.row for f in batch]
            np.subtract.at(waiting, done, 1)
            if advance is not None:
                advance(len({row for row in done if waiting[row] == 0}))
    finally:
        model.train(was_training)
    if among is not None:
        outputs = among.merge(outputs)
    return kind.decode(rows, features, [outputs[i] for i in range(len(features))], options)
