"""Which rows make a step, and which features go through the model together.

A step is a number of rows. Its features are spread over micro-batches of little padding, which
changes no gradient: losses are summed and divided by the weight of the whole step.
"""

from collections.abc import Sequence
from typing import overload

import numpy as np

from xlit.errors import UsageError
from xlit.kinds.feature import Feature, Integers, columns_of

WINDOW = 50
"""Batches that are sorted by length together; more pads less and mixes less."""


class Groups(Sequence[list[Feature]]):
    """The features of each row together, in the order of rows; rows without features are absent.

    `rows` has the position of each group's row, `lengths` the pieces of its longest sequence, by
    which batches are sorted; (groups,) each.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        columns = columns_of(features)
        order = np.argsort(columns.row, kind="stable")
        self.rows, starts = np.unique(columns.row[order], return_index=True)
        self.lengths = np.maximum.reduceat(columns.length[order], starts) if len(starts) else order
        self.features = features
        self._order = order
        self._cuts = [*starts.tolist(), len(order)]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> list[Feature]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[Feature]]: ...
    def __getitem__(self, index: int | slice) -> list[Feature] | list[list[Feature]]:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        at = range(len(self))[index]
        return [self.features[i] for i in self._order[self._cuts[at] : self._cuts[at + 1]].tolist()]


def training_batches(
    lengths: Sequence[int] | Integers, batch_size: int, *, seed: int, epoch: int
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
    columns = columns_of(features)
    batches: list[list[int]] = []
    width = depth = 0
    order = np.argsort(-columns.length, kind="stable")
    lengths, sequences = columns.length[order].tolist(), columns.sequences[order].tolist()
    for i, length, own in zip(order.tolist(), lengths, sequences, strict=True):
        deeper = max(depth, own)
        if batches and (len(batches[-1]) + 1) * deeper * width <= token_budget:
            batches[-1].append(i)
            depth = deeper
        else:
            batches.append([i])
            width, depth = length, own
    return batches


def micro_batches(features: Sequence[Feature], token_budget: int) -> list[list[Feature]]:
    """The features of one step in parts of at most `token_budget` padded pieces."""
    return [[features[i] for i in part] for part in evaluation_batches(features, token_budget)]
