"""A score is one number, wherever and in whatever company it is computed."""

import math
from pathlib import Path

import numpy as np
import pytest

from xlit.retrieval import rescoring
from xlit.retrieval.rescoring import pair_scores, scores_of


def some(n: int, dimensions: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=(n, dimensions)).astype(np.float32)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 31, 384])
def test_scores_are_the_true_sums_rounded_once(dimensions: int) -> None:
    x, y = some(20, dimensions, 1), some(30, dimensions, 2)
    ids = np.random.default_rng(3).integers(0, 30, (20, 4))
    expected = [
        [
            np.float32(math.fsum(float(a) * float(b) for a, b in zip(x[i], y[j], strict=True)))
            for j in of_query
        ]
        for i, of_query in enumerate(ids)
    ]
    assert scores_of(x, y, ids).tolist() == np.array(expected).tolist()


def test_blocks_and_direction_move_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = some(50, 384, 4), some(60, 384, 5)
    i, j = np.random.default_rng(6).integers(0, 50, (2, 3000))
    whole = pair_scores(x, y, i, j)
    assert np.array_equal(pair_scores(y, x, j, i), whole)
    assert np.array_equal(
        [pair_scores(x, y, i[p : p + 1], j[p : p + 1])[0] for p in range(40)], whole[:40]
    )
    monkeypatch.setattr(rescoring, "PAIRS", 77)  # a constant of speed alone
    assert np.array_equal(pair_scores(x, y, i, j), whole)


def test_rows_that_are_no_writable_array_score_the_same(
    tmp_path: Path,
) -> None:
    x = some(10, 8, 7).astype(np.float16)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    ids = np.arange(10)
    wide = x.astype(np.float32)
    assert np.array_equal(pair_scores(mapped, wide, ids, ids), pair_scores(wide, wide, ids, ids))


def test_rows_that_run_backwards_score_the_same() -> None:
    x, y = some(10, 8, 8), some(12, 8, 9)
    ids = np.arange(10)
    expected = pair_scores(x[::-1].copy(), y[:, ::-1].copy(), ids, ids)
    assert np.array_equal(pair_scores(x[::-1], y[:, ::-1], ids, ids), expected)


def test_zero_has_no_sign_and_what_float32_cannot_hold_is_infinite() -> None:
    x = np.array([[-1.0, 0.0], [-1e-30, 0.0], [3e38, 3e38]], np.float32)
    y = np.array([[0.0, 1.0], [1e-30, 0.0], [3e38, 3e38]], np.float32)
    scores = pair_scores(x, y, np.arange(3), np.arange(3))
    assert scores.tolist() == [0.0, 0.0, math.inf]
    assert not np.signbit(scores).any()
