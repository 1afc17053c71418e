"""Rows of vectors, in memory or on a disk, and the neighbours that a search finds among them.

Whoever computes takes a block of rows, widened to float32, which holds every float16 exactly. So a
side of a search may be larger than memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xlit.errors import InputError

Vectors = NDArray[np.float32]
Scores = NDArray[np.float32]
Ids = NDArray[np.int64]

BLOCK_BYTES = 64 * 2**20  # of widened rows held at a time


class Rows(Protocol):
    """Vectors (rows, dimensions) of float32 or float16: an array, a memory map, shards of files."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice | Ids, /) -> NDArray[Any]: ...


@dataclass(frozen=True)
class Recall:
    """What an approximate index finds of the true neighbours: `share` of them, over `queries`
    queries that were searched exactly as well."""

    share: float
    queries: int


@dataclass(frozen=True, eq=False)
class Neighbours:
    """`ids[i]` are the nearest vectors of query i, best first; both arrays are (queries, k).

    `recall` stands beside the neighbours of an approximate index; without it they are exact.
    """

    scores: Scores
    ids: Ids
    recall: Recall | None = None


def recall_told(**found: Neighbours) -> dict[str, dict[str, float]]:
    """What is stored of searches by name: the recall of those that may have missed some."""
    return {
        name: {"share": near.recall.share, "queries": near.recall.queries}
        for name, near in found.items()
        if near.recall is not None
    }


def widened(block: NDArray[Any]) -> Vectors:
    """The same values in float32, in one piece of memory."""
    return np.ascontiguousarray(block, dtype=np.float32)


def blocks(rows: Rows, size: int | None = None) -> Iterator[tuple[slice, Vectors]]:
    """All rows in their order, `size` at a time (as many as `BLOCK_BYTES` hold, if not given)."""
    size = size or max(1, BLOCK_BYTES // (4 * max(1, rows.shape[1])))
    for start in range(0, len(rows), size):
        block = slice(start, min(start + size, len(rows)))
        yield block, widened(rows[block])


def check_rows(rows: Rows, name: str) -> float:
    """The length of the longest row; reads all of them, by blocks.

    Raises InputError for rows that cannot be searched.
    """
    if len(rows.shape) != 2:
        raise InputError(f"{name} vectors have {len(rows.shape)} axes instead of two")
    if rows.dtype not in (np.float32, np.float16):
        raise InputError(f"{name} vectors are {rows.dtype}", hint="float32 or float16 are searched")
    longest = 0.0
    for block, vectors in blocks(rows):
        wide = vectors.astype(np.float64)  # in which no square of a float32 overflows
        squares = np.einsum("rd,rd->r", wide, wide)
        finite = np.isfinite(squares)
        if not finite.all():
            raise InputError(
                f"{name} vectors hold values that are not finite numbers,"
                f" first in row {block.start + int(finite.argmin())}"
            )
        longest = max(longest, float(np.sqrt(squares.max())))
    return longest
