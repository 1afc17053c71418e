"""Accuracy, as the official XTREME evaluator computes it for XNLI, PAWS-X, XCOPA and Tatoeba.

Source: google-research/xtreme `evaluate.py:accuracy`. A record counts when prediction and label
are equal as they stand: no case folding, no mapping of names, no parsing of numbers.
"""

from collections.abc import Sequence

from xlit.errors import InputError


def item_accuracy(golds: Sequence[object], predictions: Sequence[object]) -> list[float]:
    """1.0 where the prediction equals the gold, else 0.0, one an item.

    Raises InputError when the two have not the same number of items.
    """
    if len(golds) != len(predictions):
        raise InputError(f"{len(predictions)} predictions for {len(golds)} labels")
    return [float(gold == guess) for gold, guess in zip(golds, predictions, strict=True)]


def accuracy(golds: Sequence[object], predictions: Sequence[object]) -> float:
    """Percent of equal items. Raises InputError for unequal numbers and for nothing at all."""
    items = item_accuracy(golds, predictions)
    if not items:
        raise InputError("nothing to score: no predictions and no labels")
    # dividing first, as the official code does: the last digit depends on it
    return sum(items) / len(items) * 100
