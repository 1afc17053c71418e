"""Features as flat numbers in Arrow's layout, out of which `Feature` objects are made on demand.

A `Part` is one Arrow record batch: in memory, or a piece of a mapped file. A `FeatureTable` is a
selection of features out of parts, with the row that each of them has in the set at hand: of any
subset or order of rows it holds five numbers a feature, and no copy of a sequence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xlit.kinds.feature import Columns, Feature, Features, Integers, distinct
from xlit.kinds.kind import AnyKind, ReadPlace

KEY_BYTES = 16
SCHEMA = pa.schema(
    {
        "key": pa.binary(KEY_BYTES),  # of the row; the features of a row stand together
        "ids": pa.list_(pa.int32()),  # of all sequences, one after the other
        "lengths": pa.list_(pa.int32()),  # of each sequence
        "types": pa.list_(pa.uint8()),  # as ids, or nothing for a model without token types
        "target": pa.list_(pa.int32()),
        "place": pa.list_(pa.int32()),
        "weight": pa.float64(),
    }
)

Keys = NDArray[np.bytes_]
"""A digest of each row's content, (rows,) of `KEY_BYTES` bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """Lists of numbers, one a feature: `values[starts[i] : ends[i]]`."""

    values: NDArray[Any]
    starts: Integers
    ends: Integers

    @property
    def counts(self) -> Integers:
        return self.ends - self.starts

    def __getitem__(self, index: int) -> NDArray[Any]:
        return self.values[self.starts[index] : self.ends[index]]


class Part:
    """The features of one record batch, as views of its numbers."""

    def __init__(self, batch: Any) -> None:
        keys = batch.column("key").buffers()[1]
        self.keys: Keys = np.frombuffer(keys, f"S{KEY_BYTES}", batch.num_rows)
        self.ids, self.lengths, self.types, self.target, self.place = (
            _lists(batch.column(name)) for name in ("ids", "lengths", "types", "target", "place")
        )
        self.weight: NDArray[np.float64] = batch.column("weight").to_numpy()

    def __len__(self) -> int:
        return len(self.weight)

    @cached_property
    def longest(self) -> Integers:
        """The length of each feature's longest sequence, (features,)."""
        return np.maximum.reduceat(self.lengths.values, self.lengths.starts)

    def make(self, index: int, row: int, read_place: ReadPlace) -> Feature:
        """The feature at `index`, as that of `row`."""
        cuts = [0, *accumulate(self.lengths[index].tolist())]
        sequences = _cut(self.ids[index], cuts)
        types = self.types[index]
        target = tuple(self.target[index].tolist())
        return Feature(
            row=row,
            sequences=sequences,
            type_ids=_cut(types, cuts) if len(types) else None,
            target=target,
            weight=float(self.weight[index]),
            place=read_place(sequences[0], target, self.place[index]),
        )


class FeatureTable(Features):
    """Feature i is number `at[i]` of `parts[part[i]]`, of row `row[i]`; (features,) each."""

    def __init__(
        self,
        parts: Sequence[Part],
        part: Integers,
        at: Integers,
        row: Integers,
        read_place: ReadPlace,
    ) -> None:
        self.parts, self.part, self.at = parts, part, at
        self.read_place = read_place
        length, sequences, targets = (np.zeros(len(row), dtype=np.int64) for _ in range(3))
        for number in np.unique(part).tolist():
            here = part == number
            own, index = parts[number], at[here]
            length[here] = own.longest[index]
            sequences[here] = own.lengths.counts[index]
            targets[here] = own.target.counts[index]
        self.columns = Columns(row, length, sequences, targets)

    def make(self, index: int) -> Feature:
        part = self.parts[self.part[index]]
        return part.make(int(self.at[index]), int(self.columns.row[index]), self.read_place)

    def select(self, chosen: Integers) -> "FeatureTable":
        part, at, row = self.part[chosen], self.at[chosen], self.columns.row[chosen]
        return FeatureTable(self.parts, part, at, row, self.read_place)

    def pieces(self) -> Integers:
        found = [part.ids.values[n.repeat(part.ids.counts) > 0] for part, n in self.parts_used()]
        return distinct(found)

    def parts_used(self) -> Iterator[tuple[Part, Integers]]:
        """The parts that features are taken from, with how often each of their features is."""
        for number in np.unique(self.part).tolist():
            part = self.parts[number]
            yield part, np.bincount(self.at[self.part == number], minlength=len(part))


def batch_of(kind: AnyKind, keys: Keys, features: Sequence[Feature]) -> Any:
    """The record batch of all features of some rows, which are in their order; `keys` by row."""
    rows = [feature.row for feature in features]
    lists = {
        "ids": [list(chain.from_iterable(f.sequences)) for f in features],
        "lengths": [[len(sequence) for sequence in f.sequences] for f in features],
        "types": [list(chain.from_iterable(f.type_ids or ())) for f in features],
        "target": [f.target for f in features],
        "place": [kind.place_numbers(f) for f in features],
    }
    columns = {name: pa.array(values, SCHEMA.field(name).type) for name, values in lists.items()}
    buffer = pa.py_buffer(keys[rows].tobytes())
    columns["key"] = pa.Array.from_buffers(pa.binary(KEY_BYTES), len(rows), [None, buffer])
    columns["weight"] = pa.array([f.weight for f in features], pa.float64())
    return pa.record_batch([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _lists(column: Any) -> Lists:
    offsets = column.offsets.to_numpy()
    return Lists(column.values.to_numpy(), offsets[:-1], offsets[1:])


def _cut(values: NDArray[Any], cuts: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    numbers = values.tolist()
    return tuple(tuple(numbers[a:b]) for a, b in pairwise(cuts))
