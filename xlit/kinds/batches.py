"""Which rows make a step, and which features go through the model together.

A step is a number of rows. Its features are spread over micro-batches of little padding, which
changes no gradient: losses are summed and divided by the weight of the whole step.
"""

from collections.abc import Sequence

import numpy as np

from xlit.errors import UsageError
from xlit.kinds.kind import Feature

WINDOW = 50
"""Batches that are sorted by length together; more pads less and mixes less."""


def group_rows(features: Sequence[Feature]) -> list[list[Feature]]:
    """The features of each row together, in the order of rows; rows without features are absent."""
    groups: dict[int, list[Feature]] = {}
    for feature in features:
        groups.setdefault(feature.row, []).append(feature)
    return [groups[row] for row in sorted(groups)]


def lengths_of(groups: Sequence[Sequence[Feature]]) -> list[int]:
    """The pieces of each row's longest sequence, by which batches are sorted."""
    return [max(feature.length for feature in group) for group in groups]


def training_batches(
    lengths: Sequence[int], batch_size: int, *, seed: int, epoch: int
) -> list[list[int]]:
    """Every position in `lengths` once, in batches of rows of about one length.

    Shuffled, cut into windows of `WINDOW` batches, sorted by length within a window (ties at
    random), cut into batches, batches shuffled. The odd batch, which is smaller, is at a random
    place, so that no length weighs more than another. `seed` and `epoch` settle everything.
    """
    if batch_size < 1:
        raise UsageError(f"--batch-size {batch_size} is less than one row")
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    noisy = np.asarray(lengths, dtype=np.float64) + random.random(len(lengths))
    batches: list[list[int]] = []
    for start in range(0, len(order), WINDOW * batch_size):
        window = order[start : start + WINDOW * batch_size]
        window = window[np.argsort(noisy[window])]
        whole, odd = divmod(len(window), batch_size)
        sizes = random.permutation([batch_size] * whole + [odd] * (odd > 0))
        cuts = np.cumsum(sizes)[:-1]
        batches.extend(part.tolist() for part in np.split(window, cuts))
    return [batches[i] for i in random.permutation(len(batches))]


def evaluation_batches(features: Sequence[Feature], token_budget: int) -> list[list[int]]:
    """Positions in `features`, longest first, in batches of at most `token_budget` padded pieces.

    The longest come first, so that a lack of memory shows at once and the time left is not too
    hopeful. A feature that is larger than the budget is a batch of its own.
    """
    if token_budget < 1:
        raise UsageError(f"--token-budget {token_budget} is less than one piece")
    batches: list[list[int]] = []
    width = depth = 0
    for i in sorted(range(len(features)), key=lambda i: -features[i].length):
        feature = features[i]
        deeper = max(depth, len(feature.sequences))
        if batches and (len(batches[-1]) + 1) * deeper * width <= token_budget:
            batches[-1].append(i)
            depth = deeper
        else:
            batches.append([i])
            width, depth = feature.length, len(feature.sequences)
    return batches


def micro_batches(features: Sequence[Feature], token_budget: int) -> list[list[Feature]]:
    """The features of one step in parts of at most `token_budget` padded pieces."""
    return [[features[i] for i in part] for part in evaluation_batches(features, token_budget)]
