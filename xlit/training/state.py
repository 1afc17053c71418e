"""All that the rest of a run depends on, beside its tasks, their parameters and the optimiser.

The batches of a run, its dropout and its masks follow from the seed and the number of a step, so
that there is no generator whose state would be needed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from xlit.kinds.kind import Score
from xlit.training.mixing import Drawn
from xlit.training.task import TrainTask


@dataclass
class Best:
    """A run's best step so far: copies of the trained parameters, by the number of the task whose
    model has them, and the dev scores of every task."""

    step: int = 0
    score: float = -math.inf
    parameters: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    scores: dict[str, Score] = field(default_factory=dict)


@dataclass
class State:
    """How far a run has come: `step` optimiser steps are done, each with its loss.

    `evaluated` is the last step whose evaluation is done; `seconds` were spent on steps.
    """

    drawn: list[Drawn]
    step: int = 0
    evaluated: int = 0
    losses: list[float] = field(default_factory=list)
    best: Best = field(default_factory=Best)
    seconds: float = 0.0


def trained_parameters(tasks: Sequence[TrainTask]) -> dict[int, dict[str, Tensor]]:
    """Copies of what training changes; the shared encoder is copied once."""
    copied: set[int] = set()
    states: dict[int, dict[str, Tensor]] = {}
    for number, task in enumerate(tasks):
        states[number] = {}
        for name, parameter in task.model.named_parameters():
            if parameter.requires_grad and id(parameter) not in copied:
                copied.add(id(parameter))
                states[number][name] = parameter.detach().clone()
    return states


@torch.no_grad()
def put_back(tasks: Sequence[TrainTask], states: Mapping[int, Mapping[str, Any]]) -> None:
    """Give the models the parameters that `trained_parameters` copied."""
    for number, state in states.items():
        parameters = dict(tasks[number].model.named_parameters())
        for name, value in state.items():
            parameters[name].copy_(value)
