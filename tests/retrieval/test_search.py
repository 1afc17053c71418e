"""Exact search, its order among ties, and what it refuses."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xlit import console
from xlit.errors import InputError, MissingError, UsageError
from xlit.retrieval import search as module
from xlit.retrieval.search import is_exact, search, search_both

from .exactly import brute_force
from .worked_example import SOURCES, TARGETS, unit

EXACT = ["auto", "exact", "Flat"]


def random_unit(n: int, dimensions: int, seed: int) -> NDArray[np.float32]:
    return unit(np.random.default_rng(seed).normal(size=(n, dimensions)).astype(np.float32))


def by_hand(
    queries: NDArray[np.float32], vectors: NDArray[np.float32], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Everything compared in float64, rounded once, sorted stably."""
    scores = (queries.astype(np.float64) @ vectors.astype(np.float64).T).astype(np.float32)
    ids = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, ids, axis=1), ids


@pytest.mark.parametrize("index", EXACT)
@pytest.mark.parametrize("k", [1, 4, 16])
def test_search_gives_the_exact_neighbours(k: int, index: str) -> None:
    queries, vectors = random_unit(150, 48, seed=1), random_unit(700, 48, seed=2)
    found = search(queries, vectors, k, index=index)
    scores, ids = found.scores, found.ids
    expected_scores, expected_ids = by_hand(queries, vectors, k)
    assert np.array_equal(ids, expected_ids)
    assert np.allclose(scores, expected_scores, atol=1e-7)
    assert scores.dtype == np.float32
    assert ids.dtype == np.int64


@pytest.mark.parametrize("index", EXACT)
def test_ties_go_to_the_lower_id_also_at_the_last_place(index: str) -> None:
    few = random_unit(5, 32, seed=3)
    vectors = few[np.random.default_rng(4).integers(0, 5, size=400)]  # each about 80 times
    found = search(few, vectors, 7, index=index)
    scores, ids = found.scores, found.ids
    for i, query in enumerate(few):
        same = np.flatnonzero((vectors == query).all(axis=1))
        assert ids[i].tolist() == same[:7].tolist()
        assert len(set(scores[i].tolist())) == 1


@pytest.mark.parametrize("index", EXACT)
def test_an_encoder_that_gives_one_vector_only_finds_the_first_ids(index: str) -> None:
    vectors = np.repeat(random_unit(1, 16, seed=5), 300, axis=0)
    ids = search(vectors, vectors, 3, index=index).ids
    assert ids.tolist() == [[0, 1, 2]] * 300


@st.composite
def awkward_sides(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two sides around a few centres: equal, nearly equal and zero vectors, of any length."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dimensions = draw(st.integers(1, 24))
    centres = rng.normal(size=(draw(st.integers(1, 6)), dimensions))
    if draw(st.booleans()):
        centres[0] = 0
    spread = draw(st.sampled_from([0.0, 1e-7, 1e-4, 0.1, 1.0]))
    shared = draw(st.sampled_from([0.0, 1.0, 30.0]))
    sides = []
    for _ in range(2):
        rows = centres[rng.integers(0, len(centres), size=rng.integers(1, 80))]
        rows = rows + shared + spread * rng.normal(size=rows.shape)
        lengths = 10.0 ** rng.integers(-3, 4, size=len(rows)) if draw(st.booleans()) else 1.0
        rows = rows * np.reshape(lengths, (-1, 1))
        side = rows.astype(np.float32)
        side = side[rng.integers(0, len(side), size=len(side))] if draw(st.booleans()) else side
        sides.append(side)
    return sides[0], sides[1]


@settings(max_examples=100, deadline=None)
@given(sides=awkward_sides(), k=st.integers(1, 12))
def test_back_ends_agree_on_awkward_vectors(
    sides: tuple[NDArray[np.float32], NDArray[np.float32]], k: int
) -> None:
    queries, vectors = sides
    expected_scores, expected_ids = brute_force(queries, vectors, k)
    for index in EXACT:
        found = search(queries, vectors, k, index=index)
        scores, ids = found.scores, found.ids
        assert np.array_equal(scores, expected_scores), index
        assert np.array_equal(ids, expected_ids), index


@pytest.mark.parametrize("spread", [0.0, 1e-6, 1e-3, 0.3, 3.0])
def test_exact_and_flat_give_the_same_arrays_among_clusters(spread: float) -> None:
    rng = np.random.default_rng(11)
    centres = rng.normal(size=(60, 48)) + 1
    sides = [
        unit(
            (centres[rng.integers(0, 60, size=n)] + spread * rng.normal(size=(n, 48))).astype("f4")
        )
        for n in (900, 1100)  # too many pairs for the exact back end not to screen them
    ]
    for found, expected in zip(
        search_both(sides[0], sides[1], 6, index="exact"),
        search_both(sides[0], sides[1], 6, index="Flat"),
        strict=True,
    ):
        assert np.array_equal(found.ids, expected.ids)
        assert np.array_equal(found.scores, expected.scores)


@pytest.mark.parametrize("index", EXACT)
def test_a_memory_map_of_half_precision_is_searched_as_its_float32_values(
    tmp_path: Path, index: str
) -> None:
    sides = [random_unit(n, 24, seed=n).astype(np.float16) for n in (90, 130)]
    for name, side in zip("st", sides, strict=True):
        np.save(tmp_path / f"{name}.npy", side)
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "st"]
    for found, expected in zip(
        search_both(mapped[0], mapped[1], 5, index=index),
        search_both(sides[0].astype(np.float32), sides[1].astype(np.float32), 5, index="exact"),
        strict=True,
    ):
        assert np.array_equal(found.ids, expected.ids)
        assert np.array_equal(found.scores, expected.scores)
        assert found.recall is None


def test_k_is_cut_to_the_number_of_vectors() -> None:
    found = search(SOURCES, TARGETS[:2], 9)
    scores, ids = found.scores, found.ids
    assert scores.shape == ids.shape == (4, 2)


@pytest.mark.parametrize(
    ("queries", "vectors", "shape"), [(0, 4, (0, 3)), (4, 0, (4, 0))], ids=["queries", "index"]
)
def test_nothing_to_search_gives_empty_arrays(
    queries: int, vectors: int, shape: tuple[int, int]
) -> None:
    found = search(SOURCES[:queries], TARGETS[:vectors], 3)
    scores, ids = found.scores, found.ids
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
    together = search(queries, vectors, 4).scores
    alone = np.concatenate([search(queries[i : i + 1], vectors, 4).scores for i in range(64)])
    assert np.array_equal(together, alone)


def test_progress_counts_every_query() -> None:
    seen: list[int] = []
    search(random_unit(5000, 4, seed=10), TARGETS[:, :1].repeat(4, axis=1), 1, advance=seen.append)
    assert sum(seen) == 5000
    assert len(seen) > 1


def test_sides_of_different_dimensions_are_refused() -> None:
    with pytest.raises(InputError, match="3 and of 2 dimensions"):
        search(SOURCES, TARGETS[:, :2], 1)


def test_vectors_that_are_not_finite_are_refused_with_their_row() -> None:
    broken = TARGETS.copy()
    broken[1, 1] = np.nan
    with pytest.raises(InputError, match=r"index vectors hold values that are not finite.*row 1"):
        search(SOURCES, broken, 1)


def test_products_that_float32_cannot_hold_are_refused() -> None:
    huge = np.full((2, 3), 1e20, np.float32)
    with pytest.raises(InputError, match="beyond float32"):
        search(huge, huge, 1)


def test_k_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="k is 0"):
        search(SOURCES, TARGETS, 0)


def test_an_unknown_index_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="--index Flatt: FAISS says: could not parse"):
        search(SOURCES, TARGETS, 1, index="Flatt")


@pytest.mark.parametrize(
    ("index", "exact"),
    [("auto", True), ("exact", True), ("Flat", True), ("SQ8", False), ("IVF8,Flat", False)],
)
def test_an_index_says_whether_it_is_exact(index: str, exact: bool) -> None:
    assert is_exact(index) == exact


def test_auto_says_what_it_picked(capsys: pytest.CaptureFixture[str]) -> None:
    module._tell.cache_clear()  # it is said once a process
    console.set_volume(quiet=False, verbose=True)
    try:
        search(SOURCES, TARGETS, 1)
        search(SOURCES, TARGETS, 1)
    finally:
        console.set_volume(quiet=False, verbose=False)
    assert capsys.readouterr().err.count("--index auto: ") == 1


def test_without_faiss_auto_is_exact_and_flat_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # FAISS is installed where tests run, and must not be uninstalled for one of them
    monkeypatch.setattr(
        "xlit.retrieval.faiss_index.importlib",
        SimpleNamespace(util=SimpleNamespace(find_spec=find)),
    )
    assert search(SOURCES, TARGETS, 1).ids.shape == (4, 1)
    with pytest.raises(MissingError, match=r"pip install 'xlit\[cpu\]'") as caught:
        search(SOURCES, TARGETS, 1, index="Flat")
    assert caught.value.exit_code == 3


def find(name: str) -> object:
    return None if name == "faiss" else importlib.util.find_spec(name)
