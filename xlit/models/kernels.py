"""Faster training of a packed model on a CPU: the same numbers, up to their order of summing.

`accelerate` puts cheap dropout masks everywhere, and replaces the forward of each layer that is
built as BERT's (those of XLM-R and RoBERTa too) by the functions of `layer_kernels`. Whether it may
is decided by numbers: a layer's values and gradients are computed both ways. They answer for packed
rows alone; any other call of a layer goes the old way, and so does an architecture of other layers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from transformers.activations import GELUActivation

from xlit.models.dropout import replace_dropout
from xlit.models.grouped_attention import groups_of
from xlit.models.layer_kernels import AttentionPart, FeedForwardPart, How
from xlit.models.packed_attention import NAME, Layout, register

TOLERANCE = 1e-4
"""Of the largest number. Gradients in float32, summed in another order, are 1e-6 apart."""

PROBED = ((1, 3), (2, 8), (1, 9))  # runs of the probe: two groups, one of them filled up


class Kernels:
    """What was replaced in some models, until `undo`. `on` says whether their layers were among it,
    and `reason` why not."""

    def __init__(self) -> None:
        self.on = False
        self.reason = ""
        self._undo: list[Callable[[], None]] = []

    def undo(self) -> None:
        """Leave the models as they were before."""
        while self._undo:
            self._undo.pop()()
        self.on = False


def accelerate(models: Sequence[Any]) -> Kernels:
    """Make the models' training faster; layers that models share are replaced once.

    The random state, modes and state dicts stay as they are. Meant for packed models on a CPU.
    """
    kernels = Kernels()
    for model in models:
        kernels._undo.append(replace_dropout(model))
    layers = {id(layer): layer for model in models for layer in layers_of(model.base_model)}
    kernels.reason = _why_not(layers.values())
    if not kernels.reason:
        for layer in layers.values():
            layer.forward = partial(fast_layer, layer)  # of this layer, not of its class
            kernels._undo.append(partial(delattr, layer, "forward"))
        kernels.on = True
    return kernels


def layers_of(base: Any) -> list[Any]:
    """An encoder's layers, where BERT has them."""
    return list(getattr(getattr(base, "encoder", None), "layer", ()))


def fast_layer(
    layer: Any,
    hidden_states: Tensor,
    attention_mask: Tensor | None = None,
    *args: Any,
    layout: Layout | None = None,
    states: Tensor | None = None,
    **others: Any,
) -> Tensor:
    """The forward of a layer: states (1, total, hidden) of a packed row in and out.

    With `states`, all of them, the others are of first tokens alone, (1, sequences, hidden).
    """
    if layout is None:
        return type(layer).forward(layer, hidden_states, attention_mask, *args, **others)
    layout.seen = True
    attention, after = layer.attention.self, layer.attention.output
    before, last = layer.intermediate, layer.output
    autocast = torch.is_autocast_enabled("cpu")
    how = How(
        dtype=torch.get_autocast_dtype("cpu") if autocast else hidden_states.dtype,
        heads=attention.num_attention_heads,
        scaling=attention.scaling,
        groups=groups_of(tuple(layout.runs)),
        attention_dropout=_rate(attention.dropout),
        hidden_dropout=_rate(after.dropout),
        epsilon=after.LayerNorm.eps,
    )
    row = _apply(
        AttentionPart,
        hidden_states[0],
        None if states is None else states[0],
        *_tensors(attention.query, attention.key, attention.value, after.dense, after.LayerNorm),
        how,
    )
    tensors = _tensors(before.dense, last.dense, last.LayerNorm)
    row = _apply(FeedForwardPart, row, *tensors, how)
    return row[None]


def _apply(function: Any, *inputs: Any) -> Tensor:
    return function.apply(*inputs)


def _rate(dropout: nn.Dropout) -> float:
    return dropout.p if dropout.training else 0.0


def _tensors(*modules: Any) -> Iterable[Tensor]:
    return chain.from_iterable((module.weight, module.bias) for module in modules)


def _why_not(layers: Iterable[Any]) -> str:
    """Why these layers cannot be replaced, in words; empty where they can."""
    known = list(layers)
    if not known:
        return "its layers are not found where BERT has them"
    for layer in known:
        missing = unlike_bert(layer)
        if missing:
            return missing
    for layer in (known[0], known[-1]):
        for first in (False, True):
            try:
                difference = _difference(layer, first)
            except Exception as error:  # a model's own code meets what it never expected
                difference = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            if difference:
                return f"{type(layer).__name__} computes something else: {difference}"
    return ""


def unlike_bert(layer: Any) -> str:
    """What a layer lacks, or has besides, to be one of BERT's, in words; empty where nothing."""
    difference = _unlike_bert(layer)
    return difference and f"{type(layer).__name__} is not built as BERT's: {difference}"


def _unlike_bert(layer: Any) -> str:
    try:
        attention, after, last = layer.attention.self, layer.attention.output, layer.output
        linear = (
            attention.query,
            attention.key,
            attention.value,
            after.dense,
            layer.intermediate.dense,
            last.dense,
        )
        norms = (after.LayerNorm, last.LayerNorm)
        dropouts = (attention.dropout, after.dropout, last.dropout)
        activation = layer.intermediate.intermediate_act_fn
        attention.num_attention_heads, attention.scaling, attention.config  # noqa: B018
    except AttributeError as error:
        return str(error)
    if any(type(module) is not nn.Linear or module.bias is None for module in linear):
        return "its products are not plain ones with a bias"
    if any(type(module) is not nn.LayerNorm or module.bias is None for module in norms):
        return "its norms are not LayerNorm"
    if norms[0].eps != norms[1].eps or dropouts[1].p != dropouts[2].p:
        return "its two parts differ in their settings"
    if type(activation) is not GELUActivation:
        return "its activation is not GELU"
    if getattr(layer, "is_decoder", False) or getattr(layer, "add_cross_attention", False):
        return "it is a decoder's"
    return ""


def _difference(layer: Any, first: bool) -> str:
    """What is different about a layer's values or gradients on a packed row, in words.

    `first` asks for first tokens alone. Computed in float32 and without dropout.
    """
    lengths = [length for count, length in PROBED for _ in range(count)]
    ends = torch.tensor(lengths).cumsum(0)
    width = layer.output.dense.out_features
    random = torch.Generator().manual_seed(0)
    row = torch.randn((1, int(ends[-1]), width), generator=random)
    firsts = ends - torch.tensor(lengths)
    parameters = list(layer.parameters())
    results = []
    register()
    with _in_float32(layer):
        for forward in (partial(type(layer).forward, layer), partial(fast_layer, layer)):
            states = row.clone().requires_grad_()
            more = {"states": states} if first else {}
            asked = states[:, firsts] if first else states
            output = forward(asked, None, layout=Layout(PROBED), **more)
            weights = torch.linspace(-1, 1, output.numel()).view(output.shape)
            trained = [parameter for parameter in parameters if parameter.requires_grad]
            grads = torch.autograd.grad((output * weights).sum(), [states, *trained])
            results.append([output.detach(), *grads])
    largest = max(float(plain.abs().max()) for plain in results[0][1:])
    for number, (plain, fast) in enumerate(zip(*results, strict=True)):
        # the gradient of the keys' bias is zero but for rounding: no scale of its own
        scale = max(float(plain.abs().max()), 0.01 * largest if number else 0.0)
        apart = float((plain - fast).abs().max()) / scale
        if not apart <= TOLERANCE:
            return f"{'gradients' if number else 'values'} differ by {apart:.0e}"
    return ""


@contextmanager
def _in_float32(layer: Any) -> Iterator[None]:
    """A layer in evaluation with packed attention and no autocast, and afterwards as it was."""
    config = layer.attention.self.config
    before = config._attn_implementation
    training = [module for module in layer.modules() if module.training]
    layer.eval()
    config._attn_implementation = NAME
    try:
        with torch.enable_grad(), torch.autocast("cpu", enabled=False):
            yield
    finally:
        config._attn_implementation = before
        for module in training:
            module.training = True
