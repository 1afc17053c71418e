"""Ranks candidates for queries by exact search, over one pool for all languages.

Source: google-research/xtreme, third_party/evaluate_retrieval.py (lareqa, mewslix) and
utils_lareqa.py. Questions of all languages look for candidates of all languages; the right ones of
a question are the answers of its id in every language.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xlit.errors import InputError
from xlit.retrieval.rows import recall_told
from xlit.retrieval.search import Vectors, search
from xlit.tasks.rows import RankingRow, Row

CUT = 20  # XTREME-R's
BLOCK_BYTES = 64 * 2**20  # of scores held at a time


@dataclass(frozen=True)
class Pool:
    """The candidates of several languages, each once, and for every query id its right ones.

    `targets` are places in `candidates`; `lost` are ids of right answers that are no candidate.
    """

    candidates: tuple[RankingRow, ...]
    targets: Mapping[str, tuple[int, ...]]
    lost: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Rankings:
    """For each query the places in the pool of its best candidates, (queries, at most `CUT`), and
    of each of its targets the rank in the whole pool, from 1, where that was asked for. `recall` is
    what an inexact index found of the best."""

    best: NDArray[np.int64]
    ranks: tuple[tuple[int, ...], ...] | None
    recall: dict[str, dict[str, float]] = field(default_factory=dict)

    def part(self, start: int, stop: int) -> "Rankings":
        """Those of some queries."""
        ranks = None if self.ranks is None else self.ranks[start:stop]
        return Rankings(self.best[start:stop], ranks, self.recall)


def pool_of(languages: Sequence[Sequence[Row]]) -> Pool:
    """The pool of the rows of several languages, in their order.

    Raises InputError for one id of two candidates, a split without candidates, or another kind.
    """
    candidates: dict[str, RankingRow] = {}
    answers: dict[str, dict[str, None]] = {}
    for row in (row for rows in languages for row in rows):
        if not isinstance(row, RankingRow):
            raise InputError(f"row {row.id} is no row of a ranking task")
        if row.side == "query":
            answers.setdefault(row.id, {}).update(dict.fromkeys(row.answers))
        elif candidates.setdefault(row.id, row) != row:
            raise InputError(f"two candidates have the id {row.id!r}")
    if not candidates:
        raise InputError("there are no candidates to rank")
    places = {row_id: place for place, row_id in enumerate(candidates)}
    return Pool(
        candidates=tuple(candidates.values()),
        targets={q: tuple(places[a] for a in ids if a in places) for q, ids in answers.items()},
        lost={q: tuple(a for a in ids if a not in places) for q, ids in answers.items()},
    )


def queries_of(rows: Sequence[Row]) -> list[RankingRow]:
    """The queries among rows, in their order."""
    return [row for row in rows if isinstance(row, RankingRow) and row.side == "query"]


def rank(
    queries: Vectors,
    candidates: Vectors,
    targets: Sequence[Sequence[int]],
    *,
    whole: bool = False,
    index: str = "auto",
    advance: Callable[[int], object] | None = None,
) -> Rankings:
    """The best `CUT` candidates of every query, and with `whole` the ranks of its targets.

    Ties go to the candidate that comes first. Vectors are (rows, hidden), of length 1. `index` is
    how the best are searched: an inexact one can miss some, or find none (-1).
    """
    found = search(queries, candidates, CUT, index=index, advance=advance)
    ranks = _target_ranks(queries, candidates, targets) if whole else None
    return Rankings(found.ids, ranks, recall_told(forward=found))


def _target_ranks(
    queries: Vectors, candidates: Vectors, targets: Sequence[Sequence[int]]
) -> tuple[tuple[int, ...], ...]:
    """Ranks without sorting: 1, and all that score higher, and what ties and comes before."""
    ranks: list[tuple[int, ...]] = []
    everything = candidates.astype(np.float64).T  # (hidden, candidates)
    block = max(1, BLOCK_BYTES // (8 * len(candidates)))
    for start in range(0, len(queries), block):
        # one rounding from float64, as in the search, so that equal vectors tie
        scores = (queries[start : start + block].astype(np.float64) @ everything).astype(np.float32)
        for row, wanted in zip(scores, targets[start : start + block], strict=True):
            ranks.append(
                tuple(
                    1 + int((row > row[place]).sum()) + int((row[:place] == row[place]).sum())
                    for place in wanted
                )
            )
    return tuple(ranks)
