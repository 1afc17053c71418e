"""A table of numbers gives the very features that it was made of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xlit.kinds.batches import Groups, evaluation_batches
from xlit.kinds.feature import columns_of, pieces_of
from xlit.kinds.feature_cache import FeatureCache
from xlit.kinds.feature_table import FeatureTable
from xlit.kinds.kind import Feature
from xlit.kinds.mlm import piece_counts
from xlit.kinds.registry import KINDS, find_kind
from xlit.tasks.rows import PlainRow, RankingRow, Row

from .sample_features import FIXED, OPTIONS, plain_features, rows_of

EVERY = pytest.mark.parametrize("name", list(KINDS))
# the fixtures are tokenizers, which no example changes
BRIEFLY = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXTS = [PlainRow(str(i), "the child reads a red book in the old house " * i) for i in range(9)]


def table_of(name: str, rows: Sequence[Row], tokenizer: Any) -> FeatureTable:
    return FeatureCache().features(find_kind(name), rows, tokenizer, OPTIONS)


@EVERY
@BRIEFLY
@given(st.data())
def test_a_table_gives_the_features_of_its_rows(
    unigram: Any, wordpiece: Any, name: str, data: st.DataObject
) -> None:
    rows = data.draw(rows_of(name))
    # masked LM needs a mask token, which only one of them has
    tokenizer = unigram if name == "mlm" else data.draw(st.sampled_from([unigram, wordpiece]))
    features = find_kind(name).features(rows, tokenizer, OPTIONS)
    table = table_of(name, rows, tokenizer)
    assert plain_features(table) == plain_features(features)


@EVERY
def test_numbers_of_a_table_are_those_of_its_features(unigram: Any, name: str) -> None:
    table = table_of(name, FIXED[name], unigram)
    listed = list(table)
    for column in ("row", "length", "sequences", "targets"):
        ours, theirs = (getattr(columns_of(each), column) for each in (table, listed))
        assert ours.tolist() == theirs.tolist()
    assert pieces_of(table).tolist() == pieces_of(listed).tolist()
    assert evaluation_batches(table, 60) == evaluation_batches(listed, 60)
    assert [plain_features(group) for group in Groups(table)] == [
        plain_features(group) for group in Groups(listed)
    ]


@EVERY
def test_what_can_be_trained_on_is_the_same_of_a_table(unigram: Any, name: str) -> None:
    kind, rows = find_kind(name), FIXED[name]
    of_table, left_out = kind.trainable(rows, table_of(name, rows, unigram))
    of_list = kind.training_features(rows, unigram, OPTIONS)
    assert (plain_features(of_table), left_out) == (plain_features(of_list[0]), of_list[1])


def test_a_slice_of_a_table_is_a_table(unigram: Any) -> None:
    table = table_of("mlm", TEXTS, unigram)
    part = table[-3::2]
    assert isinstance(part, FeatureTable)
    assert plain_features(part) == plain_features(list(table)[-3::2])
    assert plain_features([table[-1]]) == plain_features(list(table)[-1:])
    with pytest.raises(IndexError, match=f"feature {len(table)} of {len(table)}"):
        table[len(table)]


def test_pieces_are_counted_in_a_table_as_in_its_features(unigram: Any) -> None:
    rows = [*TEXTS, *TEXTS[:3]]  # rows of one content are counted as often as they are there
    table = table_of("mlm", rows, unigram)
    assert piece_counts(table) == piece_counts(list(table))
    chosen = np.array([3, 3, 0, 7])
    assert piece_counts(table.select(chosen)) == piece_counts([table[i] for i in chosen])
    assert piece_counts(table.select(chosen[:0])) == {}


def test_pairs_of_ranking_are_made_on_demand(unigram: Any) -> None:
    rows = [
        RankingRow("q", "query", "who reads?", "", ("b", "c")),
        RankingRow("b", "candidate", "the child."),
        RankingRow("r", "query", "who sleeps?", "", ("c",)),
        RankingRow("c", "candidate", "the dog."),
        RankingRow("s", "query", "and who else?", "", ("missing",)),
    ]
    kind = find_kind("ranking")
    pairs, left_out = kind.trainable(rows, table_of("ranking", rows, unigram))
    assert not isinstance(pairs, list)
    assert [(f.row, f.target, f.place.candidate) for f in pairs] == [(0, (1,), "b"), (2, (3,), "c")]
    assert left_out == 1
    listed: list[Feature] = list(pairs)
    assert pieces_of(pairs).tolist() == pieces_of(listed).tolist()
    assert columns_of(pairs).length.tolist() == [f.length for f in listed]
    assert plain_features(pairs[1:]) == plain_features(listed[1:])
