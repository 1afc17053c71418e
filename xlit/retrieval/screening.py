"""One blocked product of two sides, in which few pairs are looked at, for both directions at once.

The product is computed a tile at a time, in few bits. A row of a tile is the screened value of one
left vector with many right ones, a column that of one right vector with many left ones. Each row
and each column has a threshold (`certificate`), below which no pair of the k best can be. Maxima
over groups of a tile say where a threshold is reached; only there single values are looked at, and
the pairs that reach a threshold survive. A threshold starts at the k-th largest maximum of the
first tile: k groups have one value at least that. It is raised in the same way by a tile that is
not like those before it, where more groups reach it than usual, as in texts that are sorted by
subject. Besides, it is raised from the survivors, among which the k best seen so far always are.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xlit.retrieval.certificate import PAD, Side, errors, thresholds

MOST = 512  # neighbours: a tile has more rows and columns than that
FEW_BELOW = 8  # one in so many thresholds may be below zero before integers do not pay
GROWTH = 1.5  # thresholds are raised whenever that many times as much was seen as the last time


@dataclass(frozen=True)
class Tiling:
    """How many left and right vectors a tile has, and over how many left ones a maximum goes."""

    rows: int = 2048
    columns: int = 4096
    row_group: int = 16


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs that may be among the best of some vectors, sorted by the vector they belong to."""

    owners: Tensor  # (pairs) int64, ids of the vectors that are searched for
    others: Tensor  # (pairs) int64, ids of the other side
    open: Tensor  # ids of vectors for which screening proves nothing
    first: int  # the vectors are these: `count` of them from this id
    count: int
    left: bool  # whether they are of the left side


class Strip:
    """What is known of the left vectors of one row of tiles, or the right ones of one column."""

    def __init__(self, error: Tensor, size: int, k: int, dtype: torch.dtype) -> None:
        """`error` (vectors); `size` is with the rows that fill the last tile up."""
        self.error = error
        self.k = k
        self.cap = 16 * k + 64  # pairs of a tile
        # nothing reaches a threshold that is no number: that of open vectors, and of filling rows
        self.threshold = torch.full((size,), torch.nan, dtype=dtype, device=error.device)
        self.threshold[: len(error)] = -torch.inf
        self.open = ~torch.isfinite(error)
        # values that are not finite belong to vectors without a bound; by their bits they are large
        self.by_bits = dtype == torch.bfloat16 and not bool(self.open.any())
        self.below: Tensor | None = None  # whose thresholds are not positive, once there are any
        self.seen = self.raised_at = self.waiting = 0
        self.pairs: list[tuple[Tensor, Tensor, Tensor]] = []  # owner, other, value

    def start(self, maxima: Tensor) -> None:
        """Thresholds from the first tile's maxima (vectors, groups)."""
        everyone = torch.arange(len(self.error), device=self.error.device)
        self.lift(everyone, maxima[: len(self.error)])

    def lift(self, some: Tensor, maxima: Tensor) -> None:
        """Raise the thresholds of some vectors by maxima (some, groups) of one tile."""
        kth = _kth_largest(maxima.float(), self.k)
        threshold = self.threshold[: len(self.error)].clone()
        raised = thresholds(kth, self.error[some], self.threshold.dtype)
        threshold[some] = torch.maximum(threshold[some], raised)
        self._set(threshold)

    def with_many(self, owners: Tensor, groups: int) -> Tensor:
        """Vectors whose thresholds are reached by many of a tile's groups, 4 k or more; of each
        such group there is the owner."""
        many = min(2 * self.k + 16, groups // 2)
        return (torch.bincount(owners) > many).nonzero()[:, 0]

    def add(self, owners: Tensor, others: Tensor, values: Tensor, seen: int) -> None:
        """Survivors of a tile, and how many of the other side are seen by now."""
        counts = torch.bincount(owners, minlength=len(self.error))
        crowded = counts > self.cap
        if bool(crowded.any()):
            self.open |= crowded
            self._set(self.threshold[: len(self.error)])
            keep = ~self.open[owners]
            owners, others, values = owners[keep], others[keep], values[keep]
        self.pairs.append((owners.int(), others.int(), values))
        self.seen = seen
        self.waiting += len(owners)
        # the second is what memory asks for
        if seen >= GROWTH * self.raised_at or 4 * self.waiting > self.cap * len(self.error):
            self.raise_thresholds()

    def raise_thresholds(self) -> None:
        self.raised_at, self.waiting = self.seen, 0
        owners, others, values = self._all()
        counts = torch.bincount(owners, minlength=len(self.error))
        keys = _sorted((owners.long() << 32) + _ordered(values))
        ends = counts.cumsum(0)
        enough = (counts >= self.k) & ~self.open
        kth = _value(keys[(ends - self.k).clamp(min=0)]) if len(keys) else self.error.float()
        raised = thresholds(kth, self.error, self.threshold.dtype)
        now = self.threshold[: len(self.error)]
        self._set(torch.where(enough, torch.maximum(now, raised), now))
        kept = torch.bincount(owners[values >= self.threshold[owners]], minlength=len(self.error))
        self.open |= kept > 4 * self.cap
        self._set(self.threshold[: len(self.error)])
        keep = values >= self.threshold[owners]
        self.pairs = [(owners[keep], others[keep], values[keep])]

    def _set(self, threshold: Tensor) -> None:
        self.threshold[: len(self.error)] = torch.where(self.open, torch.nan, threshold)
        self.below = (self.threshold <= 0).nonzero()[:, 0]

    def reached(self, values: Tensor, threshold: Tensor) -> Tensor:
        """Where values reach thresholds, compared by their bits if these are all positive."""
        if self.by_bits and self.below is not None and not len(self.below):
            return values.view(torch.int16) >= threshold.view(torch.int16)
        return values >= threshold

    def _all(self) -> tuple[Tensor, Tensor, Tensor]:
        owners, others, values = zip(*self.pairs, strict=True)
        return torch.cat(owners), torch.cat(others), torch.cat(values)

    def candidates(self, first: int, *, left: bool) -> Candidates:
        """What survived, for vectors whose ids begin at `first`; called once, at the end."""
        self.raise_thresholds()
        owners, others, _ = self.pairs.pop()
        order = _sorting(owners)
        return Candidates(
            owners[order].long() + first,
            others[order].long(),
            self.open.nonzero()[:, 0] + first,
            first,
            len(self.error),
            left,
        )


def candidates(
    left: Side,
    right: Side,
    k: int,
    *,
    both: bool,
    tiling: Tiling = Tiling(),
    advance: Callable[[int], object] | None = None,
) -> Iterator[Candidates]:
    """Candidates for the k best of every left vector, and of every right one if `both`.

    They come by strips: those of the left side one after another, then those of the right side.
    `advance` is told how many vectors of the left side are done.
    """
    dtype, device = left.values.dtype, left.values.device
    row_cuts = _cuts(len(left), tiling.rows)
    column_cuts = _cuts(len(right), tiling.columns)
    left_errors = errors(left, right)
    right_errors = errors(right, left) if both else None
    strips: list[Strip] = []
    buffer = torch.empty(
        max(b - a for a, b in row_cuts) * max(b - a for a, b in column_cuts),
        dtype=dtype,
        device=device,
    )
    row_group = _group(min(row_cuts[0][1], len(left)), tiling.row_group, k)
    for top, bottom in row_cuts:
        rows = Strip(left_errors[top:bottom], bottom - top, k, dtype)
        for place, (start, stop) in enumerate(column_cuts):
            shape = (bottom - top, stop - start)
            tile = buffer[: shape[0] * shape[1]].view(shape)
            torch.mm(left.values[top:bottom], right.values[start:stop].T, out=tile)
            _look_at_rows(tile, rows, start, min(stop, len(right)))
            if right_errors is not None:
                if top == 0:
                    strips.append(Strip(right_errors[start:stop], stop - start, k, dtype))
                _look_at_columns(tile, strips[place], top, row_group, min(bottom, len(left)))
        yield rows.candidates(top, left=True)
        if advance is not None:
            advance(min(bottom, len(left)) - top)
    for strip, (start, _) in zip(strips, column_cuts if both else (), strict=True):
        yield strip.candidates(start, left=False)


def groups_suffice(rows: int, columns: int, k: int, both: bool) -> bool:
    """Whether the first tile of a screening has enough maxima for the k best."""
    return k <= MOST and columns >= 4 * k and (not both or rows >= 4 * k)


def _group(first: int, most: int, k: int) -> int:
    """As large a group as leaves enough maxima for the k best, of the first tile's `first` rows,
    without those that only fill it up."""
    group = most
    while group > 1 and first // group < 4 * k:
        group //= 2
    return group


def _groups(columns: int, k: int) -> int:
    """Of how many groups of columns maxima are taken: enough for the k best, and a multiple of PAD,
    since a CPU is many times slower where the last axis is no multiple of its vectors."""
    units = columns // PAD
    enough = (PAD * m for m in range(1, units) if units % m == 0 and PAD * m >= 4 * k)
    return next(enough, columns)


def _look_at_rows(tile: Tensor, strip: Strip, first: int, seen: int) -> None:
    """Survivors of the tile's rows; its columns have ids from `first`. Groups are strided."""
    groups = _groups(tile.shape[1], strip.k)
    grouped = tile.view(len(tile), -1, groups)  # (rows, group, groups)
    group = grouped.shape[1]
    maxima = _maxima(grouped, strip, 0)  # (rows, groups)
    if first == 0:
        strip.start(maxima)
        maxima = _maxima(grouped, strip, 0)  # it is known now whose threshold is not positive
    hits = _places(strip.reached(maxima, strip.threshold[:, None]))
    if first and len(many := strip.with_many(hits // groups, groups)):
        strip.lift(many, maxima[many])
        hits = _places(strip.reached(maxima, strip.threshold[:, None]))
    owners, places = hits // groups, hits % groups
    values = grouped[owners, :, places]  # (hits, group)
    inside = _places(strip.reached(values, strip.threshold[owners][:, None]))
    hit, member = inside // group, inside % group
    others = member * groups + places[hit] + first
    strip.add(owners[hit], others, values.view(-1)[inside].float(), seen)


def _look_at_columns(tile: Tensor, strip: Strip, first: int, group: int, seen: int) -> None:
    """Survivors of the tile's columns; its rows have ids from `first`. Groups are neighbours."""
    columns = tile.shape[1]
    grouped = tile.view(-1, group, columns)  # (groups, group, columns)
    maxima = _maxima(grouped, strip, 2)  # (groups, columns)
    if first == 0:
        strip.start(maxima.T)
        maxima = _maxima(grouped, strip, 2)  # it is known now whose threshold is not positive
    hits = _places(strip.reached(maxima, strip.threshold))
    if first and len(many := strip.with_many(hits % columns, len(grouped))):
        strip.lift(many, maxima[:, many].T)
        hits = _places(strip.reached(maxima, strip.threshold))
    places, owners = hits // columns, hits % columns
    values = grouped[places, :, owners]  # (hits, group)
    inside = _places(strip.reached(values, strip.threshold[owners][:, None]))
    hit, member = inside // group, inside % group
    others = places[hit] * group + member + first
    strip.add(owners[hit], others, values.view(-1)[inside].float(), seen)


def _maxima(grouped: Tensor, strip: Strip, axis: int) -> Tensor:
    """Maxima over the middle axis; the strip's vectors are along `axis`, 0 or 2.

    Positive numbers are ordered as their bits are, and negative ones have lower bits than these. So
    where only positive maxima matter integers are compared, which a CPU does four times as fast;
    in place of a negative maximum there may then be another negative number.
    """
    if grouped.dtype != torch.bfloat16:
        return grouped.amax(1)
    bits = grouped.view(torch.int16).amax(1)
    below = strip.below
    if below is None:
        kth = _kth_largest(bits if axis == 0 else bits.T, strip.k)
        below = (kth <= 0).nonzero()[:, 0]
    if len(below) * FEW_BELOW > grouped.shape[axis]:
        return grouped.amax(1)
    maxima = bits.view(torch.bfloat16)
    if len(below):
        maxima.index_copy_(axis // 2, below, grouped.index_select(axis, below).amax(1))
    return maxima


def _cuts(rows: int, most: int) -> list[tuple[int, int]]:
    """Begin and end of pieces of about equal length, multiples of PAD, of at most `most` rows."""
    padded = -(-rows // PAD)
    pieces = -(-padded * PAD // most)
    size = -(-padded // pieces) * PAD
    return [(start, min(start + size, padded * PAD)) for start in range(0, padded * PAD, size)]


def _places(mask: Tensor) -> Tensor:
    """Where a mask is set, as places in it when it is laid flat; NumPy is ten times faster."""
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.view(-1).nonzero()[:, 0]


def _kth_largest(values: Tensor, k: int) -> Tensor:
    """Of each row; NumPy is ten times faster here, too."""
    if values.device.type == "cpu":
        rows = np.ascontiguousarray(values.numpy())
        return torch.from_numpy(np.partition(rows, rows.shape[1] - k, axis=1)[:, -k])
    return values.topk(k, dim=1).values[:, -1]


def _sorted(keys: Tensor) -> Tensor:
    if keys.device.type == "cpu":
        return torch.from_numpy(np.sort(keys.numpy()))
    return keys.sort().values


def _sorting(owners: Tensor) -> Tensor:
    if owners.device.type == "cpu":
        return torch.from_numpy(np.argsort(owners.numpy(), kind="stable"))
    return owners.argsort(stable=True)


def _ordered(values: Tensor) -> Tensor:
    """Numbers from 0 to 2^32 - 1 in the order of float32 values."""
    bits = values.view(torch.int32)
    return torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long() + 2**31


def _value(keys: Tensor) -> Tensor:
    bits = ((keys & 0xFFFFFFFF) - 2**31).int()
    return torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).view(torch.float32)
