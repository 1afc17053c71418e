import pytest
import torch
from torch import Tensor
from torch.nn.functional import gelu

from xlit.models.linear import CLOSE, Linear, OneDnnLinear, PlainLinear, linear_for, works

CPU = torch.device("cpu")


class Wrong(PlainLinear):
    """Leaves out the residual."""

    def plus(self, rows: Tensor, residual: Tensor) -> Tensor:
        return self(rows)


class Missing(PlainLinear):
    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        raise AttributeError("no such operator")


@pytest.mark.parametrize("dtype", CLOSE, ids=str)
def test_the_way_that_is_picked_gives_plain_products(dtype: torch.dtype) -> None:
    random = torch.Generator().manual_seed(4)
    rows, weight, bias, residual = (
        torch.randn(shape, generator=random).to(dtype)
        for shape in ((130, 32), (96, 32), (96,), (130, 96))
    )
    before = residual.clone()
    found = linear_for(CPU, dtype)(weight, bias)
    exact = rows.double() @ weight.double().T + bias.double()
    for ours, right in (
        (found(rows), exact),
        (found.gelu(rows), gelu(exact)),
        (found.plus(rows, residual), exact + residual.double()),
    ):
        assert ours.dtype == dtype
        assert (ours.double() - right).abs().max() <= CLOSE[dtype] * right.abs().max()
    assert torch.equal(residual, before)


@pytest.mark.parametrize("way", [Wrong, Missing])
def test_a_way_that_differs_or_is_not_there_is_left_alone(
    way: type[Linear],
) -> None:
    assert not works(way, torch.float32)


def test_without_onednn_products_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    # as in a torch that is built without it
    monkeypatch.setattr("xlit.models.linear.OneDnnLinear", Missing)
    assert linear_for(CPU, torch.float32) is PlainLinear


@pytest.mark.skipif(not torch.backends.mkldnn.enabled, reason="torch without oneDNN")
def test_onednn_is_picked_where_it_is() -> None:
    assert linear_for(CPU, torch.bfloat16) is OneDnnLinear
    assert linear_for(torch.device("cuda"), torch.bfloat16) is PlainLinear
