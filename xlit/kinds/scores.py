"""Scores from per-row values: what several kinds have in common, with standard errors."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from xlit.errors import InputError, UsageError
from xlit.kinds.kind import Score
from xlit.metrics.accuracy import accuracy, item_accuracy
from xlit.metrics.spread import mean_error

Label = TypeVar("Label", str, int)


def accuracy_score(golds: Sequence[object], predictions: Sequence[object], metric: str) -> Score:
    """The share of equal positions, as XTREME computes it (evaluate.py:accuracy)."""
    require(metric, "accuracy")
    items = tuple(item_accuracy(golds, predictions))
    main = accuracy(golds, predictions)
    return Score(
        main=main,
        metrics={"accuracy": main},
        items=items,
        standard_error=mean_error(items),
        constant=is_constant(predictions),
    )


def is_constant(predictions: Sequence[object]) -> bool:
    """Whether there are several predictions and they are all the same."""
    return len(predictions) > 1 and len(set(predictions)) == 1


def most_frequent(labels: Iterable[Label]) -> Label:
    """The most frequent label, the first one seen of equally frequent ones."""
    counts = Counter(labels).most_common(1)
    if not counts:
        raise InputError("no labels to count")
    return counts[0][0]


def require(metric: str, *known: str) -> None:
    """Raise `UsageError` unless `metric` is one of `known`."""
    if metric not in known:
        raise UsageError(f"metric {metric!r} does not fit this kind: it has {' and '.join(known)}")
