"""The gradient of one step, however it is cut."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xlit import device
from xlit.kinds.batches import micro_batches
from xlit.kinds.kind import Feature
from xlit.training.task import Settings, TrainTask

# padded tokens whose activations are held at once: this bounds a run's memory, not its result
TOKENS_PER_MICRO_BATCH = {"cpu": 2048, "cuda": 16384}


def drawn_anew(
    task: TrainTask, features: Sequence[Feature], settings: Settings, step: int
) -> list[Feature]:
    """The features as step number `step`, from 0, sees them; and dropout is seeded for it.

    Whatever is random in a step follows from the seed and the step's number, so that a run can be
    taken up at any step.
    """
    torch.manual_seed(seed_of_step(settings.seed, step))
    random = np.random.default_rng([settings.seed, 2, step])
    return task.kind.redraw(features, task.options, random)


def seed_of_step(seed: int, step: int, rank: int = 0) -> int:
    """The seed of dropout in one step of one process: 64 bits."""
    return int(np.random.SeedSequence([seed, 3, step, rank]).generate_state(1, np.uint64)[0])


def add_gradient(
    task: TrainTask, features: Sequence[Feature], tokenizer: Any, settings: Settings
) -> tuple[float, int]:
    """Add one batch's gradient to the parameters'; gives the batch's mean loss, and how many pieces
    went through the encoder, padding included.

    Losses are summed over micro-batches and divided by the weight of the whole batch.
    """
    task.model.train()
    weight = sum(feature.weight for feature in features)
    total, computed = 0.0, 0
    budget = TOKENS_PER_MICRO_BATCH[settings.where.type]
    for micro in [features] if task.kind.whole_batch else micro_batches(features, budget):
        inputs = task.kind.collate(micro, tokenizer.pad_token_id)
        computed += computed_pieces(inputs, packed=task.packed)
        inputs = {key: value.to(settings.where) for key, value in inputs.items()}
        targets = task.kind.targets(micro).to(settings.where)
        with device.autocast(settings.where, settings.precision):
            outputs = task.kind.forward(task.model, inputs, micro)
        loss = task.kind.loss(outputs, targets).sum() / weight
        torch.autograd.backward(loss)
        total += float(loss.detach())
    return total, computed


def computed_pieces(inputs: Mapping[str, Tensor], *, packed: bool) -> int:
    """The pieces of a micro-batch that are computed: its padding too, unless it is packed."""
    masks = [mask for name, mask in inputs.items() if name.endswith("attention_mask")]
    return sum(int(mask.sum()) if packed else mask.numel() for mask in masks)
