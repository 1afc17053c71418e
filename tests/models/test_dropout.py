from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import BertModel

from xlit.models.dropout import Dropout, bits_of_torch, kept, replace_dropout, scale


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.013])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_elements_are_dropped_at_the_rate(rate: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    mask = kept(bits_of_torch(), (1000, 999), rate, dtype)
    assert mask.dtype == dtype
    assert bool(((mask == 0) | (mask == 1)).all())
    spread = (rate * (1 - rate) / mask.numel()) ** 0.5
    assert abs(1 - mask.float().mean().item() - rate) < 4 * spread + 1 / 65536


def test_elements_are_dropped_independently() -> None:
    # neighbours share a 64-bit word of the stream: pairs up to 4 apart, and rows, are uncorrelated
    torch.manual_seed(1)
    mask = kept(bits_of_torch(), (1000, 1024), 0.1, torch.float32) - 0.9
    flat = mask.flatten()
    for distance in (1, 2, 3, 4, 1024):
        product = (flat[:-distance] * flat[distance:]).mean().item() / 0.09
        assert abs(product) < 4 / flat.numel() ** 0.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_mean_stays(dtype: torch.dtype) -> None:
    torch.manual_seed(2)
    dropped = Dropout(0.1)(torch.ones(2000, 1000, dtype=dtype)).float()
    assert dropped.mean().item() == pytest.approx(1.0, abs=2e-3)
    # with the rate that was drawn, not the one that was asked for
    drawn = 1 - (dropped != 0).float().mean().item()
    assert scale(0.1) == pytest.approx(1 / (1 - drawn), abs=1e-3)


def test_mask_follows_from_the_seed_of_torch() -> None:
    dropout = Dropout(0.3)
    ones = torch.ones(64, 33)
    torch.manual_seed(7)
    first, second = dropout(ones), dropout(ones)
    torch.manual_seed(7)
    assert torch.equal(first, dropout(ones))
    assert torch.equal(second, dropout(ones))
    assert not torch.equal(first, second)


def test_gradient_goes_where_values_went() -> None:
    torch.manual_seed(3)
    inputs = torch.ones(50, 7, requires_grad=True)
    outputs = Dropout(0.4)(inputs)
    outputs.sum().backward()
    assert inputs.grad is not None
    assert torch.equal(inputs.grad, outputs.detach())


@pytest.mark.parametrize(("rate", "training"), [(0.1, False), (0.0, True), (1.0, True)])
def test_where_nothing_is_random_it_is_plain_dropout(rate: float, training: bool) -> None:
    inputs = torch.randn(4, 5)
    before = torch.random.get_rng_state()
    fast = Dropout(rate).train(training)(inputs)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(fast, nn.Dropout(rate).train(training)(inputs))


def test_replacing_is_undone_and_leaves_the_state_dict(tiny_encoder: Path) -> None:
    model = BertModel.from_pretrained(tiny_encoder)
    names = list(model.state_dict())
    before = {name: id(m) for name, m in model.named_modules() if isinstance(m, nn.Dropout)}
    model.train()
    undo = replace_dropout(model)
    replaced = {name: m for name, m in model.named_modules() if isinstance(m, nn.Dropout)}
    assert replaced.keys() == before.keys() != set()
    assert all(type(m) is Dropout and m.training for m in replaced.values())
    assert list(model.state_dict()) == names
    model.eval()
    undo()
    after = {name: id(m) for name, m in model.named_modules() if isinstance(m, nn.Dropout)}
    assert after == before
    assert not any(m.training for m in model.modules())
