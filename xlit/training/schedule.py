"""How many steps, and the learning rate of each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from xlit.errors import UsageError
from xlit.tasks.recipes import Recipe


@dataclass(frozen=True, slots=True)
class Schedule:
    """A run's optimiser steps: how many, how many of them warm up, how many lie between two
    evaluations, and the peak learning rate."""

    steps: int
    warmup: int
    every: int
    peak: float

    def rate(self, step: int) -> float:
        """The learning rate of step number `step`, from 0."""
        return self.peak * learning_rate_factor(step, self.steps, self.warmup)

    def evaluates_after(self, done: int) -> bool:
        """Whether dev is scored when `done` steps are done."""
        return done % self.every == 0 or done == self.steps

    def evaluations_after(self, done: int) -> int:
        """How many more times dev is scored when `done` steps are done, and their evaluation."""
        odd = self.steps % self.every != 0 and done < self.steps
        return self.steps // self.every - done // self.every + odd


def schedule_of(rows: Sequence[int], recipes: Sequence[Recipe]) -> Schedule:
    """The schedule for tasks of these sizes; for several tasks `rows` are the capped ones."""
    steps = total_steps(rows, recipes)
    return Schedule(
        steps=steps,
        warmup=warmup_steps(steps, recipes[0]),
        every=steps_between_evaluations(steps, recipes),
        peak=recipes[0].learning_rate,
    )


def total_steps(rows: Sequence[int], recipes: Sequence[Recipe]) -> int:
    """Optimiser steps for tasks of these sizes, each with its own recipe's batches and epochs.

    The sum over tasks of epochs x ceil(rows / batch size), as jiant has it (PROTOCOL A5), and at
    least the largest `min_steps`. For several tasks `rows` are the capped ones. A large encoder's
    recipe has no minimum; a small encoder on little data is left untrained without one. Raises
    UsageError for more than can be counted.
    """
    epochs = sum(
        recipe.epochs * math.ceil(count / recipe.batch_size)
        for count, recipe in zip(rows, recipes, strict=True)
    )
    if not math.isfinite(epochs):
        raise UsageError("--epochs: too many steps to count")
    return max(math.ceil(epochs), *(recipe.min_steps for recipe in recipes), 1)


def steps_between_evaluations(steps: int, recipes: Sequence[Recipe]) -> int:
    """The first recipe's own number where it names one, else one evaluation an epoch.

    With several tasks an epoch is that of the task with the most.
    """
    epochs = max(1, math.ceil(max(recipe.epochs for recipe in recipes)))
    return recipes[0].eval_every or math.ceil(steps / epochs)


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
