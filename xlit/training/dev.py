"""The tasks of a run on their dev rows: what choosing a checkpoint rests on."""

from collections.abc import Mapping, Sequence
from typing import Any

from xlit.kinds.kind import Score
from xlit.kinds.predict import predict
from xlit.training.features import TaskFeatures
from xlit.training.outcome import Outcome
from xlit.training.task import Settings, TrainTask


def evaluate(
    tasks: Sequence[TrainTask],
    features: Sequence[TaskFeatures],
    tokenizer: Any,
    settings: Settings,
) -> dict[str, Score]:
    """The score of each task's model on its dev rows."""
    return {
        task.card.name: _evaluate_one(task, own, tokenizer, settings)
        for task, own in zip(tasks, features, strict=True)
    }


def floors(
    tasks: Sequence[TrainTask],
    features: Sequence[TaskFeatures],
    tokenizer: Any,
    settings: Settings,
) -> Mapping[str, float]:
    """What each task gets without training, by its card's rule."""
    return {
        task.card.name: task.kind.majority(
            task.dev, metric=task.card.metric, language=task.card.train_language
        ).main
        if task.card.floor == "majority"
        else _evaluate_one(task, own, tokenizer, settings).main
        for task, own in zip(tasks, features, strict=True)
    }


def outcome_of(task: TrainTask, score: Score, floor: float, step: int) -> Outcome:
    """What the manifest tells of a task at the kept step."""
    return Outcome(
        task=task.card.name,
        score=score.main,
        error=score.standard_error,
        floor=floor,
        constant=score.constant,
        rows=len(task.dev),
        step=step,
        metrics=score.metrics,
        threshold=score.threshold,
    )


def _evaluate_one(
    task: TrainTask, features: TaskFeatures, tokenizer: Any, settings: Settings
) -> Score:
    predictions = predict(
        task.kind,
        task.model,
        tokenizer,
        task.dev,
        task.options,
        features=features.dev,
        device=settings.where,
        precision=settings.precision,
        among=settings.processes,
    )
    return task.kind.score(
        task.dev, predictions, metric=task.card.metric, language=task.card.train_language
    )
