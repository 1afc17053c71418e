import pytest
import torch
from torch.nn.functional import linear

from xlit.models.layer_kernels import project


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("rows", [1, 7, 300])
def test_products_with_a_bias_are_those_of_linear(rows: int, dtype: torch.dtype) -> None:
    torch.manual_seed(rows)
    inputs, weight, bias = (torch.randn(shape) for shape in ((rows, 64), (96, 64), (96,)))
    expected = linear(inputs, weight, bias)
    found = project(inputs.to(dtype), weight.to(dtype), bias.to(dtype))
    assert found.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2  # inputs and result are rounded
    assert float((found.float() - expected).abs().max()) < tolerance * float(expected.abs().max())
