import numpy as np
import pytest
from numpy.typing import NDArray

from xlit.models.decay import Decay


def values() -> NDArray[np.float32]:
    """Of every size that float32 has, and the special ones."""
    random = np.random.default_rng(0)
    bits = random.integers(0, 1 << 32, 200_000, dtype=np.uint32)  # every exponent, both signs
    usual = random.normal(0, 0.02, 200_000).astype(np.float32)
    special = [0.0, -0.0, 1.0, -1.0, 2.0**-126, 2.0**-149, -(2.0**-100), 3e38, np.inf, np.nan]
    return np.concatenate([bits.view(np.float32), usual, np.array(special, dtype=np.float32)])


@pytest.mark.parametrize(
    "factors",
    [
        [1 - 1e-6 * step / 40 for step in range(40)],
        [1 - 1e-8] * 5,  # 1 in float32
        [0.999, 1.0, 0.9, 0.5, 0.75],
        [0.1] * 30,  # too small for a table
        [],
    ],
    ids=["slow", "none", "fast", "to nothing", "no steps"],
)
def test_looking_up_gives_the_bits_of_repeated_products(factors: list[float]) -> None:
    repeated, looked_up = values(), values()
    with np.errstate(all="ignore"):  # infinities and numbers that vanish are meant
        Decay(factors).repeat(repeated)
        Decay(factors, many=0).apply(looked_up)
    assert np.array_equal(repeated.view(np.uint32), looked_up.view(np.uint32))


def test_every_product_is_rounded_to_float32() -> None:
    got = np.array([1.0, 3.0, -1e-3], dtype=np.float32)
    expected = got * np.float32(0.999) * np.float32(0.9)
    Decay([0.999, 1.0, 0.9]).apply(got)
    assert got.tolist() == expected.tolist()
