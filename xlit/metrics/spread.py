"""Standard errors."""

from collections.abc import Sequence
from math import sqrt


def mean_error(items: Sequence[float]) -> float:
    """The standard error of 100 times the mean of `items`, in points: 100 sd / sqrt(n).

    For items of 0 and 1 this is the binomial one, 100 sqrt(p (1 - p) / n).
    """
    mean = sum(items) / len(items)
    return 100 * sqrt(sum((x - mean) ** 2 for x in items)) / len(items)
