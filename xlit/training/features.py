"""The features of a run's tasks, made once before its first step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xlit import console
from xlit.errors import InputError
from xlit.kinds.batches import Groups
from xlit.kinds.feature import Feature
from xlit.kinds.feature_cache import FeatureCache
from xlit.training.task import TrainTask


@dataclass(frozen=True)
class TaskFeatures:
    """Of one task the features of each training row that has any (a row of QA has one a window),
    and those of all dev rows."""

    train: Groups
    dev: Sequence[Feature]


def features_of(task: TrainTask, tokenizer: Any, cache: FeatureCache) -> TaskFeatures:
    """What is kept of a task's features, and what had to be made of them, which is kept now.

    Where several processes have one cache, one of them goes first and the others find what it made.
    Raises InputError where no row can be trained on.
    """
    made = cache.features(task.kind, task.rows, tokenizer, task.options)
    features, left_out = task.kind.trainable(task.rows, made)
    if left_out:
        console.notice(f"{task.card.name}: {left_out} rows have no gold to train on")
    if not features:
        raise InputError(f"{task.card.name}: no training row can be used: none has a label")
    dev = cache.features(task.kind, task.dev, tokenizer, task.options)
    return TaskFeatures(Groups(features), dev)
