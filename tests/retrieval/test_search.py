"""Exact search, its order among ties, and what it refuses."""

import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from xlit.errors import InputError, MissingError
from xlit.retrieval.search import search, search_both

from .worked_example import SOURCES, TARGETS, unit


def random_unit(n: int, dimensions: int, seed: int) -> NDArray[np.float32]:
    return unit(np.random.default_rng(seed).normal(size=(n, dimensions)).astype(np.float32))


def by_hand(
    queries: NDArray[np.float32], vectors: NDArray[np.float32], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Everything compared in float64, rounded once, sorted stably."""
    scores = (queries.astype(np.float64) @ vectors.astype(np.float64).T).astype(np.float32)
    ids = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, ids, axis=1), ids


@pytest.mark.parametrize("k", [1, 4, 16])
def test_search_gives_the_exact_neighbours(k: int) -> None:
    queries, vectors = random_unit(150, 48, seed=1), random_unit(700, 48, seed=2)
    scores, ids = search(queries, vectors, k)
    expected_scores, expected_ids = by_hand(queries, vectors, k)
    assert np.array_equal(ids, expected_ids)
    assert np.allclose(scores, expected_scores, atol=1e-7)
    assert scores.dtype == np.float32
    assert ids.dtype == np.int64


def test_ties_go_to_the_lower_id_also_at_the_last_place() -> None:
    few = random_unit(5, 32, seed=3)
    vectors = few[np.random.default_rng(4).integers(0, 5, size=400)]  # each about 80 times
    scores, ids = search(few, vectors, 7)
    for i, query in enumerate(few):
        same = np.flatnonzero((vectors == query).all(axis=1))
        assert ids[i].tolist() == same[:7].tolist()
        assert len(set(scores[i].tolist())) == 1


def test_an_encoder_that_gives_one_vector_only_finds_the_first_ids() -> None:
    vectors = np.repeat(random_unit(1, 16, seed=5), 300, axis=0)
    _, ids = search(vectors, vectors, 3)
    assert ids.tolist() == [[0, 1, 2]] * 300


def test_k_is_cut_to_the_number_of_vectors() -> None:
    scores, ids = search(SOURCES, TARGETS[:2], 9)
    assert scores.shape == ids.shape == (4, 2)


@pytest.mark.parametrize(
    ("queries", "vectors", "shape"), [(0, 4, (0, 3)), (4, 0, (4, 0))], ids=["queries", "index"]
)
def test_nothing_to_search_gives_empty_arrays(
    queries: int, vectors: int, shape: tuple[int, int]
) -> None:
    scores, ids = search(SOURCES[:queries], TARGETS[:vectors], 3)
    assert scores.shape == ids.shape == shape


def test_a_pair_scores_the_same_in_both_directions() -> None:
    sources, targets = random_unit(60, 40, seed=6), random_unit(90, 40, seed=7)
    forward, backward = search_both(sources, targets, 90)
    matrix = np.zeros((60, 90), np.float32)
    np.put_along_axis(matrix, forward.ids, forward.scores, axis=1)
    mirrored = np.zeros((90, 60), np.float32)
    np.put_along_axis(mirrored, backward.ids, backward.scores, axis=1)
    assert np.array_equal(matrix, mirrored.T)


def test_the_batch_of_a_query_does_not_move_its_scores() -> None:
    queries, vectors = random_unit(64, 384, seed=8), random_unit(500, 384, seed=9)
    together, _ = search(queries, vectors, 4)
    alone = np.concatenate([search(queries[i : i + 1], vectors, 4)[0] for i in range(64)])
    assert np.array_equal(together, alone)


def test_progress_counts_every_query() -> None:
    seen: list[int] = []
    search(random_unit(5000, 4, seed=10), TARGETS[:, :1].repeat(4, axis=1), 1, advance=seen.append)
    assert sum(seen) == 5000
    assert len(seen) > 1


def test_sides_of_different_dimensions_are_refused() -> None:
    with pytest.raises(InputError, match="3 and of 2 dimensions"):
        search(SOURCES, TARGETS[:, :2], 1)


def test_vectors_that_are_not_finite_are_refused() -> None:
    broken = TARGETS.copy()
    broken[1, 1] = np.nan
    with pytest.raises(InputError, match="index vectors hold values that are not finite"):
        search(SOURCES, broken, 1)


def test_missing_faiss_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "xlit.retrieval.search.importlib", SimpleNamespace(util=SimpleNamespace(find_spec=find))
    )
    with pytest.raises(MissingError, match=r"pip install 'xlit\[cpu\]'") as caught:
        search(SOURCES, TARGETS, 1)
    assert caught.value.exit_code == 3


def find(name: str) -> object:
    return None if name == "faiss" else importlib.util.find_spec(name)
