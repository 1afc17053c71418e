"""Rows of vectors by blocks, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from xlit.errors import InputError
from xlit.retrieval.rows import Rows, blocks, check_rows

HALVES = np.random.default_rng(1).normal(size=(10, 3)).astype(np.float16)


def test_blocks_are_all_rows_in_their_order_and_exact_in_float32() -> None:
    taken = list(blocks(HALVES, 4))
    assert [(block.start, block.stop) for block, _ in taken] == [(0, 4), (4, 8), (8, 10)]
    together = np.concatenate([vectors for _, vectors in taken])
    assert together.dtype == np.float32
    assert np.array_equal(together, HALVES)


def test_a_memory_map_is_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", HALVES)
    mapped: Rows = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    assert np.array_equal(mapped[np.array([7, 2])], HALVES[[7, 2]])
    check_rows(mapped, "source")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_with_its_row(value: float) -> None:
    broken = HALVES.copy()
    broken[6, 2] = value
    with pytest.raises(InputError, match=r"source vectors hold .* not finite .* row 6"):
        check_rows(broken, "source")


def test_another_type_of_number_is_refused() -> None:
    with pytest.raises(InputError, match="index vectors are float64"):
        check_rows(HALVES.astype(np.float64), "index")


def test_another_number_of_axes_is_refused() -> None:
    with pytest.raises(InputError, match="index vectors have 1 axes"):
        check_rows(HALVES[0], "index")
