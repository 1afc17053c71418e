import numpy as np
import pytest

from xlit.errors import UsageError
from xlit.kinds.batches import (
    Groups,
    evaluation_batches,
    micro_batches,
    training_batches,
)
from xlit.kinds.kind import Feature

LENGTHS = np.random.default_rng(3).integers(5, 60, size=4003).tolist()


def feature(row: int, *lengths: int) -> Feature:
    return Feature(row, tuple((7,) * n for n in lengths), None, (0,), 1.0)


def test_an_epoch_has_every_row_once() -> None:
    batches = training_batches(LENGTHS, 16, seed=0, epoch=0)
    assert sorted(i for batch in batches for i in batch) == list(range(4003))
    assert sorted(map(len, batches)) == [3] + [16] * 250


def test_seed_and_epoch_settle_the_batches() -> None:
    same = training_batches(LENGTHS, 16, seed=1, epoch=2)
    assert training_batches(LENGTHS, 16, seed=1, epoch=2) == same
    assert training_batches(LENGTHS, 16, seed=1, epoch=3) != same
    assert training_batches(LENGTHS, 16, seed=2, epoch=2) != same


def test_rows_of_one_length_are_mixed_anew_each_epoch() -> None:
    first = training_batches([9] * 100, 10, seed=0, epoch=0)
    second = training_batches([9] * 100, 10, seed=0, epoch=1)
    assert {frozenset(batch) for batch in first}.isdisjoint(frozenset(batch) for batch in second)


def test_batches_have_little_padding_and_come_in_no_order_of_length() -> None:
    batches = training_batches(LENGTHS, 16, seed=0, epoch=0)
    padded = sum(len(batch) * max(LENGTHS[i] for i in batch) for batch in batches)
    assert padded < 1.06 * sum(LENGTHS)
    longest = [max(LENGTHS[i] for i in batch) for batch in batches]
    assert abs(np.corrcoef(longest, range(len(longest)))[0, 1]) < 0.2


def test_the_odd_batch_is_not_always_the_longest() -> None:
    lengths = list(range(103))
    odd = {
        max(next(b for b in training_batches(lengths, 10, seed=0, epoch=e) if len(b) == 3))
        for e in range(20)
    }
    assert min(odd) < 50 < max(odd)


def test_fewer_rows_than_a_batch_are_one_batch() -> None:
    assert [sorted(b) for b in training_batches([4, 4, 9], 8, seed=0, epoch=0)] == [[0, 1, 2]]
    assert training_batches([], 8, seed=0, epoch=0) == []


def test_no_rows_a_batch_is_refused() -> None:
    with pytest.raises(UsageError, match="--batch-size 0"):
        training_batches([4], 0, seed=0, epoch=0)


def test_features_of_a_row_stay_together() -> None:
    windows = [feature(0, 9), feature(0, 4), feature(3, 5), feature(2, 6)]
    groups = Groups(windows)
    assert list(groups) == [[windows[0], windows[1]], [windows[3]], [windows[2]]]
    assert groups.lengths.tolist() == [9, 6, 5]
    assert groups.rows.tolist() == [0, 2, 3]


def test_micro_batches_hold_the_budget_and_every_feature() -> None:
    features = [feature(i, *(n,) * (1 + i % 3)) for i, n in enumerate(LENGTHS[:300])]
    parts = micro_batches(features, 500)
    assert {id(f) for part in parts for f in part} == {id(f) for f in features}
    for part in parts:
        deepest = max(len(f.sequences) for f in part)
        assert len(part) * deepest * max(f.length for f in part) <= 500
    assert len(parts) < 1.3 * sum(f.tokens for f in features) / 500 * 1.6


def test_a_feature_beyond_the_budget_is_alone() -> None:
    parts = micro_batches([feature(0, 5), feature(1, 90), feature(2, 5)], 50)
    assert [[f.row for f in part] for part in parts] == [[1], [0, 2]]


def test_the_longest_are_evaluated_first() -> None:
    features = [feature(i, n) for i, n in enumerate([3, 8, 5])]
    assert evaluation_batches(features, 8) == [[1], [2], [0]]
    with pytest.raises(UsageError, match="--token-budget 0"):
        evaluation_batches(features, 0)
