"""Linear layers for inference, with what follows them: GELU, or a sum with the residual.

oneDNN is fastest with a weight in a layout of its own, made once, and applies what follows while
the result is still in the cache. torch has this as operators of its compiler, which are no public
interface; so `linear_for` tries them, and plain products do where they are missing or differ.
"""

from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

CLOSE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}
"""Of the largest number: by how much two ways of computing one product may differ."""


class Linear(Protocol):
    """x W^T + b for rows x (rows, in), with W (out, in) as in `nn.Linear`."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None: ...
    def __call__(self, rows: Tensor) -> Tensor: ...
    def gelu(self, rows: Tensor) -> Tensor: ...
    def plus(self, rows: Tensor, residual: Tensor) -> Tensor: ...


class PlainLinear:
    """By torch's own products, everywhere."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight, self._bias = weight, bias

    def __call__(self, rows: Tensor) -> Tensor:
        return functional.linear(rows, self._weight, self._bias)

    def gelu(self, rows: Tensor) -> Tensor:
        return functional.gelu(self(rows))

    def plus(self, rows: Tensor, residual: Tensor) -> Tensor:
        return self(rows).add_(residual)


class OneDnnLinear:
    """By oneDNN on a CPU; on some processors its float32 is twice as fast as torch's own too."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        operators: Any = torch.ops.mkldnn
        # by overload: picked by its arguments, a call that is not the first one's prints them all
        self._apply = operators._linear_pointwise.default
        self._apply_two = operators._linear_pointwise.binary
        self._weight = operators._reorder_linear_weight(weight.contiguous())
        self._bias = bias

    def __call__(self, rows: Tensor) -> Tensor:
        return self._apply(rows, self._weight, self._bias, "none", [], "")

    def gelu(self, rows: Tensor) -> Tensor:
        return self._apply(rows, self._weight, self._bias, "gelu", [], "none")

    def plus(self, rows: Tensor, residual: Tensor) -> Tensor:
        return self._apply_two(rows, residual, self._weight, self._bias, "add")


def linear_for(device: torch.device, dtype: torch.dtype) -> type[Linear]:
    """The faster way of linear layers that is there and computes the same."""
    if device.type == "cpu" and works(OneDnnLinear, dtype):
        return OneDnnLinear
    return PlainLinear


@cache
def works(way: type[Linear], dtype: torch.dtype) -> bool:
    """Whether a way of linear layers gives what plain products give, on a CPU."""
    random = torch.Generator().manual_seed(0)
    rows, weight, bias, residual = (
        torch.randn(shape, generator=random).to(dtype)
        for shape in ((33, 64), (96, 64), (96,), (33, 96))
    )
    plain = PlainLinear(weight, bias)
    expected = (plain(rows), plain.gelu(rows), plain.plus(rows, residual))
    try:
        tried = way(weight, bias)
        found = (tried(rows), tried.gelu(rows), tried.plus(rows, residual))
    except (AttributeError, RuntimeError, TypeError):  # not built in, or called otherwise by now
        return False
    return all(
        bool((ours - theirs).abs().max() <= CLOSE[dtype] * theirs.abs().max())
        for ours, theirs in zip(found, expected, strict=True)
    )
