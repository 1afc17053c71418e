"""Which rows of the word embeddings a run holds: all, or those of the pieces that it can meet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlit import console
from xlit.errors import UsageError
from xlit.kinds.feature import Feature, pieces_of
from xlit.models.compact import Compact, compact, refusal
from xlit.tasks.recipes import Recipe
from xlit.training.schedule import Schedule
from xlit.training.task import Settings, TrainTask


def choose_vocabulary(
    tasks: Sequence[TrainTask],
    features: Sequence[Sequence[Feature]],
    tokenizer: Any,
    settings: Settings,
    directory: Path,
) -> Compact | None:
    """Make the word embeddings compact where that was asked for and is exact; None where all rows
    stay. `features` are all that the models will see, for training and on dev. Of several processes
    the first alone can put the others back, as it alone writes the checkpoint.

    Raises UsageError where compact embeddings alone will do and would not be exact.
    """
    if settings.vocabulary == "full":
        return None
    models = [task.model for task in tasks]
    if reason := refusal(models):
        if settings.vocabulary == "compact":
            raise UsageError(f"--vocabulary compact: {reason}", hint="leave it out")
        console.notice(f"the full vocabulary is trained: {reason}")
        return None
    rows = len(models[0].get_input_embeddings().weight)
    pieces = _pieces(features, tokenizer, rows)
    made = compact(models, pieces, directory if settings.processes.first else None)
    console.notice(
        f"compact vocabulary: {len(made.pieces)} of {made.full.num_embeddings} word embeddings"
    )
    return made


def decay_factors(schedule: Schedule, recipe: Recipe, steps: int) -> list[float]:
    """What each of the first steps multiplies a decayed parameter by that has no gradient.

    They follow from the step's number, so that nothing of this has to be saved.
    """
    return [1 - schedule.rate(step) * recipe.weight_decay for step in range(steps)]


def _pieces(features: Sequence[Sequence[Feature]], tokenizer: Any, rows: int) -> NDArray[np.int64]:
    """The ids that the sequences have, and those of all special tokens for which the encoder has
    one of its `rows`: a tokenizer may know some that no text has."""
    special = np.array(tokenizer.all_special_ids, dtype=np.int64)
    return np.unique(np.concatenate([special[special < rows], *map(pieces_of, features)]))
