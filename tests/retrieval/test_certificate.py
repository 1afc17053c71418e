"""What the certificate promises holds for real products, at its edges as well."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from xlit.retrieval.certificate import TINY, Side, errors, mean_of, screened, thresholds
from xlit.retrieval.rescoring import scores_of

from .exactly import Vectors

CPU = torch.device("cpu")
TYPES = [torch.bfloat16, torch.float32]


def sides(x: Vectors, y: Vectors, dtype: torch.dtype) -> tuple[Side, Side, float]:
    """Both sides screened, and the product of their means, which screened values lack."""
    a, b = mean_of(x), mean_of(y)
    left = screened(x, a, b, dtype, CPU, first=True)
    right = screened(y, b, a, dtype, CPU, first=False)
    return left, right, float(a.double() @ b.double())


def rows(n: int, dimensions: int, seed: int, mean: float = 0.0, spread: float = 0.0) -> Vectors:
    rng = np.random.default_rng(seed)
    lengths = 10 ** rng.uniform(-spread, spread, (n, 1))
    return ((rng.normal(size=(n, dimensions)) + mean) * lengths).astype(np.float32)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("dimensions", [1, 7, 384, 2100])
@pytest.mark.parametrize(
    ("mean", "spread", "scales"),
    [
        (0, 0, (1, 1)),
        (2, 0, (1, 1)),
        (1, 3, (1, 1)),
        (1, 1, (1e-18, 1e-20)),
        (1, 1, (1e-42, 1)),
        (2, 0, (1e15, 1e-41)),
    ],
    ids=["centred", "mean", "lengths", "tiny products", "denormal", "denormal and huge"],
)
def test_screened_values_are_off_by_no_more_than_promised(
    mean: float, spread: float, scales: tuple[float, float], dimensions: int, dtype: torch.dtype
) -> None:
    x, y = rows(40, dimensions, 1, mean, spread), rows(50, dimensions, 2, mean, spread)
    x, y = x * np.float32(scales[0]), y * np.float32(scales[1])
    left, right, shift = sides(x, y, dtype)
    screened_values = (left.values.float() @ right.values.float().T)[:40, :50].double()
    ids = np.tile(np.arange(50), (40, 1))
    scores = torch.from_numpy(scores_of(x, y, ids)).double()
    off = (screened_values - (scores - shift)).abs()
    assert bool((off <= errors(left, right)[:, None]).all())
    assert bool((off <= errors(right, left)[None]).all())


@pytest.mark.parametrize("dimensions", [64, 384, 2100])
def test_products_in_bfloat16_are_summed_in_float32_and_rounded_to_nearest(
    dimensions: int,
) -> None:
    left, right, _ = sides(rows(256, dimensions, 3, 1), rows(384, dimensions, 4, 1), torch.bfloat16)
    found = left.values @ right.values.T
    true = left.values.double() @ right.values.double().T
    gamma = 2 * left.values.shape[1] * 2.0**-24
    size = left.values.double().abs() @ right.values.double().abs().T
    # what float32 may have made of the sum, rounded: rounding is monotone
    low, high = true - gamma * size, true + gamma * size
    inside = (found >= low.float().bfloat16()) & (found <= high.float().bfloat16())
    assert bool(inside[:256, :384].all())


def test_rounded_rows_and_their_terms_stand_for_the_exact_product() -> None:
    x, y = rows(5, 33, 5, 1), rows(6, 33, 6, 1)
    left, right, _ = sides(x, y, torch.float32)
    assert left.values.shape == (128, 40)
    whole = left.values.double() @ right.values.double().T
    a, b = mean_of(x).double().numpy(), mean_of(y).double().numpy()
    expected = x.astype(np.float64) @ y.astype(np.float64).T - a @ b
    assert np.allclose(whole[:5, :6].numpy(), expected, atol=1e-5)
    assert bool((whole[5:, :6] < -1e38).all())  # rows that fill up are below every threshold
    assert bool((whole[:5, 6:] < -1e38).all())


@pytest.mark.parametrize(
    "x",
    [np.full((3, 4), 3e38, np.float32), np.full((3, 4), 1e19, np.float32) * [[1], [2], [-3]]],
    ids=["lengths", "products"],
)
def test_nothing_is_promised_where_float32_overflows(x: Vectors) -> None:
    x = x.astype(np.float32)
    x[0] *= -1
    left, right, _ = sides(x, x.copy(), torch.bfloat16)
    assert not bool(torch.isfinite(errors(left, right)).any())


def test_a_threshold_is_below_all_that_the_kth_value_allows() -> None:
    """All bfloat16 numbers t: whatever f is rounded to t, f - 2E is rounded to the threshold or
    more."""
    bits = torch.arange(-(2**15), 2**15).to(torch.int16)
    t = bits.view(torch.bfloat16)
    t = t[torch.isfinite(t) & (t.abs() < 1e37) & (t.abs() > 1e-30)]
    below = torch.nextafter(t, t.new_full((), -torch.inf))
    for relative in (0.0, 2.0**-12, 2.0**-8, 0.3, 1.5):
        error = t.double().abs() * relative
        reached = thresholds(t.float(), error, torch.bfloat16)
        # the least float32 number that is rounded to t, or the tie below it
        least = (t.double() + below.double()) / 2
        assert bool((reached <= (least - 2 * error).float().bfloat16()).all())


@pytest.mark.parametrize("relative", [0.0, 1.0, 100.0])
def test_thresholds_hold_where_numbers_below_the_normal_ones_count_as_zero(
    relative: float,
) -> None:
    """All bfloat16 numbers t about zero: a processor may have made 0 of what R would make more
    of, but no error is below `TINY`, which is far more than that."""
    t = torch.arange(-(2**15), 2**15).to(torch.int16).view(torch.bfloat16)
    t = t[t.abs() <= 2.0**-110]
    normal = t.double().abs().clamp(min=2.0**-126)
    error = 8 * TINY + relative * normal
    reached = thresholds(t.float(), error, torch.bfloat16)
    # an error of 7 TINY is as much as arithmetic makes without what counts as zero
    least = (t.double() - 2.0**-8 * normal - 2 * (error - TINY)).float()
    flushed = torch.where(least.abs() < 2.0**-126, 0, least).bfloat16()
    assert bool((reached <= flushed).all())


def test_the_threshold_follows_the_rounding_of_the_kth_value() -> None:
    """By hand: at 0.8 a step of bfloat16 is 2^-8, and the 0.80078125 nearest to it has the lower
    edge 0.798828125."""
    kth = torch.tensor([0.8]).bfloat16().float()
    assert Fraction(float(kth)) == Fraction(205, 256)
    without = thresholds(kth, torch.zeros(1, dtype=torch.float64), torch.bfloat16)
    assert float(without) in (0.796875, 0.80078125)  # the edge itself is a tie
    apart = thresholds(kth, torch.tensor([0.001], dtype=torch.float64), torch.bfloat16)
    assert float(apart) == 0.796875  # 0.798828125 - 0.002 = 0.7968
    exact = thresholds(kth, torch.tensor([0.001], dtype=torch.float64), torch.float32)
    assert float(exact) == pytest.approx(205 / 256 - 0.002, abs=1e-7)
