"""One input of a model, and many of them in numbers.

A training set may have half a million features. What orders, groups and chooses them reads
`Columns`; the `Feature` objects of a `Features` are made when they are asked for, a batch at a
time.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """One input of the model: a sequence, or one sequence a choice.

    `row` is the position of its row among the rows given. `target` is empty where the gold is
    hidden. A step's loss is the sum over features of their losses, divided by the sum of their
    `weight`. `place` is the kind's own data to get from the pieces back to the text.
    """

    row: int
    sequences: tuple[tuple[int, ...], ...]
    type_ids: tuple[tuple[int, ...], ...] | None
    target: tuple[int, ...]
    weight: float
    place: Any = None

    @property
    def length(self) -> int:
        """Pieces of the longest sequence."""
        return max(len(sequence) for sequence in self.sequences)

    @property
    def tokens(self) -> int:
        """Pieces that the model sees for this feature alone: sequences times the longest."""
        return len(self.sequences) * self.length


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Of every feature its row, its longest sequence in pieces, and how many sequences and target
    numbers it has; each (features,)."""

    row: Integers
    length: Integers
    sequences: Integers
    targets: Integers


class Features(Sequence[Feature], ABC):
    """Features that are made when they are asked for, and are never all there at once."""

    columns: Columns

    def __len__(self) -> int:
        return len(self.columns.row)

    @overload
    def __getitem__(self, index: int) -> Feature: ...
    @overload
    def __getitem__(self, index: slice) -> "Features": ...
    def __getitem__(self, index: int | slice) -> "Feature | Features":
        if isinstance(index, slice):
            return self.select(np.arange(len(self))[index])
        if not -len(self) <= index < len(self):
            raise IndexError(f"feature {index} of {len(self)}")
        return self.make(index % len(self))

    @abstractmethod
    def make(self, index: int) -> Feature:
        """The feature at `index`, which is in range."""

    @abstractmethod
    def select(self, chosen: Integers) -> "Features":
        """Those at the positions `chosen`, in that order."""

    @abstractmethod
    def pieces(self) -> Integers:
        """The ids of all pieces in their sequences, each once and ascending."""


def columns_of(features: Sequence[Feature]) -> Columns:
    """The numbers of features, whether they are all there or not."""
    if isinstance(features, Features):
        return features.columns
    return Columns(
        row=_array(feature.row for feature in features),
        length=_array(feature.length for feature in features),
        sequences=_array(len(feature.sequences) for feature in features),
        targets=_array(len(feature.target) for feature in features),
    )


def select(features: Sequence[Feature], chosen: Integers) -> Sequence[Feature]:
    """The features at the positions `chosen`, in that order."""
    if isinstance(features, Features):
        return features.select(chosen)
    return [features[i] for i in chosen.tolist()]


def pieces_of(features: Sequence[Feature]) -> Integers:
    """The ids of all pieces in the sequences of features, each once and ascending."""
    if isinstance(features, Features):
        return features.pieces()
    return distinct([_array(chain.from_iterable(feature.sequences)) for feature in features])


def distinct(ids: Iterable[Integers]) -> Integers:
    """The numbers in arrays of piece ids, each once and ascending."""
    seen = np.zeros(0, dtype=np.bool_)  # sorting millions to find thousands takes seconds
    for some in ids:
        most = int(some.max(initial=-1)) + 1
        seen = np.pad(seen, (0, max(0, most - len(seen))))
        seen[some] = True
    return np.flatnonzero(seen)


def _array(values: Iterable[int]) -> Integers:
    return np.fromiter(values, dtype=np.int64)
