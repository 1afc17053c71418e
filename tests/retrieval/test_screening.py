"""Every value that reaches a threshold survives, also where integers are compared in its place."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from xlit.retrieval import screening
from xlit.retrieval.screening import Strip


def of_rows(tile: Tensor, strip: Strip, first: int) -> None:
    screening._look_at_rows(tile, strip, first, first + tile.shape[1])


def of_columns(tile: Tensor, strip: Strip, first: int) -> None:
    turned = tile.T.contiguous()
    screening._look_at_columns(turned, strip, first, 16, first + len(turned))


@pytest.mark.parametrize("look", [of_rows, of_columns], ids=["rows", "columns"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize(
    ("middle", "error"),
    [(2.0, 0.01), (0.0, 0.01), (-2.0, 0.01), (-2.2, 0.2), (-1.9, 0.1)],
    ids=["positive", "mixed", "negative", "mostly negative", "about zero"],
)
def test_what_reaches_a_threshold_survives_and_nothing_else(
    middle: float,
    error: float,
    dtype: torch.dtype,
    look: Callable[[Tensor, Strip, int], None],
) -> None:
    torch.manual_seed(1)
    offsets = torch.randn(128, 1) * 0.3  # so that some thresholds are below zero, some above
    whole = (torch.randn(128, 1536) + offsets + middle).to(dtype)
    strip = Strip(torch.full((128,), error, dtype=torch.float64), 128, 4, dtype)
    for first in (0, 512, 1024):
        look(whole[:, first : first + 512].contiguous(), strip, first)
        strip.raise_thresholds()
        seen = whole[:, : first + 512]
        ((owners, others, _),) = strip.pairs
        reached = (seen >= strip.threshold[:, None]).nonzero().tolist()
        assert sorted(zip(owners.tolist(), others.tolist(), strict=True)) == list(
            map(tuple, reached)
        )
        kth = seen.float().topk(4, dim=1).values[:, -1:]
        assert bool((strip.threshold[:, None] <= kth).all())
    assert not bool(strip.open.any())


def test_vectors_with_too_many_survivors_are_left_open_and_the_others_are_not() -> None:
    torch.manual_seed(2)
    tile = torch.randn(128, 512).bfloat16()
    tile[7] = 1.0
    strip = Strip(torch.full((128,), 0.01, dtype=torch.float64), 128, 4, torch.bfloat16)
    of_rows(tile, strip, 0)
    found = strip.candidates(100, left=True)
    assert found.open.tolist() == [107]
    assert set(found.owners.tolist()) == set(range(100, 228)) - {107}
