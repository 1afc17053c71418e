"""Shards that were searched against each other, merged, against one search over everything."""

import itertools
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xlit.errors import InputError
from xlit.retrieval.merge import merge
from xlit.retrieval.mine import search_sentences, unify
from xlit.retrieval.pairs import Listed, Mined, Side
from xlit.retrieval.rows import Recall

Floats = NDArray[np.float32]


def searched(
    vectors: tuple[Floats, Floats], parts: tuple[slice, slice], k: int, texts: str = "xy"
) -> Mined:
    """A cell: rows of the sources against rows of the targets, each sentence told by its row."""
    sides, sentences, unified = [], [], []
    for all_of, part, text in zip(vectors, parts, texts, strict=True):
        rows = range(*part.indices(len(all_of)))
        told = [f"{text}{row}" for row in rows]
        unified.append(unify(told))
        sentences.append(Listed(told))
        sides.append(Side(text, rows.start, len(rows), len(rows), 0))
    found = search_sentences(
        unified[0], unified[1], vectors[0][parts[0]], vectors[1][parts[1]], k=k
    )
    return Mined(found, k, (sides[0], sides[1]), (sentences[0], sentences[1]))


def grid(vectors: tuple[Floats, Floats], cuts: tuple[list[int], list[int]], k: int) -> list[Mined]:
    parts = [
        [slice(a, b) for a, b in itertools.pairwise([0, *inner, len(side)])]
        for side, inner in zip(vectors, cuts, strict=True)
    ]
    return [searched(vectors, (one, other), k) for one in parts[0] for other in parts[1]]


def assert_same(merged: Mined, whole: Mined) -> None:
    for one, other in (
        (merged.found.forward, whole.found.forward),
        (merged.found.backward, whole.found.backward),
    ):
        assert one.ids.tolist() == other.ids.tolist()
        assert one.scores.tolist() == other.scores.tolist()
    assert merged.sides == whole.sides
    every = whole.found.source_rows, whole.found.target_rows
    for side, rows in enumerate(every):
        assert merged.sentences[side].sentences(rows) == whole.sentences[side].sentences(rows)
    assert list(merged.found.cut()) == list(whole.found.cut())


@st.composite
def problems(draw: st.DrawFn) -> tuple[tuple[Floats, Floats], tuple[list[int], list[int]], int]:
    """Vectors of few values, so that there are ties, cut into shards of any size."""
    row = st.lists(st.sampled_from([-1.0, 0.0, 1.0, 2.0]), min_size=2, max_size=2)
    sides, cuts = [], []
    for _ in range(2):
        vectors = np.array(draw(st.lists(row, min_size=1, max_size=14)), np.float32)
        inner = draw(st.sets(st.integers(1, len(vectors) - 1))) if len(vectors) > 1 else set()
        sides.append(vectors)
        cuts.append(sorted(inner))
    return (sides[0], sides[1]), (cuts[0], cuts[1]), draw(st.integers(1, 6))


@settings(max_examples=60, deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_merged_shards_are_one_search_over_everything(
    problem: tuple[tuple[Floats, Floats], tuple[list[int], list[int]], int], order: Random
) -> None:
    vectors, cuts, k = problem
    cells = grid(vectors, cuts, k)
    order.shuffle(cells)
    assert_same(merge(cells), searched(vectors, (slice(None), slice(None)), k))


def random_sides() -> tuple[Floats, Floats]:
    numbers = np.random.default_rng(8)
    return (
        numbers.normal(size=(9, 4)).astype(np.float32),
        numbers.normal(size=(7, 4)).astype(np.float32),
    )


def test_other_texts_stand_in_the_order_in_which_they_are_named() -> None:
    vectors = random_sides()
    one = searched(vectors, (slice(0, 5), slice(None)), 2, "by")
    other = searched(vectors, (slice(5, 9), slice(None)), 2, "ay")
    rows = np.array([0, 4, 5, 8])
    assert merge([one, other]).sentences[0].sentences(rows) == ["b0", "b4", "a5", "a8"]
    assert merge([other, one]).sentences[0].sentences(rows[:2]) == ["a5", "b0"]


def test_rows_of_a_text_are_its_lines_where_a_shard_is_left_out() -> None:
    vectors = random_sides()
    parts = slice(2, 4), slice(6, 9)
    merged = merge([searched(vectors, (part, slice(None)), 2) for part in parts])
    lines = merged.sides[0].first_row + merged.found.source_rows
    assert lines.tolist() == [2, 3, 6, 7, 8]
    told = merged.sentences[0].sentences(merged.found.source_rows)
    assert told == [f"x{line}" for line in lines]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([0, 1, 2], "source rows 6 to 9 were not searched against target rows 4 to 7"),
        ([0, 1, 2, 3, 0], "the same shards are there twice"),
    ],
    ids=["missing", "twice"],
)
def test_a_grid_has_every_cell_once(chosen: list[int], message: str) -> None:
    cells = grid(random_sides(), ([5], [3]), 2)
    with pytest.raises(InputError, match=message):
        merge([cells[place] for place in chosen])


def test_shards_that_overlap_are_refused() -> None:
    vectors = random_sides()
    cells = [searched(vectors, (part, slice(None)), 2) for part in (slice(0, 5), slice(4, 9))]
    with pytest.raises(InputError, match="rows 1 to 5 and 5 to 9 of one text overlap"):
        merge(cells)


def test_merged_shards_have_the_lowest_recall() -> None:
    cells = grid(random_sides(), ([5], [3]), 2)
    assert merge(cells).found.recall == {}
    for place, share in enumerate((0.9, 0.7, 0.8)):
        found = cells[place].found
        forward = replace(found.forward, recall=Recall(share, 10))
        cells[place] = replace(cells[place], found=replace(found, forward=forward))
    assert merge(cells).found.recall == {"forward": {"share": 0.7, "queries": 30}}
