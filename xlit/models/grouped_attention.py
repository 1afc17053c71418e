"""Attention over a packed row by plain products, forward and backward, for training on a CPU.

There torch's kernels are made for long sequences: for many short ones with dropout, plain products
in bfloat16 with a softmax in float32 are five times as fast. Sequences of about one length make a
group, one batch of products; in the attention alone the shorter ones of a group are filled up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple

import torch
from numpy.random import SFC64
from torch import Tensor
from torch.autograd import Function

from xlit.models.dropout import bits_of_torch, kept, scale

FILLED = 1.12
"""Places of a group for each of its tokens, at most: more would cost more than a group more."""


@dataclass(frozen=True, eq=False)
class Group:
    """Sequences that stand one after another in a packed row and attend as one batch.

    Where their lengths differ, `places`, (count * length,), has the token in the group that stands
    at each place (the first one where none does), `real`, (tokens,), the place of each token,
    `empty` those of none, and `mask` is minus infinity there and else 0: (short, 1, 1, length), of
    the group's first sequences up to the last short one.
    """

    tokens: slice  # of the row
    sequences: slice  # among the row's
    count: int
    length: int  # of the longest, or more
    places: Tensor | None = None
    real: Tensor | None = None
    empty: Tensor | None = None
    mask: Tensor | None = None


@lru_cache(maxsize=8)  # every layer asks for those of one and the same row
def groups_of(
    runs: tuple[tuple[int, int], ...], most: float = inf, least: int = 1
) -> tuple[Group, ...]:
    """The groups of a row, from its runs of (how many sequences, their length).

    A group has at most `most` places, or one sequence, and its length is `least` or more.
    """
    lengths = [length for count, length in runs for _ in range(count)]
    filled = [max(length, least) for length in lengths]
    groups = []
    first = token = 0
    while first < len(lengths):
        size = _filling(filled[first:], most)
        part = lengths[first : first + size]
        tokens = slice(token, token + sum(part))
        groups.append(_group(part, max(filled[first : first + size]), tokens, first))
        first, token = first + size, tokens.stop
    return tuple(groups)


def _filling(lengths: Sequence[int], most: float) -> int:
    """How many of the sequences, from the first on, make a group that is full enough."""
    best = longest = tokens = 0
    for size, length in enumerate(lengths, 1):
        longest, tokens = max(longest, length), tokens + length
        if size > 1 and size * longest > most:
            break
        if size * longest <= FILLED * tokens:
            best = size
    return best


def _group(lengths: Sequence[int], longest: int, tokens: slice, first: int) -> Group:
    count = len(lengths)
    sequences = slice(first, first + count)
    if min(lengths) == longest:
        return Group(tokens, sequences, count, longest)
    sizes = torch.tensor(lengths)
    there = torch.arange(longest) < sizes[:, None]  # (count, longest)
    starts = sizes.cumsum(0) - sizes
    short = max(number for number, length in enumerate(lengths, 1) if length < longest)
    return Group(
        tokens,
        sequences,
        count,
        longest,
        places=torch.where(there, starts[:, None] + torch.arange(longest), 0).flatten(),
        real=there.flatten().nonzero().flatten(),
        empty=there.logical_not().flatten().nonzero().flatten(),
        mask=torch.where(there, 0.0, -torch.inf)[:short, None, None],
    )


def heads_of(row: Tensor, group: Group, parts: int, heads: int) -> Tensor:
    """A group's tokens of a row (total, parts * heads * d), as (parts, count * heads, length, d).

    What stands at empty places is zero: no gradient may come from there.
    """
    tokens = row[group.tokens]
    if group.places is not None and group.empty is not None:
        tokens = tokens.index_select(0, group.places).index_fill_(0, group.empty, 0.0)
    return _apart(tokens, group.count, parts, heads)


def firsts_of(row: Tensor, group: Group, heads: int) -> Tensor:
    """The same for a row of first tokens, (sequences, heads * d): (count * heads, 1, d)."""
    return _apart(row[group.sequences], group.count, 1, heads)[0]


def put_heads(row: Tensor, group: Group, parts: Sequence[Tensor], heads: int) -> None:
    """Write what `heads_of` reads: each part is (count * heads, length, d)."""
    width = row.shape[1] // len(parts)
    if group.real is None:
        for number, part in enumerate(parts):
            columns = row[group.tokens, number * width : (number + 1) * width]
            _by_token(columns, group.count, heads).copy_(
                part.view(group.count, heads, *part.shape[1:])
            )
        return
    filled = row.new_empty((group.count * group.length, row.shape[1]))
    everyone = Group(slice(None), slice(None), group.count, group.length)
    put_heads(filled, everyone, parts, heads)
    torch.index_select(filled, 0, group.real, out=row[group.tokens])


def put_firsts(row: Tensor, group: Group, part: Tensor, heads: int) -> None:
    """Write what `firsts_of` reads."""
    row[group.sequences] = part.view(group.count, -1)


def _apart(tokens: Tensor, count: int, parts: int, heads: int) -> Tensor:
    """(count * length, parts * heads * d) as (parts, count * heads, length, d), copied once."""
    split = tokens.view(count, -1, parts, heads, tokens.shape[1] // (parts * heads))
    together = split.permute(2, 0, 3, 1, 4).contiguous()
    return together.view(parts, count * heads, *together.shape[-2:])


def _by_token(columns: Tensor, count: int, heads: int) -> Tensor:
    """A view of (count * length, heads * d) as (count, heads, length, d)."""
    length, d = columns.shape[0] // count, columns.shape[1] // heads
    return columns.view(count, length, heads, d).transpose(1, 2)


class Attended(NamedTuple):
    """What the backward pass of one group needs; the batch is count * heads."""

    query: Tensor  # (batch, asked, d)
    key: Tensor  # (batch, length, d)
    value: Tensor  # (batch, length, d)
    weights: Tensor  # (batch, asked, length)
    mask: Tensor | None  # of dropout, as the weights


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    heads: int,
    mask: Tensor | None,
    scaling: float,
    dropout: float,
    random: SFC64,
) -> tuple[Tensor, Attended]:
    """The values by weight, (batch, asked, d), and what `gradients` needs.

    The batch is count * heads; `mask`, (some, 1, asked or 1, length), is added to the scores of the
    first ones.
    """
    scores = product(query, key.transpose(1, 2), scaling)
    if mask is not None:
        scores.view(-1, heads, *scores.shape[1:])[: len(mask)].add_(mask.to(scores.dtype))
    weights = torch.softmax(scores, -1, dtype=torch.float32).to(query.dtype)
    drawn = None
    dropped = weights
    if dropout:
        drawn = kept(random, tuple(weights.shape), dropout, weights.dtype)
        dropped = weights * drawn
    result = product(dropped, value, scale(dropout))
    return result, Attended(query, key, value, weights, drawn)


def gradients(
    upstream: Tensor, attended: Attended, *, scaling: float, dropout: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Of query, key and value, from that of the result, (batch, asked, d)."""
    query, key, value, weights, mask = attended
    dropped = weights if mask is None else weights * mask
    of_value = product(dropped.transpose(1, 2), upstream, scale(dropout))
    of_weights = product(upstream, value.transpose(1, 2), scale(dropout))
    if mask is not None:
        of_weights.mul_(mask)
    of_scores = torch.ops.aten._softmax_backward_data(of_weights, weights, -1, weights.dtype)
    of_query = product(of_scores, key, scaling)
    of_key = product(of_scores.transpose(1, 2), query, scaling)
    return of_query, of_key, of_value


class PlainAttention(Function):
    """Attention of tensors (count, heads, length, d), for layers that are not BERT's.

    The query may be of fewer places. `near`, (asked, length), says which places see which.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        near: Tensor | None,
        scaling: float,
        dropout: float,
    ) -> Tensor:
        count, heads = query.shape[:2]
        parts = [part.flatten(0, 1) for part in (query, key, value)]
        if torch.is_autocast_enabled("cpu"):  # rotary positions leave queries in float32
            parts = [part.to(torch.get_autocast_dtype("cpu")) for part in parts]
        mask = None
        if near is not None:
            mask = torch.where(near, 0.0, -torch.inf).expand(count, 1, *near.shape)
        with torch.autocast("cpu", enabled=False):
            result, attended = attend(
                *(part.contiguous() for part in parts),
                heads=heads,
                mask=mask,
                scaling=scaling,
                dropout=dropout,
                random=bits_of_torch() if dropout else SFC64(0),
            )
        ctx.numbers = (count, scaling, dropout)
        ctx.save_for_backward(*attended)
        return result.view(count, heads, *result.shape[1:])

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        count, scaling, dropout = ctx.numbers
        with torch.autocast("cpu", enabled=False):
            found = gradients(
                upstream.flatten(0, 1).contiguous(),
                Attended(*ctx.saved_tensors),
                scaling=scaling,
                dropout=dropout,
            )
        return (*(part.view(count, -1, *part.shape[1:]) for part in found), None, None, None)


def product(left: Tensor, right: Tensor, factor: float) -> Tensor:
    """`factor` times the product, of matrices or of batches of them, rounded once."""
    result = left.new_empty((*left.shape[:-1], right.shape[-1]))
    add = torch.addmm if left.dim() == 2 else torch.baddbmm
    return add(result, left, right, beta=0, alpha=factor, out=result)
