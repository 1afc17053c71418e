"""One step, a few epochs and a perfect head, without the training room above this one."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from xlit.kinds.batches import Groups, micro_batches, training_batches
from xlit.kinds.kind import AnyKind, Feature

ModelOf = Callable[..., Any]


def step_gradient(
    kind: AnyKind, model: Any, features: Sequence[Feature], budget: int, pad_id: int
) -> dict[str, torch.Tensor]:
    """The gradient of one step over all features, in micro-batches of `budget` padded pieces."""
    model.zero_grad()
    weight = sum(f.weight for f in features)
    for part in micro_batches(features, budget):
        outputs = model(**kind.collate(part, pad_id))
        torch.autograd.backward(kind.loss(outputs, kind.targets(part)).sum() / weight)
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def train(
    kind: AnyKind,
    model: Any,
    features: Sequence[Feature],
    pad_id: int,
    *,
    epochs: int,
    batch_size: int = 16,
    learning_rate: float = 3e-3,
) -> None:
    """A plain loop, enough to see whether a kind's loss teaches what its decoding reads."""
    torch.manual_seed(0)
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    groups = Groups(features)
    model.train()
    for epoch in range(epochs):
        batches = training_batches(groups.lengths, batch_size, seed=0, epoch=epoch)
        for rows in batches:
            step = [feature for row in rows for feature in groups[row]]
            loss = kind.loss(model(**kind.collate(step, pad_id)), kind.targets(step))
            optimiser.zero_grad()
            torch.autograd.backward(loss.sum() / sum(f.weight for f in step))
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()


def certain(features: Sequence[Feature]) -> list[Any]:
    """Outputs of span QA that are sure of the target of each window."""
    outputs = []
    for feature in features:
        logits = np.zeros((2, 1 + len(feature.place.spans)))  # the start token, then the context
        for side, position in zip(logits, feature.target, strict=True):
            side[max(0, position - feature.place.offset + 1)] = 9
        outputs.append(logits)
    return outputs
