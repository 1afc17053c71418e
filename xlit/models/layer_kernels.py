"""A layer of BERT as two functions with a backward pass by hand.

Both are x + dropout(f(x)) and its LayerNorm, f being the attention or the feed-forward part. Their
products are in `How.dtype`; states between them, sums and LayerNorm in float32, as under autocast.
What is won is what autograd and autocast do around the products: query, key and value are one
product, every state and weight is cast once, and little is kept for the backward pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import torch
from numpy.random import SFC64
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import gelu, linear

from xlit.models.dropout import bits_of_torch, kept, scale
from xlit.models.grouped_attention import (
    Attended,
    Group,
    attend,
    firsts_of,
    gradients,
    heads_of,
    product,
    put_firsts,
    put_heads,
)

aten = torch.ops.aten


@dataclass(frozen=True)
class How:
    """What a layer's functions depend on besides their tensors; dropout is 0 in evaluation."""

    dtype: torch.dtype
    heads: int
    scaling: float
    groups: tuple[Group, ...]
    attention_dropout: float
    hidden_dropout: float
    epsilon: float  # of LayerNorm


class AttentionPart(Function):
    """The attention of a layer. Weights are (out, in) as in `nn.Linear`.

    `asked`, (rows, hidden), are the states that the layer goes on with. They are the whole row of
    tokens; or, where `states`, (total, hidden), has that, the first token of each sequence alone.
    """

    @staticmethod
    def forward(
        ctx: Any,
        asked: Tensor,
        states: Tensor | None,
        query_weight: Tensor,
        query_bias: Tensor,
        key_weight: Tensor,
        key_bias: Tensor,
        value_weight: Tensor,
        value_bias: Tensor,
        out_weight: Tensor,
        out_bias: Tensor,
        norm_weight: Tensor,
        norm_bias: Tensor,
        how: How,
    ) -> Tensor:
        dtype = how.dtype
        with torch.autocast("cpu", enabled=False):
            narrow = asked.to(dtype)
            weights, biases = [key_weight, value_weight], [key_bias, value_bias]
            source, question, queries = narrow, None, None
            if states is None:
                weights.insert(0, query_weight)
                biases.insert(0, query_bias)
            else:
                source, question = states.to(dtype), query_weight.to(dtype)
                queries = project(narrow, question, query_bias.to(dtype))
            weight = torch.cat(weights).to(dtype)
            row = project(source, weight, torch.cat(biases).to(dtype))
            random = bits_of_torch() if how.attention_dropout or how.hidden_dropout else SFC64(0)
            context, attended = _attend(row, queries, how, random)
            after = out_weight.to(dtype)
            mask, total, result, mean, spread = _residual_norm(
                asked,
                project(context, after, out_bias.to(dtype)),
                norm_weight,
                norm_bias,
                how,
                random,
            )
        ctx.how = how
        ctx.first = states is not None
        ctx.save_for_backward(
            narrow,
            source,
            weight,
            question,
            context,
            after,
            mask,
            total,
            mean,
            spread,
            norm_weight,
            norm_bias,
            *chain.from_iterable(attended),
        )
        return result

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors  # asked for once: under checkpointing there is no second time
        narrow, source, weight, question, context, after = saved[:6]
        norm, flat = saved[6:12], saved[12:]
        how: How = ctx.how
        with torch.autocast("cpu", enabled=False):
            through, of_norm, of_norm_bias, inner = _norm_gradients(upstream, norm, how)
            factor = scale(how.hidden_dropout)
            of_out = product(inner.t(), context, factor).float()
            of_out_bias = _bias_gradient(inner).mul_(factor)
            row = source.new_empty((source.shape[0], weight.shape[0]))
            queries = torch.empty_like(narrow) if ctx.first else None
            _attention_gradients(product(inner, after, factor), flat, row, queries, how)
            width = narrow.shape[1]
            of_weights = [*torch.split((row.t() @ source).float(), width)]
            of_biases = [*torch.split(_bias_gradient(row), width)]
            of_states = None
            if queries is not None:
                of_states = (row @ weight).float()
                of_weights.insert(0, (queries.t() @ narrow).float())
                of_biases.insert(0, _bias_gradient(queries))
                through.add_(queries @ question)
            elif ctx.needs_input_grad[0]:  # not above frozen layers
                through.add_(row @ weight)
        pairs = chain.from_iterable(zip(of_weights, of_biases, strict=True))
        return (through, of_states, *pairs, of_out, of_out_bias, of_norm, of_norm_bias, None)


class FeedForwardPart(Function):
    """The feed-forward part of a layer, with GELU as BERT has it; states are (rows, hidden)."""

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        in_weight: Tensor,
        in_bias: Tensor,
        out_weight: Tensor,
        out_bias: Tensor,
        norm_weight: Tensor,
        norm_bias: Tensor,
        how: How,
    ) -> Tensor:
        dtype = how.dtype
        with torch.autocast("cpu", enabled=False):
            narrow, before, after = (t.to(dtype) for t in (states, in_weight, out_weight))
            wide = project(narrow, before, in_bias.to(dtype))
            active = gelu(wide)
            random = bits_of_torch() if how.hidden_dropout else SFC64(0)
            mask, total, result, mean, spread = _residual_norm(
                states,
                project(active, after, out_bias.to(dtype)),
                norm_weight,
                norm_bias,
                how,
                random,
            )
        ctx.how = how
        ctx.save_for_backward(
            narrow,
            before,
            wide,
            active,
            after,
            mask,
            total,
            mean,
            spread,
            norm_weight,
            norm_bias,
        )
        return result

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        narrow, before, wide, active, after, *norm = ctx.saved_tensors
        how: How = ctx.how
        with torch.autocast("cpu", enabled=False):
            through, of_norm, of_norm_bias, inner = _norm_gradients(upstream, norm, how)
            factor = scale(how.hidden_dropout)
            of_out = product(inner.t(), active, factor).float()
            of_out_bias = _bias_gradient(inner).mul_(factor)
            of_wide = product(inner, after, factor)
            aten.gelu_backward.grad_input(of_wide, wide, grad_input=of_wide)
            of_in = (of_wide.t() @ narrow).float()
            through.add_(of_wide @ before)
        of_in_bias = _bias_gradient(of_wide)
        return through, of_in, of_in_bias, of_out, of_out_bias, of_norm, of_norm_bias, None


def project(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`linear`; in bfloat16 with the bias added by the product itself, a tenth faster."""
    if inputs.dtype == torch.bfloat16 and _adds_bias():
        return torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return linear(inputs, weight, bias)


@cache
def _adds_bias() -> bool:
    """Whether torch has oneDNN's product with a bias, which is not public, and it is right."""
    random = torch.Generator().manual_seed(0)
    inputs, weight, bias = (
        torch.randn(shape, generator=random).bfloat16() for shape in ((5, 32), (48, 32), (48,))
    )
    try:
        found = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    except (AttributeError, RuntimeError):  # another torch, or a CPU that oneDNN is not for
        return False
    return torch.allclose(found, linear(inputs, weight, bias), rtol=2e-2, atol=2e-2)


def _attend(
    row: Tensor, queries: Tensor | None, how: How, random: SFC64
) -> tuple[Tensor, list[Attended]]:
    """The context, (rows, hidden), of a row's query, key and value, (total, 3 * hidden).

    With `queries`, those of first tokens, the row has key and value alone.
    """
    parts = 3 if queries is None else 2
    size = row.shape[0] if queries is None else queries.shape[0]
    context = row.new_empty((size, row.shape[1] // parts))
    kept_back = []
    for group in how.groups:
        *asking, key, value = heads_of(row, group, parts, how.heads)
        query = asking[0] if queries is None else firsts_of(queries, group, how.heads)
        result, attended = attend(
            query,
            key,
            value,
            heads=how.heads,
            mask=group.mask,
            scaling=how.scaling,
            dropout=how.attention_dropout,
            random=random,
        )
        if queries is None:
            put_heads(context, group, [result], how.heads)
        else:
            put_firsts(context, group, result, how.heads)
        kept_back.append(attended)
    return context, kept_back


def _attention_gradients(
    of_context: Tensor,
    flat: tuple[Tensor, ...],
    row: Tensor,
    queries: Tensor | None,
    how: How,
) -> None:
    """Write the gradients of what `_attend` was given into `row` and `queries`."""
    size = len(Attended._fields)
    for number, group in enumerate(how.groups):
        attended = Attended(*flat[number * size : (number + 1) * size])
        if queries is None:
            upstream = heads_of(of_context, group, 1, how.heads)[0]
        else:
            upstream = firsts_of(of_context, group, how.heads)
        of_query, of_key, of_value = gradients(
            upstream, attended, scaling=how.scaling, dropout=how.attention_dropout
        )
        if queries is None:
            put_heads(row, group, [of_query, of_key, of_value], how.heads)
        else:
            put_heads(row, group, [of_key, of_value], how.heads)
            put_firsts(queries, group, of_query, how.heads)


def _residual_norm(
    states: Tensor,
    inner: Tensor,
    weight: Tensor,
    bias: Tensor,
    how: How,
    random: SFC64,
) -> tuple[Tensor | None, Tensor, Tensor, Tensor, Tensor]:
    """LayerNorm of states + dropout(inner): mask, sum, result, and mean and 1/deviation of rows."""
    mask = None
    if how.hidden_dropout:
        mask = kept(random, tuple(inner.shape), how.hidden_dropout, inner.dtype)
        inner = inner.mul_(mask)
    total = torch.add(states, inner, alpha=scale(how.hidden_dropout))
    result, mean, spread = torch.native_layer_norm(
        total, [total.shape[1]], weight, bias, how.epsilon
    )
    return mask, total, result, mean, spread


def _norm_gradients(
    upstream: Tensor, saved: Sequence[Tensor], how: How
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of the sum, of weight and bias, and of what dropout left, not scaled yet and narrow."""
    mask, total, mean, spread, weight, bias = saved
    of_total, of_weight, of_bias = aten.native_layer_norm_backward(
        upstream.contiguous(), total, [total.shape[1]], mean, spread, weight, bias, [True] * 3
    )
    inner = of_total.to(how.dtype)
    return of_total, of_weight, of_bias, inner if mask is None else inner * mask


def _bias_gradient(upstream: Tensor) -> Tensor:
    return upstream.sum(0).float()
