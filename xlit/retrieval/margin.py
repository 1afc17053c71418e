"""Margin scores of sentence pairs: a cosine, seen against the neighbourhoods of both sentences.

From Artetxe and Schwenk (2019, arXiv 1811.01136, equation 2), as LASER and XTREME compute it: with
a the inner product of a pair and b the mean of its two neighbourhood means,

    ratio       a / b
    distance    a - b
    absolute    a
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Margin = Literal["ratio", "distance", "absolute"]
Floats = NDArray[np.float64]


def neighbourhood_means(scores: NDArray[np.float32]) -> Floats:
    """Mean inner product of each sentence with its k nearest ones. (n, k) gives (n,).

    -inf stands where there is no neighbour and does not count; without any the mean is 0.
    """
    means: Floats
    if scores.size and scores.min() > -np.inf:
        means = scores.mean(axis=1, dtype=np.float64)
        return means
    there = scores > -np.inf
    means = np.where(there, scores, 0).sum(axis=1, dtype=np.float64)
    return means / np.maximum(there.sum(axis=1), 1)


def margin_scores(
    products: NDArray[np.float32], own_means: Floats, other_means: Floats, margin: Margin
) -> Floats:
    """Margins of pairs from their inner products and the means of both sentences, broadcast.

    A ratio whose divisor is zero has no value and scores 0.
    """
    a = products.astype(np.float64)
    if margin == "absolute":
        return a
    b = (own_means + other_means) / 2
    if margin == "distance":
        return a - b
    a, b = np.broadcast_arrays(a, b)
    return np.divide(a, b, out=np.zeros(a.shape), where=b != 0)
