"""Approximate indexes: exact scores, a recall that is true, and what cannot be indexed."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from xlit.errors import InputError, UsageError
from xlit.retrieval import faiss_index
from xlit.retrieval.approximate import approximate_search
from xlit.retrieval.faiss_index import FaissIndex, load_faiss, parse_index
from xlit.retrieval.search import search, search_both

from .exactly import brute_force


def clustered(n: int, seed: int) -> NDArray[np.float32]:
    """Vectors about 40 centres that are the same for every seed."""
    centres = np.random.default_rng(0).normal(size=(40, 16))
    rng = np.random.default_rng(seed)
    return (centres[rng.integers(0, 40, size=n)] + 0.5 * rng.normal(size=(n, 16))).astype("f4")


QUERIES, VECTORS = clustered(300, seed=1), clustered(2000, seed=2)


def test_looking_into_every_list_is_exact() -> None:
    found = approximate_search(QUERIES, VECTORS, 5, parse_index("IVF16,Flat:nprobe=16"))
    scores, ids = brute_force(QUERIES, VECTORS, 5)
    assert np.array_equal(found.ids, ids)
    assert np.array_equal(found.scores, scores)
    assert found.recall is not None
    assert found.recall.share == 1


@pytest.mark.parametrize("index", ["IVF16,Flat:nprobe=1", "PCA8,Flat", "SQ4", "HNSW4:efSearch=8"])
def test_recall_is_the_share_of_true_neighbours_and_scores_are_exact(index: str) -> None:
    found = approximate_search(QUERIES, VECTORS, 5, parse_index(index))
    _, ids = brute_force(QUERIES, VECTORS, 5)
    share = np.mean([len(set(a) & set(b)) / 5 for a, b in zip(found.ids, ids, strict=True)])
    assert found.recall is not None
    assert found.recall.queries == 300
    assert found.recall.share == pytest.approx(share)
    assert 0.1 < share < 1
    products = np.einsum(
        "qd,qkd->qk", QUERIES.astype(np.float64), VECTORS[found.ids].astype(np.float64)
    )
    assert np.array_equal(found.scores, products.astype(np.float32))
    assert (np.diff(found.scores, axis=1) <= 0).all()


def test_recall_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    search(QUERIES, VECTORS, 5, index="IVF16,Flat:nprobe=16")
    said = "IVF16,Flat:nprobe=16: recall 100.00 % of the 5 nearest, over 300 of 300 queries"
    assert said in capsys.readouterr().err


def test_queries_whose_lists_hold_too_few_are_searched_exactly() -> None:
    few = clustered(40, seed=3)
    found = search(QUERIES, few, 20, index="IVF8,Flat:nprobe=1")
    scores, ids = found.scores, found.ids
    expected_scores, expected_ids = brute_force(QUERIES, few, 20)
    complete = (ids == expected_ids).all(axis=1)
    assert (ids >= 0).all()
    assert np.isfinite(scores).all()
    assert complete.mean() > 0.9  # five vectors a list: nearly no list has twenty
    assert np.array_equal(scores[complete], expected_scores[complete])


def test_the_same_search_finds_the_same_again() -> None:
    once, again = (search_both(QUERIES, VECTORS, 3, index="IVF16,PQ4x4") for _ in range(2))
    for first, second in zip(once, again, strict=True):
        assert np.array_equal(first.ids, second.ids)
        assert first.recall == second.recall


def test_a_share_of_the_lists_is_looked_into_where_nothing_is_said() -> None:
    index = FaissIndex(VECTORS, parse_index("IVF64,Flat"), 5)._index
    assert index.nprobe == 4
    assert FaissIndex(VECTORS, parse_index("IVF64,Flat:nprobe=9"), 5)._index.nprobe == 9


def test_too_few_vectors_to_train_on_are_bad_input() -> None:
    with pytest.raises(InputError, match="IVF64,Flat cannot index 20 vectors of 16 dimensions"):
        search(QUERIES, VECTORS[:20], 5, index="IVF64,Flat")


def test_a_width_that_the_index_cannot_cut_is_bad_input() -> None:
    with pytest.raises(InputError, match="PQ5 cannot index 2000 vectors of 16 dimensions"):
        search(QUERIES, VECTORS, 5, index="PQ5")


@pytest.mark.parametrize("text", ["Bogus", "IVF64,Flat:bogus=3", "Flat:nprobe", ""])
def test_what_faiss_does_not_know_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match=f"--index {text}: FAISS says"):
        parse_index(text)


@pytest.mark.parametrize("text", ["IVF8,Flat:nprobe=0", "IVF8,Flat:nprobe=-3", "IVF0,Flat"])
def test_an_index_that_looks_into_no_list_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match=f"--index {text}: that looks into none"):
        parse_index(text)


def test_parameters_that_only_the_search_cannot_do_with_are_wrong_usage() -> None:
    with pytest.raises(UsageError, match=r"RFlat:k_factor_rf=0\.1: FAISS cannot search it"):
        search(QUERIES, VECTORS, 5, index="SQ8,RFlat:k_factor_rf=0.1")


class StandInGpus:
    """Two GPUs as far as FAISS is asked: they take an index as it is, and note how."""

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.asked: list[tuple[int, bool, bool]] = []  # GPUs, shard, useFloat16
        self.temporary: list[int] = []  # bytes

    def in_faiss(self) -> SimpleNamespace:
        """The installed FAISS with these GPUs."""
        ours = {
            "get_num_gpus": lambda: 2,
            "GpuMultipleClonerOptions": lambda: SimpleNamespace(shard=False, useFloat16=False),
            "StandardGpuResources": lambda: SimpleNamespace(setTempMemory=self.temporary.append),
            "index_cpu_to_gpu_multiple_py": self.take,
        }
        return SimpleNamespace(**(vars(load_faiss()) | ours))

    def take(self, resources: list[Any], index: Any, options: SimpleNamespace) -> Any:
        if self.refusal:
            raise RuntimeError(self.refusal)
        self.asked.append((len(resources), options.shard, options.useFloat16))
        return index


@pytest.mark.parametrize("index", ["Flat", "Flat:float16", "IVF16,Flat:nprobe=16"])
def test_an_index_is_sharded_over_all_gpus_with_bounded_temporary_memory(
    index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus = StandInGpus()
    there = gpus.in_faiss()
    # there is no GPU where tests run; test_gpu.py has the real thing
    monkeypatch.setattr(faiss_index, "load_faiss", lambda: there)
    ids = search(QUERIES, VECTORS, 5, index=index).ids
    assert np.array_equal(ids, brute_force(QUERIES, VECTORS, 5)[1])
    assert gpus.asked == [(2, True, "float16" in index)]
    assert gpus.temporary == [faiss_index.GPU_TEMPORARY] * 2


@pytest.mark.parametrize(
    ("k", "reason"), [(200, "gives 100 neighbours"), (5, "not implemented on GPU")]
)
def test_what_a_gpu_cannot_do_is_done_on_the_cpu_and_said(
    k: int, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gpus = StandInGpus("Error in f at x.cpp:12: not implemented on GPU")
    there = gpus.in_faiss()
    monkeypatch.setattr(faiss_index, "load_faiss", lambda: there)  # as above
    monkeypatch.setattr(faiss_index, "GPU_MAX_K", 100)  # so that few vectors do
    ids = search(QUERIES[:2], VECTORS, k, index="Flat").ids
    assert np.array_equal(ids, brute_force(QUERIES[:2], VECTORS, k)[1])
    assert not gpus.asked
    said = capsys.readouterr().err
    assert "Flat: on the CPU, since" in said
    assert reason in said


def test_half_precision_storage_is_for_gpus() -> None:
    if FaissIndex(VECTORS, parse_index("Flat"), 5).on_gpus:
        pytest.skip("there is a GPU")
    with pytest.raises(UsageError, match="SQfp16"):
        parse_index("Flat:float16")
