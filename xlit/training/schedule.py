"""How many steps, and the learning rate of each."""

import math
from collections.abc import Sequence

from xlit.tasks.recipes import Recipe


def total_steps(rows: Sequence[int], recipe: Recipe) -> int:
    """Optimiser steps for tasks of these sizes: `epochs` over each, and at least `min_steps`.

    A large encoder's recipe has no minimum; a small encoder on little data is left untrained
    without one.
    """
    epoch = sum(math.ceil(n / recipe.batch_size) for n in rows)
    return max(math.ceil(recipe.epochs * epoch), recipe.min_steps, 1)


def warmup_steps(steps: int, recipe: Recipe) -> int:
    """The recipe's own number of warm-up steps where it names one, else its fraction of `steps`."""
    if recipe.warmup_steps is not None:
        return recipe.warmup_steps
    return math.ceil(recipe.warmup * steps)


def learning_rate_factor(step: int, steps: int, warmup: int) -> float:
    """The share of the peak rate at optimiser step `step` (from 0): linear up, then linear to 0.

    The formula is that of transformers' `get_linear_schedule_with_warmup`, which both published
    recipes use: step 0 of a warm-up has rate 0.
    """
    if step < warmup:
        return step / max(1, warmup)
    return max(0.0, (steps - step) / max(1, steps - warmup))
