"""Shards of two sides that were searched against each other, put together as if they were one.

Every shard of the source text against every shard of the target text makes a grid, each cell of it
a pairs artefact. The k nearest targets of a source among all shards are the k best of those that it
has in its row of the grid, and likewise a target's in its column: so nothing is searched again, and
the neighbours are those of one search over everything. Sentences are unified within a shard alone:
one that stands in two shards counts twice.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlit.errors import InputError
from xlit.retrieval.cut import Neighbourhood
from xlit.retrieval.gold import Sentences
from xlit.retrieval.pairs import Mined, Side
from xlit.retrieval.rows import Ids, Neighbours, Recall

BLOCK = 1 << 18  # sentences whose neighbours are merged at a time


def merge(cells: Sequence[Mined]) -> Mined:
    """The cells of a grid as one, in any order; of one text the shards come in its order.

    Raises InputError where a cell is missing or there twice, or shards of a text overlap.
    """
    sources = _in_order([cell.sides[0] for cell in cells])
    targets = _in_order([cell.sides[1] for cell in cells])
    grid = {(sources.index(c.sides[0]), targets.index(c.sides[1])): c for c in cells}
    if len(grid) < len(cells):
        raise InputError("the same shards are there twice")
    for i, source in enumerate(sources):
        for j, target in enumerate(targets):
            if (i, j) not in grid:
                raise InputError(
                    f"source rows {_told(source)} were not searched against target rows"
                    f" {_told(target)}",
                    hint="every shard of one side needs a pairs artefact with every one of the"
                    " other",
                )
    rows = [grid[i, 0] for i in range(len(sources))]  # a cell for each shard of the source
    columns = [grid[0, j] for j in range(len(targets))]
    k = max(cell.k for cell in cells)
    forward = _merged(
        [[grid[i, j].found.forward for j in range(len(targets))] for i in range(len(sources))],
        _starts([side.different for side in targets]),
        k,
    )
    backward = _merged(
        [[grid[i, j].found.backward for i in range(len(sources))] for j in range(len(targets))],
        _starts([side.different for side in sources]),
        k,
    )
    source_row_starts, target_row_starts = _row_starts(sources), _row_starts(targets)
    found = Neighbourhood(
        forward,
        backward,
        np.concatenate(
            [c.found.source_rows + at for c, at in zip(rows, source_row_starts, strict=True)]
        ),
        np.concatenate(
            [c.found.target_rows + at for c, at in zip(columns, target_row_starts, strict=True)]
        ),
    )
    return Mined(
        found,
        k,
        (_joined(sources), _joined(targets)),
        (
            Joined([cell.sentences[0] for cell in rows], source_row_starts),
            Joined([cell.sentences[1] for cell in columns], target_row_starts),
        ),
    )


class Joined:
    """The sentences of several shards, by row from the first shard's first."""

    def __init__(self, parts: Sequence[Sentences], starts: Sequence[int]) -> None:
        self._parts, self._starts = parts, np.array(starts)

    def sentences(self, rows: Ids, /) -> list[str]:
        places = np.searchsorted(self._starts, rows, side="right") - 1
        found = np.empty(len(rows), object)
        for place in np.unique(places).tolist():
            here = places == place
            found[here] = self._parts[place].sentences(rows[here] - self._starts[place])
        return found.tolist()


def _in_order(sides: Sequence[Side]) -> list[Side]:
    """Different shards: texts as they are named, each in the order of its rows."""
    texts = {side.text: None for side in sides}
    ordered = [
        side
        for text in texts
        for side in sorted({s for s in sides if s.text == text}, key=lambda s: s.first_row)
    ]
    for one, other in itertools.pairwise(ordered):
        if one.text == other.text and one.first_row + one.rows > other.first_row:
            raise InputError(f"rows {_told(one)} and {_told(other)} of one text overlap")
    return ordered


def _told(side: Side) -> str:
    return f"{side.first_row + 1} to {side.first_row + side.rows}"


def _joined(sides: Sequence[Side]) -> Side:
    return Side(
        text=" ".join(dict.fromkeys(side.text for side in sides)),
        first_row=sides[0].first_row,
        rows=sum(side.rows for side in sides),
        different=sum(side.different for side in sides),
        blank=sum(side.blank for side in sides),
    )


def _starts(sizes: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(sizes).tolist()[:-1]]


def _row_starts(sides: Sequence[Side]) -> list[int]:
    """The row of each shard's first: its place in the text, and one text after the other."""
    starts = [0]
    for one, other in itertools.pairwise(sides):
        ahead = other.first_row - one.first_row if one.text == other.text else one.rows
        starts.append(starts[-1] + ahead)
    return starts


def _merged(lines: Sequence[Sequence[Neighbours]], starts: Sequence[int], k: int) -> Neighbours:
    """The k best neighbours of the sentences of every line, which have some in each shard of the
    other side; `starts` are those shards' first ids. The recall is the lowest of all."""
    merged = []
    for line in lines:
        shards = [
            Neighbours(shard.scores, np.where(shard.ids < 0, -1, shard.ids + start))
            for shard, start in zip(line, starts, strict=True)
        ]
        best = shards[0]
        for shard in shards[1:]:
            best = _better(best, shard, k)
        merged.append(best)
    measured = [shard.recall for line in lines for shard in line if shard.recall is not None]
    if not measured:
        return _stacked(merged)
    lowest = Recall(min(one.share for one in measured), sum(one.queries for one in measured))
    return replace(_stacked(merged), recall=lowest)


def _better(one: Neighbours, other: Neighbours, k: int) -> Neighbours:
    width = min(k, one.ids.shape[1] + other.ids.shape[1])
    scores = np.empty((len(one.ids), width), np.float32)
    ids = np.empty((len(one.ids), width), np.int64)
    for start in range(0, len(ids), BLOCK):
        block = slice(start, start + BLOCK)
        both_scores = np.concatenate([one.scores[block], other.scores[block]], axis=1)
        both_ids = np.concatenate([one.ids[block], other.ids[block]], axis=1)
        order = np.lexsort((both_ids, -both_scores), axis=1)[:, :width]
        scores[block] = np.take_along_axis(both_scores, order, axis=1)
        ids[block] = np.take_along_axis(both_ids, order, axis=1)
    return Neighbours(scores, ids)


def _stacked(shards: Sequence[Neighbours]) -> Neighbours:
    """The sentences of one shard after those of another; who has fewer neighbours has -1."""
    width = max(shard.ids.shape[1] for shard in shards)

    def padded(values: NDArray[Any], empty: float) -> NDArray[Any]:
        return np.pad(values, ((0, 0), (0, width - values.shape[1])), constant_values=empty)

    return Neighbours(
        np.concatenate([padded(shard.scores, -np.inf) for shard in shards]),
        np.concatenate([padded(shard.ids, -1) for shard in shards]),
    )
