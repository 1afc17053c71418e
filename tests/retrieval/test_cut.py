"""Cutting on arrays against a plain loop over objects, and what ties and gaps do."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xlit.retrieval.cut import MinedPair, Retrieval, cut, first, one_to_one
from xlit.retrieval.margin import Margin, margin_scores, neighbourhood_means
from xlit.retrieval.search import Neighbours, search_both

from .worked_example import unit

MARGINS: tuple[Margin, ...] = get_args(Margin)
RETRIEVALS: tuple[Retrieval, ...] = get_args(Retrieval)


def plainly(
    forward: Neighbours, backward: Neighbours, margin: Margin, retrieval: Retrieval
) -> list[MinedPair]:
    """The rules as XTREME's loop has them: a list of candidates, sorted, walked with two sets."""
    means = neighbourhood_means(forward.scores), neighbourhood_means(backward.scores)

    def best(near: Neighbours, own: int, other: int) -> list[tuple[float, int]]:
        found = []
        for i, (scores, ids) in enumerate(zip(near.scores, near.ids, strict=True)):
            margins = [
                float(margin_scores(scores[p], means[own][i], means[other][j], margin))
                for p, j in enumerate(ids)
            ]
            place = max(range(len(ids)), key=lambda p: (margins[p], -p))
            found.append((margins[place], int(ids[place])))
        return found

    ahead, back = best(forward, 0, 1), best(backward, 1, 0)
    proposed = {
        "forward": [(s, i, j) for i, (s, j) in enumerate(ahead)],
        "backward": [(s, i, j) for j, (s, i) in enumerate(back)],
        "intersect": [(s, i, j) for i, (s, j) in enumerate(ahead) if back[j][1] == i],
    }
    proposed["max"] = proposed["forward"] + proposed["backward"]
    ranked = sorted(proposed[retrieval], key=lambda found: (-found[0], found[1], found[2]))
    if retrieval != "max":
        return [MinedPair(*found) for found in ranked]
    sources: set[int] = set()
    targets: set[int] = set()
    pairs = []
    for score, i, j in ranked:
        if i not in sources and j not in targets and score > 0:
            pairs.append(MinedPair(score, i, j))
            sources.add(i)
            targets.add(j)
    return pairs


@st.composite
def sides(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of few values: many are equal, orthogonal, opposite or zero."""
    width = draw(st.integers(1, 4))
    numbers = st.sampled_from([-1.0, 0.0, 0.5, 1.0])
    return tuple(  # type: ignore[return-value] # two, by the range
        np.array(
            draw(st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=1)),
            np.float32,
        )
        for _ in range(2)
    )


@settings(max_examples=60, deadline=None)
@given(sides(), st.integers(1, 5), st.sampled_from(MARGINS), st.sampled_from(RETRIEVALS))
def test_ties_repeats_and_zero_vectors_are_cut_as_by_the_plain_loop(
    vectors: tuple[NDArray[np.float32], NDArray[np.float32]],
    k: int,
    margin: Margin,
    retrieval: Retrieval,
) -> None:
    both = search_both(*vectors, k)
    assert list(cut(*both, margin=margin, retrieval=retrieval)) == plainly(*both, margin, retrieval)


@pytest.mark.parametrize("retrieval", RETRIEVALS)
def test_many_random_sentences_are_cut_as_by_the_plain_loop(retrieval: Retrieval) -> None:
    numbers = np.random.default_rng(3)
    sources = unit(numbers.normal(size=(700, 16)).astype(np.float32))
    targets = unit(numbers.normal(size=(500, 16)).astype(np.float32))
    both = search_both(sources, targets, 4)
    found = list(cut(*both, retrieval=retrieval))
    assert len(found) > 50
    assert found == plainly(*both, "ratio", retrieval)


def walked(sources: list[int], targets: list[int]) -> list[bool]:
    used: tuple[set[int], set[int]] = set(), set()
    kept = []
    for i, j in zip(sources, targets, strict=True):
        kept.append(i not in used[0] and j not in used[1])
        if kept[-1]:
            used[0].add(i)
            used[1].add(j)
    return kept


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12))))
def test_rounds_keep_what_a_greedy_walk_keeps(pairs: list[tuple[int, int]]) -> None:
    sources, targets = [i for i, _ in pairs], [j for _, j in pairs]
    kept = one_to_one(np.array(sources, np.int64), np.array(targets, np.int64))
    assert kept.tolist() == walked(sources, targets)


def test_a_chain_in_which_each_pair_is_in_the_way_of_the_next_takes_no_rounds_of_its_own() -> None:
    places = np.arange(100_000)  # s0-t0, s1-t0, s1-t1, s2-t1, ...: a round would resolve one pair
    kept = one_to_one((places + 1) // 2, places // 2)
    assert kept.tolist() == [place % 2 == 0 for place in range(100_000)]


def test_fewer_neighbours_are_the_first_of_more() -> None:
    numbers = np.random.default_rng(4)
    sources, targets = (unit(numbers.normal(size=(60, 8)).astype(np.float32)) for _ in range(2))
    more, fewer = search_both(sources, targets, 9), search_both(sources, targets, 3)
    assert list(cut(*more, k=3)) == list(cut(*fewer))
    assert list(cut(*more)) != list(cut(*fewer))
    assert first(more[0], None).ids.shape == (60, 9)


def test_places_without_a_neighbour_do_not_count() -> None:
    forward = Neighbours(
        np.array([[0.9, 0.5], [0.8, -np.inf], [-np.inf, -np.inf]], np.float32),
        np.array([[0, 1], [1, -1], [-1, -1]]),
    )
    backward = Neighbours(
        np.array([[0.9, -np.inf], [0.8, 0.5]], np.float32), np.array([[0, -1], [1, 0]])
    )
    assert neighbourhood_means(forward.scores) == pytest.approx([0.7, 0.8, 0.0])
    for retrieval in RETRIEVALS:
        pairs = cut(forward, backward, retrieval=retrieval)
        assert [(p.source, p.target) for p in pairs] == [(0, 0), (1, 1)]
    assert pairs[0].score == pytest.approx(0.9 / ((0.7 + 0.9) / 2))


def test_pairs_above_a_threshold_do_not_include_those_on_it() -> None:
    numbers = np.random.default_rng(5)
    sources, targets = (unit(numbers.normal(size=(30, 4)).astype(np.float32)) for _ in range(2))
    pairs = cut(*search_both(sources, targets, 4), retrieval="forward")
    for place in (0, 7, 29):
        above = pairs.above(pairs[place].score)
        assert list(above) == [pair for pair in pairs if pair.score > pairs[place].score]
