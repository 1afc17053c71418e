"""Equal vectors searched once: a group of them is represented by its first row.

Why k neighbours among the representatives are enough for k among all rows, ties by the lower id:
let row j be among the k best, and p the representative of its group. If p were not among the k best
representatives, k representatives would come before p, with a higher score, or the same score and a
lower id. They would come before j as well, since j scores as p does and has no lower id. So j would
not be among the k best.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlit.retrieval.ordering import best_of
from xlit.retrieval.rows import Ids, Rows, Scores, blocks

QUERIES = 16384  # whose neighbours are expanded at a time: up to k rows for each of the k groups
SEED = 20260101  # of the multipliers of the hash; the result does not depend on it


@dataclass(frozen=True, eq=False)
class Distinct:
    """The groups of equal rows: `members` are row ids sorted by group, then by id."""

    first: Ids  # (groups), rising: the representatives
    group_of: Ids  # (rows)
    members: Ids  # (rows)
    starts: Ids  # (groups + 1): where a group begins in `members`

    @property
    def repeated(self) -> bool:
        return len(self.first) < len(self.group_of)


def distinct(rows: Rows) -> Distinct:
    """Groups of rows with the same bits.

    Rows are grouped by a hash of 64 bits and then compared with the first of their group; those
    that only share the hash stay by themselves, which costs a search and changes no result.
    """
    hashes = _hashes(rows)
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    representative = first[group]  # (rows), the first row of the same hash
    copies = np.flatnonzero(representative != np.arange(len(rows)))
    for start in range(0, len(copies), 4096):
        some = copies[start : start + 4096]
        same = (rows[some] == rows[representative[some]]).all(axis=1)
        representative[some[~same]] = some[~same]
    first, group = np.unique(representative, return_inverse=True)
    starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=len(first)))])
    return Distinct(first, group, np.argsort(group, kind="stable"), starts)


def expanded(scores: Scores, ids: Ids, groups: Distinct, k: int) -> tuple[Scores, Ids]:
    """The k best rows (queries, k) from the best groups (queries, any), given by their numbers."""
    if not groups.repeated:
        return scores, groups.first[ids]
    best = np.empty((len(ids), k), np.float32), np.empty((len(ids), k), np.int64)
    for start in range(0, len(ids), QUERIES):
        block = slice(start, start + QUERIES)
        best[0][block], best[1][block] = _expanded(scores[block], ids[block], groups, k)
    return best


def _expanded(scores: Scores, ids: Ids, groups: Distinct, k: int) -> tuple[Scores, Ids]:
    # of a group no more than k rows can be among the best
    sizes = np.minimum(np.diff(groups.starts), k)[ids].ravel()  # (queries x groups)
    begins = np.repeat(groups.starts[ids].ravel(), sizes)
    offsets = np.arange(len(begins)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    queries = np.repeat(np.arange(len(ids)), sizes.reshape(ids.shape).sum(axis=1))
    rows = groups.members[begins + offsets]
    return best_of(queries, np.repeat(scores.ravel(), sizes), rows, len(ids), k)


def _hashes(rows: Rows) -> NDArray[np.uint64]:
    """A hash (rows) of the bits of each row."""
    hashes = np.empty(len(rows), np.uint64)
    whole = np.uint64 if rows.shape[1] % 2 == 0 else np.uint32
    factors = np.random.default_rng(SEED).integers(0, 2**64, rows.shape[1], np.uint64) | np.uint64(
        1
    )
    for block, vectors in blocks(rows):
        bits: NDArray[np.unsignedinteger[Any]] = vectors.view(whole)
        hashes[block] = (bits * factors[: bits.shape[1]]).sum(axis=1, dtype=np.uint64)  # mod 2^64
    return hashes
