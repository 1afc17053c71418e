"""The exact back end gives what comparing all pairs gives, bit by bit, whatever the vectors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xlit.retrieval import exact
from xlit.retrieval.exact import exact_search, exact_search_both
from xlit.retrieval.rows import Neighbours
from xlit.retrieval.screening import Tiling

from .exactly import Vectors, brute_force

Precision = Literal["bf16", "float32"]
PRECISIONS: tuple[Precision, ...] = ("bf16", "float32")


@pytest.fixture
def screening_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    # tests are small: as it is, they would be compared pair by pair, or be a single tile
    monkeypatch.setattr(exact, "FEW", 0)
    monkeypatch.setattr(exact, "FEW_OPEN", 0)
    monkeypatch.setattr(exact, "TILING", {"cpu": Tiling(128, 256, 8)})


def random_rows(n: int, dimensions: int, seed: int) -> Vectors:
    return np.random.default_rng(seed).normal(size=(n, dimensions)).astype(np.float32)


def rows_of(kind: str, n: int, dimensions: int, size: float, seed: int) -> Vectors:
    """Random vectors of a kind that is hard for a screening; `size` is how wide it is apart."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, dimensions))
    match kind:
        case "mean":  # as sentence vectors are
            rows = rows / np.sqrt(dimensions) + 2
            rows /= np.linalg.norm(rows, axis=1)[:, None]
        case "duplicated":
            rows = rows[rng.integers(0, max(1, n // 4), n)]
        case "tied":
            rows = rng.integers(-1, 2, (n, dimensions)).astype(float)
        case "zero":
            rows[rng.random(n) < 0.5] = 0
        case "clustered":
            rows = rows[rng.integers(0, min(n, 5), n)] + size * rows
        case "near-duplicate":
            rows = rows[:1] + size * rows
        case "unnormalised":
            rows *= 10 ** rng.uniform(-3, 3, (n, 1))
        case "outlier":
            rows[0] *= 1 / size
        case "tiny":
            rows *= 1e-15 * size**3
        case "huge":
            rows *= 1e15 / size**3
        case "negative":
            rows = -np.abs(rows)
    return rows.astype(np.float32)


KINDS = (
    *("random", "mean", "duplicated", "tied", "zero", "clustered", "near-duplicate"),
    *("unnormalised", "outlier", "tiny", "huge", "negative"),
)


@dataclass(frozen=True)
class Case:
    sources: Vectors
    targets: Vectors
    k: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    dimensions = draw(st.sampled_from([1, 2, 5, 32, 96]))
    size = 10.0 ** -draw(st.integers(1, 7))
    sides = [
        rows_of(
            draw(st.sampled_from(KINDS)),
            draw(st.integers(1, 350)),
            dimensions,
            size,
            draw(st.integers(0, 2**32)),
        )
        for _ in range(2)
    ]
    if draw(st.booleans()):  # translations: each target is near a source
        sources, noise = sides[0], rows_of("random", len(sides[1]), dimensions, 1, 1)
        near = sources[np.arange(len(noise)) % len(sources)].astype(np.float64)
        sides[1] = searchable(near + noise * size * np.abs(sources, dtype=np.float64).mean())
    longest = [np.linalg.norm(side.astype(np.float64), axis=1).max() for side in sides]
    if longest[0] * longest[1] >= LONGEST:  # `search` refuses these
        sides[0] = searchable(sides[0] / longest[0] * (LONGEST / longest[1]))
    return Case(sides[0], sides[1], draw(st.sampled_from([1, 2, 4, 11])))


LONGEST = 3e38  # a product of two lengths


def searchable(rows: NDArray[np.float64]) -> Vectors:
    """In float32 and finite: `search` refuses anything else."""
    return np.clip(rows, -LONGEST, LONGEST).astype(np.float32)


def assert_exact(found: Neighbours, queries: Vectors, vectors: Vectors, k: int) -> None:
    scores, ids = brute_force(queries, vectors, k)
    assert np.array_equal(found.ids, ids)
    assert np.array_equal(found.scores, scores)


@pytest.mark.usefixtures("screening_of_everything")
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # it only sets constants
)
@given(cases())
def test_any_two_sides_have_the_neighbours_of_all_pairs(case: Case) -> None:
    for precision in PRECISIONS:
        forward, backward = exact_search_both(
            case.sources, case.targets, case.k, precision=precision
        )
        assert_exact(forward, case.sources, case.targets, case.k)
        assert_exact(backward, case.targets, case.sources, case.k)


@pytest.mark.usefixtures("screening_of_everything")
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_vectors_gets_through_several_tiles(kind: str, precision: Precision) -> None:
    sources, targets = (rows_of(kind, 500, 48, 1e-3, seed) for seed in (1, 2))
    forward, backward = exact_search_both(sources, targets, 3, precision=precision)
    assert_exact(forward, sources, targets, 3)
    assert_exact(backward, targets, sources, 3)


@pytest.mark.usefixtures("screening_of_everything")
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    ("n", "k"), [(44, 11), (127, 31), (129, 32), (384, 96), (385, 97), (520, 130), (520, 520)]
)
def test_k_near_what_a_tile_or_a_side_has(
    n: int, k: int, precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sides of just four times k vectors or one less, which fill their last rows or do not."""
    monkeypatch.setattr(exact, "TILING", {"cpu": Tiling(256, 256, 8)})  # rows for the largest k
    sources, targets = rows_of("mean", n, 24, 1, 8), rows_of("mean", n + 1, 24, 1, 9)
    forward, backward = exact_search_both(sources, targets, k, precision=precision)
    assert_exact(forward, sources, targets, k)
    assert_exact(backward, targets, sources, k)


@pytest.mark.parametrize("k", [1, 4, 300])
def test_few_pairs_are_compared_without_screening(k: int) -> None:
    sources, targets = random_rows(300, 20, 1), random_rows(400, 20, 2)
    targets[200:] = targets[:200]
    forward, backward = exact_search_both(sources, targets, k)
    assert_exact(forward, sources, targets, k)
    assert_exact(backward, targets, sources, k)


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    """How many queries the function of `exact` by that name was called with, each time."""
    calls: list[int] = []
    plain = getattr(exact, name)

    def counting(queries: Vectors, *args: object, **named: object) -> object:
        calls.append(len(queries))
        return plain(queries, *args, **named)

    monkeypatch.setattr(exact, name, counting)
    return calls


@pytest.mark.usefixtures("screening_of_everything")
def test_sentence_like_vectors_are_screened_and_none_is_left_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    again = counted(monkeypatch, "_again")  # what the speed rests on shows in no result
    exact_search_both(rows_of("mean", 600, 64, 1, 1), rows_of("mean", 500, 64, 1, 2), 4)
    assert again == []


@pytest.mark.usefixtures("screening_of_everything")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_sides_sorted_by_subject_are_screened_and_none_is_left_open(
    precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first tiles hold says nothing of the last ones."""
    monkeypatch.setattr(exact, "TILING", {"cpu": Tiling(256, 512, 16)})
    again = counted(monkeypatch, "_again")
    subjects = random_rows(2, 64, 7)
    sources, targets = (
        (subjects[order] + random_rows(1200, 64, seed)).astype(np.float32)
        for seed, order in ((8, np.repeat([0, 1], 600)), (9, np.repeat([1, 0], 600)))
    )
    forward, backward = exact_search_both(sources, targets, 4, precision=precision)
    assert again == []
    assert_exact(forward, sources, targets, 4)
    assert_exact(backward, targets, sources, 4)


@pytest.mark.usefixtures("screening_of_everything")
def test_rows_whose_certificate_fails_are_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    again = counted(monkeypatch, "_again")
    one = rows_of("near-duplicate", 600, 64, 1e-6, 1)
    other = rows_of("random", 500, 64, 1, 2)
    forward, backward = exact_search_both(one, other, 4, precision="bf16")
    assert again  # every query of `other` has 600 neighbours that bfloat16 takes for one
    assert_exact(forward, one, other, 4)
    assert_exact(backward, other, one, 4)


@pytest.mark.usefixtures("screening_of_everything")
def test_tiles_threads_precision_and_direction_move_no_bit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sources, targets = rows_of("mean", 900, 48, 1, 5), rows_of("mean", 800, 48, 1, 6)
    targets[:400] = sources[:400] + targets[:400] * np.float32(1e-2)
    expected = exact_search_both(sources, targets, 4, precision="float32")
    threads = torch.get_num_threads()
    for tiling in (Tiling(128, 128, 8), Tiling(1024, 256, 32), Tiling(256, 1024, 16)):
        monkeypatch.setattr(exact, "TILING", {"cpu": tiling})  # a constant of the machine
        torch.set_num_threads(1 if tiling.rows == 1024 else 2)
        found = exact_search_both(sources, targets, 4, precision="bf16")
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one.scores, other.scores)
            assert np.array_equal(one.ids, other.ids)
        scores, ids = exact_search(sources, targets, 4, precision="bf16")
        assert np.array_equal(scores, expected[0].scores)
        assert np.array_equal(ids, expected[0].ids)
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("screening_of_everything")
def test_memory_maps_of_float16_are_searched_as_their_values_in_float32(
    tmp_path: Path,
) -> None:
    sides: list[Vectors] = []
    for seed in (1, 2):
        rows = rows_of("mean", 500, 32, 1, seed).astype(np.float16)
        np.save(tmp_path / f"{seed}.npy", rows)
        sides.append(np.load(tmp_path / f"{seed}.npy", mmap_mode="r"))
    forward, backward = exact_search_both(sides[0], sides[1], 4)
    wide = [rows.astype(np.float32) for rows in sides]
    assert_exact(forward, wide[0], wide[1], 4)
    assert_exact(backward, wide[1], wide[0], 4)


@pytest.mark.usefixtures("screening_of_everything")
@pytest.mark.parametrize("repeated", [False, True], ids=["distinct", "repeated"])
def test_progress_is_told_of_every_vector_once(repeated: bool) -> None:
    sources, targets = random_rows(700, 16, 1), random_rows(300, 16, 2)
    if repeated:
        sources[100:] = sources[:600]
    of_both: list[int] = []
    exact_search_both(sources, targets, 2, advance=of_both.append)
    of_one: list[int] = []
    exact_search(sources, targets, 2, advance=of_one.append)
    assert sum(of_both) == 1000
    assert sum(of_one) == 700
    assert len(of_one) > 1


@pytest.mark.usefixtures("screening_of_everything")
def test_a_users_low_precision_of_products_is_not_used_and_is_left_as_it_was() -> None:
    sources, targets = rows_of("mean", 500, 64, 1, 1), rows_of("mean", 500, 64, 1, 2)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        forward, _ = exact_search_both(sources, targets, 4, precision="float32")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    assert_exact(forward, sources, targets, 4)


@pytest.mark.usefixtures("screening_of_everything")
@pytest.mark.skipif(
    not hasattr(torch.backends, "fp32_precision"), reason="this torch has one way to ask"
)
def test_a_low_precision_asked_for_in_torchs_new_way_is_not_used_either() -> None:
    sources, targets = rows_of("mean", 500, 64, 1, 1), rows_of("mean", 500, 64, 1, 2)
    mkldnn: Any = torch.backends.mkldnn  # whose types do not tell of this
    matmul = mkldnn.matmul
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"
    try:
        forward, _ = exact_search_both(sources, targets, 4, precision="float32")
        assert matmul.fp32_precision == "bf16"
    finally:
        matmul.fp32_precision = before
    assert_exact(forward, sources, targets, 4)
