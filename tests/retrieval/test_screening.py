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


@pytest.mark.parametrize("look", [of_rows, of_columns], ids=["rows", "columns"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("value", [torch.inf, torch.nan], ids=str)
def test_values_that_are_not_finite_survive_for_nobody(
    value: float, dtype: torch.dtype, look: Callable[[Tensor, Strip, int], None]
) -> None:
    torch.manual_seed(3)
    tile = torch.randn(128, 512).to(dtype) + 4  # all thresholds are positive
    tile[7] = value
    error = torch.full((128,), 0.01, dtype=torch.float64)
    error[7] = torch.inf
    strip = Strip(error, 128, 4, dtype)
    look(tile, strip, 0)
    found = strip.candidates(0, left=True)
    assert found.open.tolist() == [7]
    assert set(found.owners.tolist()) == set(range(128)) - {7}
    # no side has a bound where the other has a vector without one; 28 rows only fill up
    tile[:] = value
    strip = Strip(torch.full((100,), torch.inf, dtype=torch.float64), 128, 4, dtype)
    look(tile, strip, 0)
    found = strip.candidates(0, left=True)
    assert found.open.tolist() == list(range(100))
    assert len(found.owners) == 0


def test_a_tile_unlike_those_before_it_raises_thresholds_instead_of_leaving_vectors_open() -> None:
    torch.manual_seed(4)
    for look in (of_rows, of_columns):
        strip = Strip(torch.full((128,), 1e-4, dtype=torch.float64), 128, 4, torch.bfloat16)
        far, near = (torch.rand(128, 1024).bfloat16() + middle for middle in (1, 4))
        look(far, strip, 0)
        look(near, strip, 1024)
        ((owners, others, values),) = strip.pairs
        assert not bool(strip.open.any())
        assert bool((torch.bincount(owners) >= 4).all())
        assert bool((others >= 1024).all())
        assert bool((values > 4.9).all())


def test_what_waits_for_higher_thresholds_is_bounded() -> None:
    torch.manual_seed(5)
    strip = Strip(torch.full((128,), 1e-4, dtype=torch.float64), 128, 4, torch.float32)
    waiting = []
    for seen in range(1024, 40 * 1024, 1024):  # each tile is a little nearer than the last
        of_rows(torch.rand(128, 1024) + seen / 4096, strip, seen - 1024)
        waiting.append(sum(len(owners) for owners, _, _ in strip.pairs))
    assert max(waiting) < 128 * strip.cap
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
