"""Vectors against a plain one-by-one computation, and the promises of `encode`."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.conftest import SENTENCES
from xlit.device import Precision
from xlit.errors import DamagedError, UsageError
from xlit.models.encoders import Loaded, load_encoder, resolve_encoder
from xlit.models.inference import Packing, ways_taken
from xlit.models.pooling import How
from xlit.retrieval import encode as encode_module
from xlit.retrieval.encode import encode, encode_layers

CPU = torch.device("cpu")
TEXTS = [
    "The child reads a red book in the old house near the river.",
    "人人生而自由",
    "",
    "Das Kind liest ein rotes Buch.",
    "The child reads a red book in the old house near the river.",
    "सभी मनुष्य जन्म से स्वतंत्र और समान हैं। सभी मनुष्य जन्म से स्वतंत्र और समान हैं।",
    "Ja.",
]


@pytest.fixture(scope="module", params=["tiny_encoder", "tiny_xlmr"])
def loaded(request: pytest.FixtureRequest) -> Loaded:
    directory: Path = request.getfixturevalue(request.param)
    return load_encoder(resolve_encoder(str(directory)))


def one_by_one(
    loaded: Loaded, texts: list[str], layer: int, pooling: How, max_length: int = 512
) -> NDArray[np.float32]:
    """No padding, no batches: the mean over every token, or the first token."""
    vectors = []
    for text in texts:
        inputs = loaded.tokenizer(text, truncation=True, max_length=max_length, return_tensors="pt")
        with torch.inference_mode():
            states = loaded.model(**inputs, output_hidden_states=True).hidden_states
        hidden = states[layer][0]
        vectors.append(hidden.mean(0) if pooling == "mean" else hidden[0])
    return torch.stack(vectors).numpy()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("layer", [0, 1, 2, -1, -2])
def test_every_layer_and_pooling_equals_one_text_at_a_time(
    loaded: Loaded, layer: int, pooling: How
) -> None:
    vectors = encode(
        loaded, TEXTS, layer=layer, pooling=pooling, normalise=False, token_budget=64, device=CPU
    )
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, one_by_one(loaded, TEXTS, layer, pooling), atol=1e-5)


def test_without_special_tokens_the_mean_is_over_the_pieces_of_the_text(loaded: Loaded) -> None:
    texts = ["Das Kind liest ein rotes Buch.", "Ja.", "Ja </s> nein."]
    vectors = encode(loaded, texts, pooling="mean-no-special", normalise=False, device=CPU)
    for text, vector in zip(texts, vectors, strict=True):
        inputs = loaded.tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            hidden = loaded.model(**inputs).last_hidden_state[0]
        # the tokeniser puts one token at either end; a special one written in a text stays
        assert np.allclose(vector, hidden[1:-1].mean(0).numpy(), atol=1e-5)


def test_a_text_without_a_piece_of_its_own_is_zero_without_special_tokens(loaded: Loaded) -> None:
    assert not encode(loaded, [""], pooling="mean-no-special", device=CPU).any()


def test_vectors_have_length_one_by_default(loaded: Loaded) -> None:
    vectors = encode(loaded, TEXTS, device=CPU)
    plain = one_by_one(loaded, TEXTS, -1, "mean")
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.allclose(vectors, plain / np.linalg.norm(plain, axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("budget", [1, 40, 100_000], ids=["one", "some", "all"])
def test_the_token_budget_does_not_change_the_vectors(loaded: Loaded, budget: int) -> None:
    assert np.allclose(
        encode(loaded, TEXTS, token_budget=budget, device=CPU),
        encode(loaded, TEXTS, device=CPU),
        atol=1e-6,
    )


def test_windows_keep_the_order_of_the_texts(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encode(loaded, TEXTS, device=CPU)
    monkeypatch.setattr(encode_module, "WINDOW", 2)
    assert np.allclose(encode(loaded, TEXTS, device=CPU), whole, atol=1e-6)


def test_identical_texts_are_encoded_once_and_share_a_vector(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = 0
    forward = loaded.model.forward

    def counted(*args: object, **inputs: torch.Tensor) -> object:
        nonlocal seen
        seen += len(inputs["input_ids"])
        return forward(*args, **inputs)

    # counts the passes
    monkeypatch.setattr(loaded.model, "forward", counted)
    vectors = encode(loaded, ["b b", "a", "b b", "a", "a"], device=CPU, packing="off")
    assert seen == 2
    assert np.array_equal(vectors[0], vectors[2])
    assert np.array_equal(vectors[1], vectors[4])
    assert not np.allclose(vectors[0], vectors[1], atol=1e-3)


def test_the_prefix_is_put_before_every_text(loaded: Loaded) -> None:
    with_prefix = encode(loaded, ["Ja.", "Nein."], prefix="query: ", device=CPU)
    assert np.allclose(
        with_prefix, encode(loaded, ["query: Ja.", "query: Nein."], device=CPU), atol=1e-6
    )
    assert not np.allclose(with_prefix, encode(loaded, ["Ja.", "Nein."], device=CPU), atol=1e-3)


def test_long_texts_are_cut_to_the_limit_with_their_last_special_token(loaded: Loaded) -> None:
    text = "Ja. " * 800
    for limit in (16, 512):
        vectors = encode(loaded, [text], max_length=limit, normalise=False, device=CPU)
        expected = one_by_one(loaded, [text], -1, "mean", max_length=limit)
        assert np.allclose(vectors, expected, atol=1e-5)


def test_a_limit_beyond_the_positions_of_the_encoder_is_lowered(loaded: Loaded) -> None:
    assert encode_module._length_limit(loaded, 100_000) == 512


@pytest.mark.parametrize("packing", ["auto", "off"])
def test_bf16_is_close_to_float32(loaded: Loaded, packing: Packing) -> None:
    exact = encode(loaded, TEXTS, device=CPU, packing=packing)
    rounded = encode(loaded, TEXTS, device=CPU, precision="bf16", packing=packing)
    assert rounded.dtype == np.float32
    assert not np.array_equal(exact, rounded)
    assert (exact * rounded).sum(axis=1).min() > 0.999


@pytest.mark.parametrize("pooling", get_args(How))
def test_without_packing_the_vectors_are_the_same(loaded: Loaded, pooling: How) -> None:
    packed = encode_layers(loaded, TEXTS, [2, 0, 2], pooling=pooling, normalise=False, device=CPU)
    padded = encode_layers(
        loaded, TEXTS, [2, 0, 2], pooling=pooling, normalise=False, device=CPU, packing="off"
    )
    assert not np.array_equal(packed[0], packed[1])
    assert np.array_equal(packed[0], packed[2])
    assert np.array_equal(packed[:, 0], packed[:, 4])  # the same text
    assert np.allclose(packed, padded, atol=1e-5)


def test_an_encoder_that_was_trained_on_is_encoded_anew(tiny_encoder: Path) -> None:
    loaded = load_encoder(resolve_encoder(str(tiny_encoder)))
    before = encode(loaded, TEXTS, device=CPU)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            parameter.mul_(0.9)
    after = encode(loaded, TEXTS, device=CPU)
    assert not np.allclose(before, after, atol=1e-3)
    assert np.allclose(after, encode(loaded, TEXTS, device=CPU, packing="off"), atol=1e-6)


def test_no_texts_give_no_vectors(loaded: Loaded) -> None:
    assert encode(loaded, [], device=CPU).shape == (0, 32)


def test_progress_counts_copies_too(loaded: Loaded) -> None:
    seen: list[int] = []
    encode(loaded, TEXTS, token_budget=32, device=CPU, advance=seen.append)
    assert sum(seen) == len(TEXTS)
    assert len(seen) > 1


def test_the_model_keeps_its_mode(loaded: Loaded) -> None:
    loaded.model.train()
    first = encode(loaded, TEXTS, device=CPU)
    assert loaded.model.training
    loaded.model.eval()
    assert np.array_equal(first, encode(loaded, TEXTS, device=CPU))
    assert not loaded.model.training


@pytest.mark.parametrize("layer", [3, -4])
def test_a_layer_that_is_not_there_is_refused(loaded: Loaded, layer: int) -> None:
    with pytest.raises(UsageError, match=rf"layer {layer}: the encoder has layers 0 .* to 2"):
        encode(loaded, TEXTS, layer=layer, device=CPU)


def test_an_encoder_that_gives_no_numbers_is_damaged(tiny_encoder: Path) -> None:
    loaded = load_encoder(resolve_encoder(str(tiny_encoder)))
    with torch.no_grad():
        next(iter(loaded.model.parameters()))[:] = float("nan")
    loaded.model.train()
    told: list[int] = []
    with pytest.raises(DamagedError, match="not finite"):
        encode(loaded, TEXTS, token_budget=1, device=CPU, advance=told.append)
    assert told == []  # at the first text, not when hours have gone by
    assert loaded.model.training


@pytest.mark.encoder
@pytest.mark.usefixtures("bundled_encoder")
def test_the_bundled_encoder_is_fused_and_as_exact_as_promised() -> None:
    loaded = load_encoder(resolve_encoder("e5-small"))
    exact = encode(loaded, SENTENCES, device=CPU, packing="off").astype(np.float64)
    bounds: dict[Precision, float] = {"float32": 1e-6, "bf16": 1e-4}
    for precision, apart in bounds.items():
        vectors = encode(loaded, SENTENCES, device=CPU, precision=precision)
        assert 1 - (vectors * exact).sum(axis=1).min() < apart
    assert ways_taken(loaded) == {"padded": "as asked for", "fused": ""}
