"""The optimiser of a run."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from xlit.tasks.recipes import Recipe


def adamw(models: Sequence[Any], recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW without decay on biases and LayerNorm, as jiant and XTREME have it. Fused: the plain
    loop over tensors costs ten times as much on a CPU."""
    decayed: dict[int, nn.Parameter] = {}
    plain: dict[int, nn.Parameter] = {}
    for model in models:
        norms = {
            id(p) for m in model.modules() if isinstance(m, nn.LayerNorm) for p in m.parameters()
        }
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                free = name.endswith("bias") or id(parameter) in norms
                (plain if free else decayed)[id(parameter)] = parameter
    groups = [
        {"params": list(decayed.values()), "weight_decay": recipe.weight_decay},
        {"params": list(plain.values()), "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, eps=recipe.adam_epsilon, fused=True)


def parameters_of(optimiser: torch.optim.Optimizer) -> list[nn.Parameter]:
    """Everything that is trained, in the optimiser's order."""
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give all parameters the learning rate of the next step."""
    for group in optimiser.param_groups:
        group["lr"] = rate
