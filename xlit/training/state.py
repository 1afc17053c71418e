"""All that the rest of a run depends on, beside its tasks and what they are trained on.

The batches of a run, its dropout and its masks follow from the seed and the number of a step, so
that there is no generator whose state would be needed, on a CPU or on a GPU.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from xlit.kinds.kind import Score
from xlit.training.mixing import Drawn
from xlit.training.task import TrainTask

MOMENTS = ("exp_avg", "exp_avg_sq")  # as AdamW calls what it keeps of a parameter's gradients
PARAMETER = "parameter"
LOSSES = "losses"


@dataclass
class Best:
    """A run's best step so far, with the dev scores of every task.

    `parameters` are copies of what is trained, by the names of `trained`; there are none where the
    last step is kept whatever it scores.
    """

    step: int = 0
    score: float = -math.inf
    parameters: dict[str, Tensor] = field(default_factory=dict)
    scores: dict[str, Score] = field(default_factory=dict)


@dataclass
class State:
    """How far a run has come: `step` optimiser steps are done, each with its loss.

    `evaluated` is the last step whose evaluation is done; `seconds` were spent on steps; `floors`
    are the scores of no training by task; `continued` are the steps at which an interrupted run
    was taken up again.
    """

    drawn: list[Drawn]
    step: int = 0
    evaluated: int = 0
    losses: list[float] = field(default_factory=list)
    best: Best = field(default_factory=Best)
    floors: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    continued: list[int] = field(default_factory=list)


def trained(tasks: Sequence[TrainTask]) -> dict[str, nn.Parameter]:
    """What training changes, each once: by the number of the first task whose model has it, and
    its name there."""
    found: dict[int, tuple[str, nn.Parameter]] = {}
    for number, task in enumerate(tasks):
        for name, parameter in task.model.named_parameters():
            if parameter.requires_grad:
                found.setdefault(id(parameter), (f"{number}.{name}", parameter))
    return dict(found.values())


def copies(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parameters as they are now."""
    return {name: parameter.detach().clone() for name, parameter in parameters.items()}


@torch.no_grad()
def put_back(parameters: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Give parameters the values that they had; those without a value stay as they are."""
    for name, value in values.items():
        parameters[name].copy_(value)


def as_values(state: State, steps: Mapping[str, float]) -> dict[str, Any]:
    """Plain values for JSON, in which every float comes back as it was; the rest are tensors.

    `steps` are those that the optimiser counts for each parameter: one that a task alone has is not
    moved by the steps of other tasks.
    """
    best = state.best
    return {
        "step": state.step,
        "evaluated": state.evaluated,
        "seconds": state.seconds,
        "floors": state.floors,
        "continued": state.continued,
        "batches": [one.batches for one in state.drawn],
        "optimiser_steps": dict(steps),
        "best": {
            "step": best.step,
            "score": best.score,
            "scores": {task: dataclasses.asdict(score) for task, score in best.scores.items()},
        },
    }


def as_tensors(
    state: State, parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """Parameters, moments, losses (float64) and how often rows were drawn (int64)."""
    tensors = {f"{PARAMETER}.{name}": value.detach() for name, value in parameters.items()}
    for name, value in parameters.items():
        kept = optimiser.state.get(value, {})
        tensors |= {f"{moment}.{name}": kept[moment] for moment in MOMENTS if kept}
    tensors[LOSSES] = torch.tensor(state.losses, dtype=torch.float64)
    tensors |= {f"drawn.{n}": torch.from_numpy(one.times) for n, one in enumerate(state.drawn)}
    return tensors


def optimiser_steps(
    parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer
) -> dict[str, float]:
    """How often the optimiser moved each parameter that it did move."""
    return {
        name: float(optimiser.state[value]["step"])
        for name, value in parameters.items()
        if value in optimiser.state
    }


def shapes(
    state: State, parameters: Mapping[str, nn.Parameter], values: Mapping[str, Any]
) -> dict[str, tuple[int, ...]]:
    """The tensors, with their shapes, that a save with these values has if it is of this run."""
    expected = {f"{PARAMETER}.{name}": tuple(value.shape) for name, value in parameters.items()}
    for name in values["optimiser_steps"]:
        expected |= {f"{moment}.{name}": tuple(parameters[name].shape) for moment in MOMENTS}
    expected[LOSSES] = (values["step"],)
    return expected | {f"drawn.{n}": (one.rows,) for n, one in enumerate(state.drawn)}


@torch.no_grad()
def restore(
    state: State,
    parameters: Mapping[str, nn.Parameter],
    optimiser: torch.optim.Optimizer,
    values: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    best: Mapping[str, Tensor],
) -> None:
    """Give a run that has not begun the state of a save. `tensors` are those of `shapes`."""
    put_back(parameters, {name: tensors[f"{PARAMETER}.{name}"] for name in parameters})
    for name, steps in values["optimiser_steps"].items():
        parameter = parameters[name]
        kept = {
            # allocated as AdamW does it: where a tensor lies can decide how it is summed
            moment: torch.empty_like(parameter, memory_format=torch.preserve_format)
            for moment in MOMENTS
        }
        for moment, tensor in kept.items():
            tensor.copy_(tensors[f"{moment}.{name}"])
        count = torch.tensor(steps, dtype=torch.float32, device=parameter.device)
        optimiser.state[parameter] = {"step": count, **kept}
    state.step = values["step"]
    state.evaluated = values["evaluated"]
    state.seconds = values["seconds"]
    state.floors = dict(values["floors"])
    state.continued = [*values["continued"], state.step]
    state.losses = tensors[LOSSES].tolist()
    for number, (one, batches) in enumerate(zip(state.drawn, values["batches"], strict=True)):
        one.batches = batches
        one.times[:] = tensors[f"drawn.{number}"].numpy()
    state.best = Best(
        step=values["best"]["step"],
        score=values["best"]["score"],
        parameters=dict(best),
        scores={task: _score(kept) for task, kept in values["best"]["scores"].items()},
    )


def _score(values: Mapping[str, Any]) -> Score:
    lists = {
        "items": tuple(values["items"]),
        "counts": tuple(tuple(of_row) for of_row in values["counts"]),
    }
    return Score(**{**values, **lists})
