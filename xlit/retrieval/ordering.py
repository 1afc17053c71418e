"""The order of neighbours, by falling score and then by rising id, as an order of integers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlit.retrieval.rows import Ids, Scores

Keys = NDArray[np.int64]

LAST_ID = 2**32 - 1
NO_PAIR = 2**63 - 1  # behind every pair
OWNERS, TABLE = 4096, 2**22  # whose pairs, and how many, are sorted at a time


def keys_of(scores: Scores, ids: Ids) -> Keys:
    """One number a pair: the best pair has the lowest. Ids are below 2^32, and no score is -0.0."""
    bits = scores.view(np.int32)
    # the bits of negative numbers rise as the numbers fall
    rising = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits).astype(np.int64)
    keys: Keys = ~((rising << 32) | (LAST_ID - ids))
    return keys


def pairs_in(keys: Keys) -> tuple[Scores, Ids]:
    """Scores and ids, in the shape of the keys that `keys_of` made of them."""
    rising = (~keys >> 32).astype(np.int32)
    bits: NDArray[Any] = np.where(rising < 0, rising ^ 0x7FFFFFFF, rising)
    return bits.view(np.float32), LAST_ID - (~keys & LAST_ID)


def best_of(owners: Ids, scores: Scores, ids: Ids, count: int, k: int) -> tuple[Scores, Ids]:
    """The k best pairs (count, k) of each of the owners 0 to count - 1, which are sorted.

    Where an owner has fewer than k pairs there is no telling what stands at the end.
    """
    return pairs_in(best_keys(owners, keys_of(scores, ids), count, k))


def best_keys(owners: Ids, keys: Keys, count: int, k: int) -> Keys:
    """The k lowest keys (count, k) of each owner, sorted, filled up with NO_PAIR."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=count))])
    best = np.empty((count, k), np.int64)
    begin = 0
    while begin < count:
        # as many owners as fit: one of very many pairs makes the table wide
        widths = np.maximum.accumulate(np.diff(starts[begin : begin + OWNERS + 1]))
        fitting = widths * np.arange(1, len(widths) + 1) <= TABLE
        end = begin + max(1, int(fitting.sum()))
        width = max(k, int(widths[end - begin - 1]))
        table = np.full((end - begin, width), NO_PAIR)
        part = slice(starts[begin], starts[end])
        own = owners[part]
        table[own - begin, np.arange(part.start, part.stop) - starts[own]] = keys[part]
        if width > 4 * k:
            table.partition(k - 1, axis=1)
            table = table[:, :k]
        table.sort(axis=1)
        best[begin:end] = table[:, :k]
        begin = end
    return best
