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
import torch
from numpy.typing import NDArray
from torch import nn

from xlit import console, device
from xlit.artefacts.partials import LOG
from xlit.kinds.batches import Groups
from xlit.tasks.freeze import parse_freeze
from xlit.training import dev
from xlit.training.features import TaskFeatures, features_of
from xlit.training.freezing import freeze
from xlit.training.interval import Saving
from xlit.training.journal import Journal, open_journal
from xlit.training.keeper import Keeper
from xlit.training.mixing import Drawn, mixed_batches, seen_line
from xlit.training.optimiser import adamw, parameters_of, set_rate
from xlit.training.outcome import Outcome
from xlit.training.schedule import Schedule, schedule_of
from xlit.training.state import Best, State, copies, put_back, trained
from xlit.training.step import Gradients
from xlit.training.task import Settings, TrainTask
from xlit.training.tracking import Trackers
from xlit.training.vocabulary import choose_vocabulary, decay_factors
from xlit.training.volume import volume_of

STEPS_BETWEEN_TRIMS = 64
"""On a CPU freed memory is given back so often: it costs the time of a part of a step."""


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
    continued: list[int]  # the steps from which an interrupted run went on
    fast: dict[str, Any]  # what the ways to save work resolved to


def train(
    tasks: Sequence[TrainTask],
    tokenizer: Any,
    settings: Settings,
    directory: Path,
    saving: Saving | None = None,
    trackers: Trackers | None = None,
) -> Result:
    """Train the tasks' models in place and leave them at the kept checkpoint.

    Writes `log.jsonl` into `directory`: a line a step, with the positions of its rows among the
    task's, one an evaluation, and at the end one a task that sums up what was seen; `trackers` are
    told of the first two. With `saving` it goes on from the newest save, and saves: now and then,
    and when a signal asks it to stop; then it raises StoppedError. Raises InputError when a
    training set gives no features.
    """
    recipe = tasks[0].recipe  # for what tasks agree in
    with settings.processes.first_goes_first():
        features = [features_of(task, tokenizer, settings.cache) for task in tasks]
    sizes = [len(own.train) for own in features]
    # a task alone has nothing to be weighed against
    counted = sizes if len(tasks) == 1 else [settings.mix.capped(size) for size in sizes]
    schedule = schedule_of(counted, [task.recipe for task in tasks])
    for task, own in zip(tasks, features, strict=True):
        task.kind.start(task.model, own.train.features)
    freeze([task.model for task in tasks], parse_freeze(recipe.freeze))
    seen = [some for own in features for some in (own.train.features, own.dev)]
    vocabulary = choose_vocabulary(tasks, seen, tokenizer, settings, directory)
    for task in tasks:
        task.model.to(settings.where)
    shares = settings.mix.shares(sizes)
    state = State([Drawn(size, float(share)) for size, share in zip(sizes, shares, strict=True)])
    optimiser = adamw([task.model for task in tasks], recipe)
    gradients = Gradients(tokenizer, settings, parameters_of(optimiser))
    run = _Run(tasks, features, tokenizer, settings, schedule, state, optimiser, gradients)
    keeper = Keeper(
        saving,
        state,
        tasks,
        optimiser,
        log=directory / LOG,
        where=settings.where,
        processes=settings.processes,
    )
    logged = keeper.resume()
    if not state.floors:
        state.floors = dict(dev.floors(tasks, features, tokenizer, settings))
    stream = mixed_batches(
        [own.train.lengths for own in features],
        [task.recipe.batch_size for task in tasks],
        shares,
        settings.seed,
    )
    batches = islice(stream, state.step, None)
    label = "+".join(task.card.name for task in tasks)
    with (
        open_journal(directory, label, schedule, state, trackers or Trackers(), logged) as journal,
        keeper.listening(),
    ):
        while True:
            if schedule.evaluates_after(state.step) and state.evaluated < state.step:
                _evaluate(run, journal, keeper)
            keeper.save_or_stop()
            if state.step == schedule.steps or _patience_is_over(state, schedule, recipe.patience):
                break
            _step(run, *next(batches), journal)
        keeper.save_end()
        mixture = _mixture(state, tasks, journal)
    put_back(trained(tasks), state.best.parameters)
    del optimiser, gradients, run, keeper  # moments are several times what is put back now
    if vocabulary is not None:
        vocabulary.restore(decay_factors(schedule, recipe, state.best.step))
    return _result(
        state, tasks, features, mixture, "full" if vocabulary is None else vocabulary.as_json()
    )


@dataclass(frozen=True)
class _Run:
    """What every step and every evaluation of a run works with."""

    tasks: Sequence[TrainTask]
    features: Sequence[TaskFeatures]
    tokenizer: Any
    settings: Settings
    schedule: Schedule
    state: State
    optimiser: torch.optim.Optimizer
    gradients: Gradients


def _step(run: _Run, number: int, batch: list[int], journal: Journal) -> None:
    """Take one optimiser step on a batch of the rows of task number `number`."""
    began = time.monotonic()
    state, task, groups = run.state, run.tasks[number], run.features[number].train
    chosen = [feature for row in batch for feature in groups[row]]
    rate = run.schedule.rate(state.step)
    set_rate(run.optimiser, rate)
    loss, computed = run.gradients.add(task, chosen, state.step)
    state.losses.append(loss)
    parameters = parameters_of(run.optimiser)
    norm = float(nn.utils.clip_grad_norm_(parameters, run.tasks[0].recipe.clip))
    run.optimiser.step()
    run.optimiser.zero_grad(set_to_none=True)
    state.drawn[number].add(batch)
    state.step += 1
    if run.settings.where.type == "cpu" and state.step % STEPS_BETWEEN_TRIMS == 0:
        device.give_memory_back()
    seconds = time.monotonic() - began
    state.seconds += seconds
    journal.step(
        state.step,
        task=task.card.name,
        rows=groups.rows[batch].tolist(),
        losses=state.losses,
        rate=rate,
        norm=norm,
        volume=volume_of(chosen, computed),
        seconds=seconds,
    )


def _evaluate(run: _Run, journal: Journal, keeper: Keeper) -> None:
    """Score dev, and keep the parameters where the mean of the tasks is better than before."""
    tasks, state = run.tasks, run.state
    journal.scoring()
    with keeper.interruptible():
        scores = dev.evaluate(tasks, run.features, run.tokenizer, run.settings)
    mean = float(np.mean([score.main for score in scores.values()]))
    journal.evaluation(state.step, mean, scores)
    if tasks[0].recipe.keep == "last":  # the last step of all is evaluated, and is as it stands
        state.best = Best(state.step, mean, {}, scores)
    elif mean > state.best.score:
        state.best = Best(state.step, mean, copies(trained(tasks)), scores)
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


def _result(
    state: State,
    tasks: Sequence[TrainTask],
    features: Sequence[TaskFeatures],
    mixture: dict[str, dict[str, Any]],
    vocabulary: str | dict[str, Any],
) -> Result:
    best = state.best
    return Result(
        outcomes=tuple(
            dev.outcome_of(
                task, best.scores[task.card.name], state.floors[task.card.name], best.step
            )
            for task in tasks
        ),
        steps=state.step,
        best_step=best.step,
        loss=float(np.mean(state.losses[-max(1, state.step // 10) :])),
        mixture=mixture,
        times={
            task.card.name: _times_of_rows(task, own.train, one)
            for task, own, one in zip(tasks, features, state.drawn, strict=True)
        },
        examples_per_second=sum(one.examples for one in state.drawn) / max(1e-9, state.seconds),
        continued=state.continued,
        fast={"vocabulary": vocabulary},
    )


def _times_of_rows(task: TrainTask, groups: Groups, drawn: Drawn) -> NDArray[np.int64]:
    """How often each row of a task was drawn, 0 for those that could not be trained on."""
    times = np.zeros(len(task.rows), dtype=np.int64)
    times[groups.rows] = drawn.times
    return times
