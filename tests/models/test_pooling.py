from typing import get_args

import pytest
import torch

from xlit.errors import UsageError
from xlit.models.chunks import Chunk
from xlit.models.pooling import (
    DEFAULT,
    DefaultHow,
    pool,
    pool_chunk,
    pooling_of,
    sums_by_run,
    sums_in_order,
)

HIDDEN = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [100.0, 100.0]], [[2.0, 0.0]] * 3])  # (2, 3, 2)
MASK = torch.tensor([[1, 1, 0], [1, 1, 1]])


def test_mean_is_over_the_attended_tokens_only() -> None:
    assert pool(HIDDEN, MASK, "mean").tolist() == [[2.0, 3.0], [2.0, 0.0]]


def chunk_of(*lengths: int) -> Chunk:
    return Chunk(torch.arange(sum(lengths)), lengths)


def test_mean_no_special_leaves_out_the_tokens_of_the_tokeniser() -> None:
    states = torch.tensor([[9.0, 9.0], [1.0, 2.0], [3.0, 4.0], [9.0, 9.0], [7.0, 7.0]])
    special = torch.tensor([True, False, False, True, True])
    chunk = chunk_of(4, 1)
    assert pool_chunk(states, chunk, "mean-no-special", special).tolist() == [[2.0, 3.0], [0, 0]]
    assert pool_chunk(states, chunk, "mean", special).tolist() == [[5.5, 6.0], [7.0, 7.0]]


@pytest.mark.parametrize("how", get_args(DefaultHow))
def test_a_chunk_is_pooled_as_a_padded_batch(how: DefaultHow) -> None:
    states = torch.randn((9, 4), generator=torch.Generator().manual_seed(1))
    padded = torch.zeros((3, 5, 4))
    mask = torch.tensor([[1] * 5, [1] * 3 + [0] * 2, [1] + [0] * 4])
    padded[mask.bool()] = states
    pooled = pool_chunk(states, chunk_of(5, 3, 1), how, torch.zeros(9, dtype=torch.bool))
    assert torch.allclose(pooled, pool(padded, mask, how), atol=1e-6)


@pytest.mark.parametrize("some_left_out", [False, True])
def test_texts_are_summed_by_run_as_in_order(some_left_out: bool) -> None:
    """On a GPU it is by runs: here it is, on a CPU."""
    random = torch.Generator().manual_seed(2)
    states = torch.randn((19, 4), generator=random)
    left_out = torch.rand(19, generator=random) < 0.4 if some_left_out else None
    chunk = chunk_of(5, 3, 3, 3, 2, 1, 1, 1)
    by_run, in_order = (way(states, chunk, left_out) for way in (sums_by_run, sums_in_order))
    assert by_run.shape == (8, 4)
    assert torch.allclose(by_run, in_order, atol=1e-6)


def test_the_mean_of_narrow_states_is_summed_in_float32() -> None:
    states = torch.full((1000, 1), 1.0078125, dtype=torch.bfloat16)  # 1 + 2**-7
    pooled = pool_chunk(states, chunk_of(1000), "mean", torch.zeros(1000, dtype=torch.bool))
    assert pooled.dtype == torch.float32
    assert pooled.item() == 1.0078125


def test_cls_is_the_first_position() -> None:
    assert pool(HIDDEN, MASK, "cls").tolist() == [[1.0, 2.0], [2.0, 0.0]]


def test_mean_over_nothing_is_zero() -> None:
    assert pool(HIDDEN, torch.zeros_like(MASK), "mean").abs().sum() == 0


def test_unknown_pooling_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="max"):
        pool_chunk(HIDDEN[0], chunk_of(3), "max", MASK[0].bool())  # type: ignore[arg-type]  # what a caller from outside may say


@pytest.mark.parametrize(
    ("name", "layer"),
    [("xlm-roberta-large", 14), ("FacebookAI/xlm-roberta-large@main", 14), ("e5-small", -1)],
    ids=["bare", "hub id", "bundled"],
)
def test_known_models_have_their_layer(name: str, layer: int) -> None:
    assert pooling_of(name).layer == layer


def test_unknown_models_pool_the_last_layer() -> None:
    assert pooling_of("runs/checkpoint/mnli.3fa9c1d07b2e") == DEFAULT
