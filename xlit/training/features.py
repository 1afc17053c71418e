"""The features of a run's tasks, made once before its first step."""

from typing import Any

from xlit import console
from xlit.errors import InputError
from xlit.kinds.batches import group_rows
from xlit.kinds.kind import Feature
from xlit.training.task import TrainTask


def training_rows(task: TrainTask, tokenizer: Any) -> list[list[Feature]]:
    """The features of each training row that has any; a row of QA has one a window.

    Raises InputError where no row can be trained on.
    """
    features, left_out = task.kind.training_features(task.rows, tokenizer, task.options)
    if left_out:
        console.notice(f"{task.card.name}: {left_out} rows have no gold to train on")
    if not features:
        raise InputError(f"{task.card.name}: no training row can be used: none has a label")
    return group_rows(features)
