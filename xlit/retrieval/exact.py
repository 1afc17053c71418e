"""The exact back end: both directions of a search from one blocked product, in torch alone.

Equal vectors are searched once (`distinct`). The product of the two sides is computed in bfloat16
where the device multiplies it fast, and in float32 elsewhere; a certificate (`certificate`) says
which pairs may be among the k best (`screening`), and their scores are computed again
(`rescoring`). Vectors for which nothing can be promised, those with more near neighbours than the
screening tells apart, are searched again in float32, and in float64 (`unscreened`) if that does not
do. So the result is that of scoring all pairs, on every device, and whatever the blocks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from xlit import console
from xlit import device as devices
from xlit.retrieval.certificate import mean_of, screened
from xlit.retrieval.distinct import Distinct, distinct, expanded
from xlit.retrieval.ordering import best_of
from xlit.retrieval.rescoring import pair_scores
from xlit.retrieval.rows import Ids, Neighbours, Rows, Scores
from xlit.retrieval.screening import Tiling, candidates, groups_suffice
from xlit.retrieval.unscreened import best_unscreened

Advance = Callable[[int], object]

TILING = {"cpu": Tiling(), "cuda": Tiling(rows=16384, columns=16384)}
FEW = 2**17  # pairs that are not worth screening
FEW_OPEN = 64  # vectors left open that are not worth a second screening


def exact_search(
    queries: Rows,
    index_vectors: Rows,
    k: int,
    *,
    precision: Literal["auto", "bf16", "float32"] = "auto",
    device: torch.device | None = None,
    advance: Advance | None = None,
) -> tuple[Scores, Ids]:
    """The k largest scores (queries, k) of each query and the rows they are with, best first.

    Ties go to the lower id; k is cut to the number of index vectors. `precision` is that of the
    screening, and moves no bit of the result. `advance` is told of every finished query.
    """
    found = _search(queries, index_vectors, k, False, precision, device, advance)
    return found[0].scores, found[0].ids


def exact_search_both(
    sources: Rows,
    targets: Rows,
    k: int,
    *,
    precision: Literal["auto", "bf16", "float32"] = "auto",
    device: torch.device | None = None,
    advance: Advance | None = None,
) -> tuple[Neighbours, Neighbours]:
    """The k nearest targets of every source, and the k nearest sources of every target.

    As `exact_search`, in little more than the time of one direction. `advance` is told of as many
    vectors as both sides have.
    """
    forward, backward = _search(sources, targets, k, True, precision, device, advance)
    return forward, backward


def _search(
    left: Rows,
    right: Rows,
    k: int,
    both: bool,
    precision: Literal["auto", "bf16", "float32"],
    device: torch.device | None,
    advance: Advance | None,
) -> list[Neighbours]:
    device = device or devices.pick()
    total = len(left) + both * len(right)
    left_groups, right_groups = distinct(left), distinct(right)
    lefts, rights = _represented(left, left_groups), _represented(right, right_groups)
    most = min(k, len(rights), len(lefts) if both else k)
    groups = ((left_groups, right_groups), (right_groups, left_groups))[: 1 + both]
    if len(lefts) * len(rights) <= FEW or not groups_suffice(len(lefts), len(rights), most, both):
        told = _Told(total, len(lefts) + both * len(rights), advance)
        found = [best_unscreened(lefts, rights, min(k, len(rights)), device=device, advance=told)]
        if both:
            found += [
                best_unscreened(rights, lefts, min(k, len(lefts)), device=device, advance=told)
            ]
    else:
        told = _Told(total, len(lefts), advance)
        how = devices.precision(precision, device)
        found = _screened_search(lefts, rights, k, both, how, device, told)
    return [
        _of_all(scores, ids, own, other, k)
        for (scores, ids), (own, other) in zip(found, groups, strict=True)
    ]


def _of_all(scores: Scores, ids: Ids, own: Distinct, other: Distinct, k: int) -> Neighbours:
    """Neighbours of all rows from those of the representatives."""
    scores, ids = expanded(scores, ids, other, min(k, len(other.group_of)))
    if own.repeated:
        scores, ids = scores[own.group_of], ids[own.group_of]
    return Neighbours(scores, ids)


def _screened_search(
    left: Rows,
    right: Rows,
    k: int,
    both: bool,
    how: devices.Precision,
    device: torch.device,
    advance: Advance | None,
) -> list[tuple[Scores, Ids]]:
    """Scores and ids of the left side, and those of the right side if `both`."""
    dtype = torch.bfloat16 if how == "bf16" else torch.float32
    sides = ((left, right), (right, left))[: 1 + both]
    found = [
        (np.empty((len(own), k), np.float32), np.empty((len(own), k), np.int64)) for own, _ in sides
    ]
    still_open: list[list[Ids]] = [[] for _ in sides]
    a, b = mean_of(left), mean_of(right)
    with _plain_products():
        screens = (
            screened(left, a, b, dtype, device, first=True),
            screened(right, b, a, dtype, device, first=False),
        )
        for some in candidates(*screens, k, both=both, tiling=TILING[device.type], advance=advance):
            side = 0 if some.left else 1
            own, other = sides[side]
            owners, others = some.owners.cpu().numpy(), some.others.cpu().numpy()
            scores = _scores(own, other, owners, others)
            block = slice(some.first, some.first + some.count)
            found[side][0][block], found[side][1][block] = best_of(
                owners - some.first, scores, others, some.count, k
            )
            still_open[side].append(some.open.cpu().numpy())
        del screens
    for (own, other), (scores, ids), parts in zip(sides, found, still_open, strict=True):
        rest = np.concatenate(parts)
        if len(rest):
            scores[rest], ids[rest] = _again(own, other, rest, k, how, device)
    return found


def _scores(own: Rows, other: Rows, owners: Ids, others: Ids) -> Scores:
    """As `pair_scores`, which reads an array faster than rows chosen from it."""
    (held, ids), (held_by, ids_by) = _within(own, owners), _within(other, others)
    return pair_scores(held, held_by, ids, ids_by)


def _within(rows: Rows, ids: Ids) -> tuple[Rows, Ids]:
    while isinstance(rows, _Some):
        ids = rows.ids[ids]
        rows = rows.rows
    return rows, ids


def _again(
    own: Rows, other: Rows, rest: Ids, k: int, how: devices.Precision, device: torch.device
) -> tuple[Scores, Ids]:
    """The neighbours of the rows `rest`, for which screening in precision `how` proved nothing."""
    rows = _Some(own, rest)
    finer = (
        how == "bf16" and len(rest) > FEW_OPEN and groups_suffice(len(rest), len(other), k, False)
    )
    with_what = "float32" if finer else "float64"
    console.notice(f"{len(rest)} vectors have too many near neighbours: again in {with_what}")
    if finer:
        return _screened_search(rows, other, k, False, "float32", device, None)[0]
    return best_unscreened(rows, other, k, device=device)


@contextmanager
def _plain_products() -> Iterator[None]:
    """Products summed in float32, and of float32 numbers as they are: the certificate needs it."""
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_bf16_reduced_precision_reduction
    matmul.allow_bf16_reduced_precision_reduction = False
    try:
        with _float32_as_it_is(), torch.inference_mode():
            yield
    finally:
        matmul.allow_bf16_reduced_precision_reduction = before


@contextmanager
def _float32_as_it_is() -> Iterator[None]:
    """No float32 number is rounded before it is multiplied.

    Torch 2.9 has a new way to ask for that, and fails where one asks in the old way after somebody
    else asked in the new one.
    """
    if not hasattr(torch.backends, "fp32_precision"):
        precision = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(precision)
        return
    mkldnn: Any = torch.backends.mkldnn  # whose types do not tell of this
    places: tuple[Any, ...] = (torch.backends.cuda.matmul, mkldnn.matmul)
    before = [place.fp32_precision for place in places]
    try:
        for place in places:
            place.fp32_precision = "ieee"
        yield
    finally:
        for place, was in zip(places, before, strict=True):
            place.fp32_precision = was


@dataclass(frozen=True, eq=False)
class _Some:
    """Some rows of others, in the order of their ids."""

    rows: Rows
    ids: Ids

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.ids), *self.rows.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.rows.dtype

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice | Ids, /) -> NDArray[Any]:
        return self.rows[self.ids[rows]]


def _represented(rows: Rows, groups: Distinct) -> Rows:
    return _Some(rows, groups.first) if groups.repeated else rows


class _Told:
    """Tells of `total` things in the proportion in which `parts` are done."""

    def __init__(self, total: int, parts: int, advance: Advance | None) -> None:
        self.total, self.parts, self.advance = total, parts, advance
        self.done = self.said = 0

    def __call__(self, n: int) -> None:
        self.done += n
        now = self.total * self.done // self.parts
        if self.advance is not None:
            self.advance(now - self.said)
        self.said = now
