"""Attention over sequences that stand one after another in one row, without any padding.

transformers lets a model's attention be replaced by name (its AttentionInterface): "packed" is this
one. Sequences of one length that stand together are one batch of the attention, so that a row
sorted by length needs few calls. A call that does not come from a packed forward has no `Layout`
and is answered by transformers' own function, so that a model under this name computes as before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from xlit.models.grouped_attention import PlainAttention

NAME = "packed"


@dataclass(eq=False)
class Layout:
    """Where the sequences of a packed row lie: `runs` of (how many, their length), in order.

    `firsts`, (sequences,), are the places of their first tokens, where the last layer is to answer
    for these alone. `seen` says whether the attention came by at all.
    """

    runs: Sequence[tuple[int, int]]
    firsts: Tensor | None = None
    seen: bool = False


@cache
def register() -> None:
    """Make the name known to transformers."""
    AttentionInterface.register(NAME, packed_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)  # for calls that are not packed


def packed_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    layout: Layout | None = None,
    states: Tensor | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """What transformers calls: tensors (1, heads, total, d) give (1, total, heads, d).

    `sliding_window` is counted as flash attention counts, the token itself included. With `states`,
    (1, total, hidden), the other tensors are of first tokens, (1, heads, sequences, d): keys and
    values are then made of these, as a layer of BERT makes them.
    """
    if layout is None:
        return sdpa_attention_forward(
            module,
            query,
            key,
            value,
            attention_mask,
            scaling=scaling,
            dropout=dropout,
            sliding_window=sliding_window,
            **others,
        )
    layout.seen = True
    asked = None  # queries a sequence, if not all
    if states is not None:
        asked = 1
        key, value = (_heads(part(states), query) for part in (module.key, module.value))
    at = row = 0
    results = []
    for count, length in layout.runs:
        end, last = at + count * length, row + count * (asked or length)
        result = attend(
            _cut(query, row, last, count),
            _cut(key, at, end, count),
            _cut(value, at, end, count),
            scaling=scaling,
            dropout=dropout,
            window=None if sliding_window is None else sliding_window - 1,
        )  # (count, heads, length, d)
        results.append(result.transpose(1, 2).flatten(0, 1))
        at, row = end, last
    return torch.cat(results)[None], None


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scaling: float | None,
    dropout: float,
    window: int | None,
) -> Tensor:
    """Attention of `count` sequences of one length, (count, heads, length, d) in and out.

    No token sees another more than `window` places away. The query may be the first token's alone,
    without a window. Where a gradient is needed, torch's kernels are several times slower on a CPU
    than plain products.
    """
    near = None
    length = key.shape[2]
    if window is not None and length > window + 1:
        places = torch.arange(length, device=key.device)
        near = (places[:, None] - places).abs() <= window  # (length, length)
    if query.requires_grad and query.device.type == "cpu":
        factor = query.shape[-1] ** -0.5 if scaling is None else scaling
        by_hand: Any = PlainAttention  # torch has no types for what applies it
        return by_hand.apply(query, key, value, near, factor, dropout)
    return scaled_dot_product_attention(
        query, key, value, attn_mask=near, dropout_p=dropout, scale=scaling
    )


def _cut(tensor: Tensor, start: int, end: int, count: int) -> Tensor:
    """(1, heads, total, d) from `start` to `end`, as (count, heads, length, d)."""
    part = tensor[0, :, start:end].transpose(0, 1)  # (count * length, heads, d)
    return part.reshape(count, -1, *part.shape[1:]).transpose(1, 2)


def _heads(tensor: Tensor, like: Tensor) -> Tensor:
    """(1, total, hidden) as (1, heads, total, d), as many heads as `like` has."""
    return tensor.reshape(*tensor.shape[:2], like.shape[1], -1).transpose(1, 2)
