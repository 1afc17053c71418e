"""The one training loop: any kinds of task, one or several, plain PyTorch.

A step takes `batch_size` rows of one task. They come from length-sorted windows and are cut into
micro-batches by tokens; losses are summed and divided by the step's total weight, so that the
gradient is that of the whole batch however it is cut.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from xlit import console
from xlit.kinds.batches import lengths_of
from xlit.kinds.kind import Feature
from xlit.training import dev
from xlit.training.features import training_rows
from xlit.training.journal import Journal, open_journal
from xlit.training.mixing import Drawn, mixed_batches, seen_line
from xlit.training.optimiser import adamw, freeze, parameters_of, set_rate
from xlit.training.outcome import Outcome
from xlit.training.schedule import Schedule, schedule_of
from xlit.training.state import Best, State, put_back, trained_parameters
from xlit.training.step import add_gradient, drawn_anew
from xlit.training.task import Settings, TrainTask
from xlit.training.tracking import Trackers
from xlit.training.volume import volume_of


@dataclass(frozen=True)
class Result:
    """What a run came to. `examples_per_second` counts the time of steps alone."""

    outcomes: tuple[Outcome, ...]
    steps: int
    best_step: int
    loss: float  # mean over the last tenth of the steps
    mixture: dict[str, dict[str, Any]]  # `Drawn.as_json` of each task
    times: dict[str, NDArray[np.int64]]  # of each task (rows,), how often each was drawn
    examples_per_second: float


def train(
    tasks: Sequence[TrainTask],
    tokenizer: Any,
    settings: Settings,
    directory: Path,
    trackers: Trackers | None = None,
) -> Result:
    """Train the tasks' models in place and leave them at the kept checkpoint.

    Writes `log.jsonl` into `directory`: a line a step, with the positions of its rows among the
    task's, one an evaluation, and at the end one a task that sums up what was seen; `trackers` are
    told of the first two. Raises InputError when a training set gives no features.
    """
    recipe = tasks[0].recipe  # for what tasks agree in
    features = [training_rows(task, tokenizer) for task in tasks]
    sizes = [len(rows) for rows in features]
    # a task alone has nothing to be weighed against
    counted = sizes if len(tasks) == 1 else [settings.mix.capped(size) for size in sizes]
    schedule = schedule_of(counted, [task.recipe for task in tasks])
    for task, groups in zip(tasks, features, strict=True):
        task.kind.start(task.model, [feature for group in groups for feature in group])
        task.model.to(settings.where)
        freeze(task.model, recipe.freeze)
    untrained = dev.floors(tasks, tokenizer, settings)
    optimiser = adamw([task.model for task in tasks], recipe)
    parameters = parameters_of(optimiser)
    shares = settings.mix.shares(sizes)
    state = State([Drawn(size, float(share)) for size, share in zip(sizes, shares, strict=True)])
    stream = mixed_batches(
        [lengths_of(rows) for rows in features],
        [task.recipe.batch_size for task in tasks],
        shares,
        settings.seed,
    )
    label = "+".join(task.card.name for task in tasks)
    with open_journal(directory, label, schedule, state, trackers or Trackers()) as journal:
        for number, batch in islice(stream, state.step, schedule.steps):
            began = time.monotonic()
            task = tasks[number]
            chosen = [feature for row in batch for feature in features[number][row]]
            chosen = drawn_anew(task, chosen, settings, state.step)
            rate = schedule.rate(state.step)
            set_rate(optimiser, rate)
            loss, computed = add_gradient(task, chosen, tokenizer, settings)
            state.losses.append(loss)
            norm = float(nn.utils.clip_grad_norm_(parameters, recipe.clip))
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            state.drawn[number].add(batch)
            state.step += 1
            seconds = time.monotonic() - began
            state.seconds += seconds
            journal.step(
                state.step,
                task=task.card.name,
                rows=[features[number][position][0].row for position in batch],
                losses=state.losses,
                rate=rate,
                norm=norm,
                volume=volume_of(chosen, computed),
                seconds=seconds,
            )
            if schedule.evaluates_after(state.step):
                _evaluate(state, tasks, tokenizer, settings, journal)
                if _patience_is_over(state, schedule, recipe.patience):
                    break
        mixture = _mixture(state, tasks, journal)
    put_back(tasks, state.best.parameters)
    return Result(
        outcomes=tuple(
            dev.outcome_of(
                task,
                state.best.scores[task.card.name],
                untrained[task.card.name],
                state.best.step,
            )
            for task in tasks
        ),
        steps=state.step,
        best_step=state.best.step,
        loss=float(np.mean(state.losses[-max(1, state.step // 10) :])),
        mixture=mixture,
        times={
            task.card.name: _times_of_rows(task, groups, one)
            for task, groups, one in zip(tasks, features, state.drawn, strict=True)
        },
        examples_per_second=sum(one.examples for one in state.drawn) / max(1e-9, state.seconds),
    )


def _evaluate(
    state: State,
    tasks: Sequence[TrainTask],
    tokenizer: Any,
    settings: Settings,
    journal: Journal,
) -> None:
    """Score dev, and keep the parameters where the mean of the tasks is better than before."""
    journal.scoring()
    scores = dev.evaluate(tasks, tokenizer, settings)
    mean = float(np.mean([score.main for score in scores.values()]))
    journal.evaluation(state.step, mean, scores)
    if mean > state.best.score or tasks[0].recipe.keep == "last":
        state.best = Best(state.step, mean, trained_parameters(tasks), scores)
    state.evaluated = state.step


def _patience_is_over(state: State, schedule: Schedule, patience: int | None) -> bool:
    """Whether the last `patience` evaluations found nothing better."""
    behind = (state.evaluated - state.best.step) // schedule.every
    return patience is not None and behind >= patience


def _mixture(
    state: State, tasks: Sequence[TrainTask], journal: Journal
) -> dict[str, dict[str, Any]]:
    """What was seen of each task, which is also logged and told."""
    mixture = {
        task.card.name: one.as_json(state.step)
        for task, one in zip(tasks, state.drawn, strict=True)
    }
    for name, values in mixture.items():
        journal.seen(name, values)
        console.notice(seen_line(name, values, alone=len(tasks) == 1))
    return mixture


def _times_of_rows(
    task: TrainTask, groups: Sequence[Sequence[Feature]], drawn: Drawn
) -> NDArray[np.int64]:
    """How often each row of a task was drawn, 0 for those that could not be trained on."""
    times = np.zeros(len(task.rows), dtype=np.int64)
    times[[group[0].row for group in groups]] = drawn.times
    return times
