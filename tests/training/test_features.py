"""A run on kept features is the run on new ones."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from xlit.errors import InputError
from xlit.kinds.classification import Classification
from xlit.kinds.feature_cache import FeatureCache
from xlit.kinds.kind import Feature, FeatureOptions
from xlit.tasks.rows import TextRow
from xlit.training.features import features_of
from xlit.training.loop import train
from xlit.training.task import Settings

from .test_loop import CPU, FAST, load, rows, task, weights


class Counting(Classification):
    """Classification that tells of how many rows it made features."""

    made: ClassVar[list[int]] = []

    def features(
        self, rows: Sequence[TextRow], tokenizer: Any, options: FeatureOptions
    ) -> list[Feature]:
        self.made.append(len(rows))
        return super().features(rows, tokenizer, options)


def test_a_run_is_the_same_without_a_cache_and_with_a_cold_or_a_warm_one(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    Counting.made.clear()
    short = dataclasses.replace(FAST, epochs=2)
    found: list[dict[str, torch.Tensor]] = []
    for folder in (None, tmp_path / "kept", tmp_path / "kept"):
        loaded = load(tiny_encoder)
        settings = Settings(0, "float32", CPU, cache=FeatureCache(folder))
        one = dataclasses.replace(task(loaded, short), kind=Counting())
        train([one], loaded.tokenizer, settings, tmp_path)
        found.append(weights(loaded.model))
    # 48 rows and 24 of dev: once a run, however often dev is evaluated; and no more once kept
    assert Counting.made == [48, 24, 48, 24]
    for other in found[1:]:
        assert all(torch.equal(found[0][name], other[name]) for name in other)


def test_rows_without_gold_are_left_out_and_the_others_keep_their_numbers(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    loaded = load(tiny_encoder)
    some = [
        dataclasses.replace(row, label=None) if i % 3 == 0 else row
        for i, row in enumerate(rows(12, "red"))
    ]
    made = features_of(
        task(loaded, train_rows=tuple(some)), loaded.tokenizer, FeatureCache(tmp_path)
    )
    assert made.train.rows.tolist() == [1, 2, 4, 5, 7, 8, 10, 11]
    assert [group[0].row for group in made.train] == made.train.rows.tolist()
    assert len(made.dev) == 24


def test_no_row_to_train_on_is_refused(tiny_encoder: Path) -> None:
    loaded = load(tiny_encoder)
    hidden = tuple(dataclasses.replace(row, label=None) for row in rows(3, "red"))
    with pytest.raises(InputError, match="no training row can be used"):
        features_of(task(loaded, train_rows=hidden), loaded.tokenizer, FeatureCache())
