"""The forward of BERT, RoBERTa and XLM-R for inference, over texts without any padding.

A layer is four products with what follows them (`linear`), the attention of groups of texts of
about one length, and two LayerNorms. Weights are laid out once, query, key and value as one.
Products are in the type asked for; states between them, sums and LayerNorm in float32, which costs
nothing that can be measured and cuts the error of bfloat16 to less than half.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, pad, scaled_dot_product_attention

from xlit.models.chunks import Chunk, positions
from xlit.models.grouped_attention import groups_of, heads_of, product, put_heads
from xlit.models.kernels import layers_of
from xlit.models.linear import Linear

ROUNDED = 64
"""Rows of a product are filled up to a multiple, so that chunks are of few sizes: oneDNN makes a
program for each, which takes a millisecond."""

Runs = tuple[tuple[int, int], ...]
"""As `Chunk.runs` gives them: (how many, their length)."""

PLACES = 640
"""Of a group in the attention, at most: its scores should stay in the cache."""

SHORTEST = 16
"""The length of a group, at least: torch's softmax is six times slower below a vector's width."""


class FusedEncoder:
    """The layers of a bare encoder in `dtype`. Raises AttributeError for one of other modules."""

    how: Literal["fused"] = "fused"
    reason = ""

    def __init__(self, base: Any, dtype: torch.dtype, linear: type[Linear]) -> None:
        self._base = base
        embeddings = base.embeddings
        self._words: Tensor = embeddings.word_embeddings.weight.detach()
        self._places: Tensor = (
            embeddings.position_embeddings.weight + embeddings.token_type_embeddings.weight[0]
        ).detach()
        self._norm = _Norm.of(embeddings.LayerNorm)
        self._layers = [_Layer.of(layer, dtype, linear) for layer in layers_of(base)]

    def states(self, chunk: Chunk, layers: Sequence[int]) -> Iterator[Tensor]:
        """The states (total, hidden) of each of these layers, which rise, one after the other."""
        total = len(chunk.ids)
        states = self._words[chunk.ids] + self._places[positions(self._base, chunk)]
        states = self._norm(states)
        if 0 in layers:
            yield states
        rows = -(-total // ROUNDED) * ROUNDED if states.device.type == "cpu" else total
        states = pad(states, (0, 0, 0, rows - total))
        runs = chunk.runs()
        for number, layer in enumerate(self._layers[: max(layers)], 1):
            states = layer(states, runs)
            if number in layers:
                yield states[:total]


@dataclass(frozen=True, eq=False)
class _Norm:
    weight: Tensor
    bias: Tensor
    epsilon: float

    @classmethod
    def of(cls, norm: nn.LayerNorm) -> "_Norm":
        return cls(norm.weight.detach(), norm.bias.detach(), norm.eps)

    def __call__(self, states: Tensor) -> Tensor:
        return layer_norm(states, self.weight.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True, eq=False)
class _Layer:
    """A layer's products, in `dtype`, and norms. States are (rows, hidden) in float32, of which the
    runs are the first."""

    dtype: torch.dtype
    attended: Linear  # query, key and value
    after: Linear
    norm: _Norm
    widen: Linear
    narrow: Linear
    last_norm: _Norm
    heads: int
    scaling: float

    @classmethod
    def of(cls, layer: Any, dtype: torch.dtype, linear: type[Linear]) -> "_Layer":
        attention, after = layer.attention.self, layer.attention.output

        def joined(*modules: nn.Linear) -> Linear:
            weight = torch.cat([module.weight.detach() for module in modules])
            bias = torch.cat([module.bias.detach() for module in modules])
            return linear(weight.to(dtype), bias.to(dtype))

        return cls(
            dtype=dtype,
            attended=joined(attention.query, attention.key, attention.value),
            after=joined(after.dense),
            norm=_Norm.of(after.LayerNorm),
            widen=joined(layer.intermediate.dense),
            narrow=joined(layer.output.dense),
            last_norm=_Norm.of(layer.output.LayerNorm),
            heads=attention.num_attention_heads,
            scaling=attention.scaling,
        )

    def __call__(self, states: Tensor, runs: Runs) -> Tensor:
        row = self.attended(states.to(self.dtype))
        attend = attention_for(row.device)
        context = attend(row, runs, heads=self.heads, scaling=self.scaling)
        states = self.norm(_sum(self.after, context, states))
        wide = self.widen.gelu(states.to(self.dtype))
        return self.last_norm(_sum(self.narrow, wide, states))


def _sum(linear: Linear, rows: Tensor, residual: Tensor) -> Tensor:
    """The product plus the residual, in float32."""
    if rows.dtype == residual.dtype:
        return linear.plus(rows, residual)
    return linear(rows).float().add_(residual)


class Attention(Protocol):
    """The attention of texts in a row: of query, key and value side by side, (rows, 3 * hidden),
    gives (rows, hidden). The texts' tokens come first; what stands behind them becomes zero."""

    def __call__(self, row: Tensor, runs: Runs, *, heads: int, scaling: float) -> Tensor: ...


def attention_for(device: torch.device) -> Attention:
    """On a CPU plain products of small groups; torch's kernels are made for long texts."""
    return attend_groups if device.type == "cpu" else attend_runs


def attend_runs(row: Tensor, runs: Runs, *, heads: int, scaling: float) -> Tensor:
    """By torch's kernels, texts of one length at a time."""
    context = row.new_zeros((row.shape[0], row.shape[1] // 3))
    at = 0
    for count, length in runs:
        part = slice(at, at + count * length)
        split = row[part].view(count, length, 3, heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind()
        found = scaled_dot_product_attention(query, key, value, scale=scaling)
        context[part] = found.transpose(1, 2).flatten(2).flatten(0, 1)
        at = part.stop
    return context


def attend_groups(row: Tensor, runs: Runs, *, heads: int, scaling: float) -> Tensor:
    """By plain products, texts of about one length at a time."""
    context = row.new_zeros((row.shape[0], row.shape[1] // 3))
    for group in groups_of(runs, PLACES, SHORTEST):
        query, key, value = heads_of(row, group, 3, heads)
        # the softmax in float32 by hand: asked to widen its input, torch's takes fresh memory
        scores = product(query, key.transpose(1, 2), scaling).float()
        if group.mask is not None:
            short = scores.view(group.count, heads, *scores.shape[1:])[: len(group.mask)]
            short.add_(group.mask)
        weights = torch.softmax(scores, -1).to(value.dtype)
        put_heads(context, group, [product(weights, value, 1.0)], heads)
    return context
