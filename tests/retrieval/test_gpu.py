"""The same neighbours and the same vectors on a GPU. Run where one is at hand: pytest -m gpu."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.conftest import SENTENCES
from xlit import device
from xlit.device import Precision
from xlit.models.encoders import load_encoder, resolve_encoder
from xlit.models.inference import leave_gpu, ways_taken
from xlit.retrieval.encode import encode, encode_layers
from xlit.retrieval.exact import exact_search_both
from xlit.retrieval.faiss_index import FaissIndex, faiss_is_there, load_faiss, parse_index
from xlit.retrieval.search import search, search_both
from xlit.retrieval.unscreened import best_unscreened

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
CPU = torch.device("cpu")


def faiss_on_gpus() -> bool:
    if not faiss_is_there():
        return False
    faiss = load_faiss()
    return hasattr(faiss, "StandardGpuResources") and int(faiss.get_num_gpus()) > 0


with_faiss = pytest.mark.skipif(
    torch.cuda.is_available() and not faiss_on_gpus(),
    reason="this FAISS knows of no GPU: pip install 'xlit[gpu]'",
)


def sides(n: int, dtype: type = np.float32) -> tuple[NDArray[Any], NDArray[Any]]:
    """Vectors of length 1 with a shared mean; some equal, some nearly, some zero."""
    rng = np.random.default_rng(1)
    meanings = rng.normal(size=(n, 96))
    found: list[NDArray[Any]] = []
    for _ in range(2):
        rows = meanings + 0.3 * rng.normal(size=(n, 96)) + 1.0
        rows[n // 2 : n // 2 + 40] = rows[0]
        rows[-40:] = rows[1] + 1e-6 * rng.normal(size=(40, 96))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        rows[5:8] = 0
        found.append(rows.astype(dtype))
    return found[0], found[1]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("precision", ["bf16", "float32"])
def test_exact_search_is_that_of_a_cpu(precision: Precision, dtype: type) -> None:
    sources, targets = sides(3000, dtype)
    here, there = (
        exact_search_both(sources, targets, 5, precision=precision, device=where)
        for where in (device.pick(), CPU)
    )
    for found, expected in zip(here, there, strict=True):
        assert np.array_equal(found.ids, expected.ids)
        assert np.array_equal(found.scores, expected.scores)


@with_faiss
def test_flat_is_that_of_brute_force_sharded_over_all_gpus() -> None:
    sources, targets = sides(3000)
    assert FaissIndex(targets, parse_index("Flat"), 9).on_gpus
    found = search(sources, targets, 5, index="Flat")
    scores, ids = found.scores, found.ids
    expected_scores, expected_ids = best_unscreened(sources, targets, 5, device=CPU)
    assert np.array_equal(ids, expected_ids)
    assert np.array_equal(scores, expected_scores)


@with_faiss
@pytest.mark.parametrize("index", ["Flat:float16", "IVF16,Flat:nprobe=16", "IVF16,SQ8:nprobe=16"])
def test_approximate_indexes_find_most_and_say_how_much(index: str) -> None:
    sources, targets = sides(3000)
    for side in search_both(sources, targets, 5, index=index):
        assert side.recall is not None
        assert side.recall.share > 0.9


@with_faiss
def test_more_neighbours_than_a_gpu_gives_are_found_on_the_cpu() -> None:
    sources, targets = sides(3000)
    found = search(sources[:3], targets, 2500, index="Flat")
    scores, ids = found.scores, found.ids
    expected_scores, expected_ids = best_unscreened(sources[:3], targets, 2500, device=CPU)
    assert np.array_equal(ids, expected_ids)
    assert np.array_equal(scores, expected_scores)


@with_faiss
def test_faiss_takes_no_more_memory_than_the_vectors_and_what_it_is_allowed() -> None:
    _, targets = sides(200_000)
    torch.cuda.synchronize()
    free, _ = torch.cuda.mem_get_info()
    index = FaissIndex(targets, parse_index("Flat"), 9)
    left, _ = torch.cuda.mem_get_info()
    assert index.on_gpus
    assert free - left < targets.nbytes + 1.25 * 2**30  # temporary memory, and cuBLAS's own


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 1e-5), ("bf16", 1e-3)], ids=["float32", "bf16"]
)
def test_vectors_are_those_of_a_cpu(
    tiny_encoder: Path, tiny_xlmr: Path, precision: Precision, tolerance: float
) -> None:
    for directory in (tiny_encoder, tiny_xlmr):
        loaded = load_encoder(resolve_encoder(str(directory)))
        expected = encode(loaded, SENTENCES, device=CPU)
        found = encode(loaded, SENTENCES, device=device.pick(), precision=precision)
        assert np.einsum("td,td->t", found, expected).min() > 1 - tolerance


def test_the_encoder_leaves_the_gpu_to_the_search_and_comes_back(tiny_encoder: Path) -> None:
    loaded = load_encoder(resolve_encoder(str(tiny_encoder)))
    before = encode(loaded, SENTENCES, device=device.pick())
    ways = ways_taken(loaded)
    assert loaded.model.device.type == "cuda"
    leave_gpu(loaded)
    held = torch.cuda.memory_allocated()
    assert loaded.model.device.type == "cpu"
    assert ways_taken(loaded) == ways
    assert np.array_equal(encode(loaded, SENTENCES, device=device.pick()), before)
    assert torch.cuda.memory_allocated() > held


def test_several_layers_come_from_one_pass(tiny_encoder: Path) -> None:
    loaded = load_encoder(resolve_encoder(str(tiny_encoder)))
    together = encode_layers(loaded, SENTENCES, [0, 1, 2], device=device.pick())
    for layer, vectors in enumerate(together):
        alone = encode(loaded, SENTENCES, layer=layer, device=device.pick())
        assert np.abs(vectors - alone).max() < 1e-5
