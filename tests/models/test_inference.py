"""Every way of an encoder to its states against the model's own, over padded batches."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from tests.models.test_packing import CONFIGS, LENGTHS, PAD, SHAPE, make
from xlit import console
from xlit.models import inference
from xlit.models.chunks import Chunk
from xlit.models.encoders import Loaded, LoadReport
from xlit.models.fused import FusedEncoder, attend_runs
from xlit.models.inference import (
    PackedEncoder,
    PaddedEncoder,
    Way,
    leave_gpu,
    way_for,
    ways_taken,
)
from xlit.models.linear import PlainLinear

CPU = torch.device("cpu")


class Tokenizer:
    """All that a way asks of a tokenizer."""

    pad_token_id = PAD


def loaded_with(model: Any) -> Loaded:
    return Loaded(model, Tokenizer(), LoadReport("made", 0, (), ()))


def chunk_of(*lengths: int) -> Chunk:
    rising = sorted(lengths, reverse=True)
    random = torch.Generator().manual_seed(6)
    ids = torch.randint(PAD + 1, SHAPE["vocab_size"], (sum(rising),), generator=random)
    return Chunk(ids, tuple(rising))


def states_of(way: Way, chunk: Chunk, layers: list[int]) -> list[Tensor]:
    with torch.inference_mode():
        return [states.float() for states in way.states(chunk, layers)]


@pytest.mark.parametrize(
    ("family", "how"),
    [
        ("bert", "fused"),
        ("xlm-roberta", "fused"),
        ("modernbert", "packed"),
        ("deberta-v2", "padded"),
    ],
)
@pytest.mark.parametrize("layers", [[0, 1, 2, 3], [2], [3]], ids=["all", "inner", "last"])
def test_the_states_are_those_of_the_model_itself(family: str, how: str, layers: list[int]) -> None:
    loaded = loaded_with(make(family))
    way = way_for(loaded, CPU, "float32")
    assert way.how == how
    assert ways_taken(loaded) == {how: way.reason}
    chunk = chunk_of(*LENGTHS)
    expected = states_of(PaddedEncoder(loaded.model, PAD, "float32", ""), chunk, layers)
    found = states_of(way, chunk, layers)
    assert len(found) == len(layers)
    for ours, right in zip(found, expected, strict=True):
        assert ours.shape == (sum(LENGTHS), SHAPE["hidden_size"])
        assert (ours - right).abs().max() < 1e-5 * max(1.0, float(right.abs().max()))


def test_padding_behind_all_positions_keeps_no_encoder_from_packing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ModernBERT's own has the number 50,283, and it has 8,192 positions."""
    numbers = CONFIGS["modernbert"] | {"pad_token_id": 700, "vocab_size": 800}
    monkeypatch.setitem(CONFIGS, "modernbert", numbers)  # what `make` reads
    loaded = loaded_with(make("modernbert"))
    loaded.tokenizer.pad_token_id = 700
    way = way_for(loaded, CPU, "float32")
    assert (way.how, way.reason) == ("packed", "its layers are not found where BERT has them")


class OnGpu:
    """What is asked of a model on a GPU, where tests have none."""

    device = torch.device("cuda")

    def to(self, where: str) -> None:
        self.device = torch.device(where)


def test_what_left_a_gpu_is_made_anew_and_still_told() -> None:
    loaded = loaded_with(make("bert"))
    way = way_for(loaded, CPU, "float32")
    on_gpu = replace(loaded, model=cast(Any, OnGpu()))  # its ways are those of the encoder
    leave_gpu(on_gpu)
    assert on_gpu.model.device == CPU
    assert ways_taken(loaded) == {"fused": ""}
    assert way_for(loaded, CPU, "float32") is not way


def test_an_encoder_on_a_cpu_keeps_its_way_when_a_gpu_is_to_be_left() -> None:
    loaded = loaded_with(make("bert"))
    way = way_for(loaded, CPU, "float32")
    leave_gpu(loaded)
    assert way_for(loaded, CPU, "float32") is way


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "modernbert", "deberta-v2"])
def test_bf16_states_point_where_those_of_float32_do(family: str) -> None:
    loaded = loaded_with(make(family))
    chunk = chunk_of(*LENGTHS)
    (exact,) = states_of(way_for(loaded, CPU, "float32"), chunk, [3])
    (rounded,) = states_of(way_for(loaded, CPU, "bf16"), chunk, [3])
    assert torch.cosine_similarity(exact, rounded).min() > 0.99


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_runs_and_groups_attend_alike(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU the attention is that of runs of one length: here it is, on a CPU."""
    model = make("bert")
    chunk = chunk_of(*LENGTHS, 7, 7, 40)
    encoder = FusedEncoder(model, dtype, PlainLinear)
    (grouped,) = states_of(encoder, chunk, [3])
    # the one thing that the device decides there
    monkeypatch.setattr("xlit.models.fused.attention_for", lambda device: attend_runs)
    (by_runs,) = states_of(encoder, chunk, [3])
    assert torch.allclose(grouped, by_runs, atol=1e-5 if dtype == torch.float32 else 0.2)


@pytest.mark.parametrize("how", ["fused", "packed"])
def test_what_computes_something_else_is_not_taken(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make("bert")
    spoilt: Any = {"fused": FusedEncoder, "packed": PackedEncoder}[how]
    states = spoilt.states

    def off(self: Any, chunk: Chunk, layers: Any) -> Iterator[Tensor]:
        return (found + 1e-3 for found in states(self, chunk, layers))

    # a slip in one way must not get through, whichever architecture brings it
    monkeypatch.setattr(spoilt, "states", off)
    if how == "packed":  # and the better one is not there
        monkeypatch.setattr(inference, "_unlike", lambda base: "it is something else")
    way = way_for(loaded_with(model), CPU, "float32")
    assert way.how == {"fused": "packed", "packed": "padded"}[how]
    assert "its states of layer 0 differ by" in way.reason


def test_an_encoder_of_other_modules_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    # what a person who is watching reads
    monkeypatch.setattr(console, "notice", said.append)
    model = make("bert")
    model.encoder.layer[1].output.LayerNorm = nn.Identity()
    way = way_for(loaded_with(model), CPU, "float32")
    assert way.how == "packed"
    assert way.reason.startswith("BertLayer is not built as BERT's")
    assert said == [f"made: encodes packed: {way.reason}"]


def test_a_way_is_made_once_for_each_precision() -> None:
    loaded = loaded_with(make("bert"))
    first = way_for(loaded, CPU, "float32")
    assert way_for(loaded, CPU, "bf16") is not first
    assert way_for(loaded, CPU, "float32") is first
    with torch.no_grad():
        loaded.model.encoder.layer[0].output.dense.weight.add_(1.0)
    assert way_for(loaded, CPU, "float32") is not first


def test_packing_that_is_off_is_told() -> None:
    way = way_for(loaded_with(make("bert")), CPU, "float32", "off")
    assert (way.how, way.reason) == ("padded", "as asked for")


def test_the_model_is_left_as_it_was() -> None:
    for family in ("bert", "modernbert", "deberta-v2"):
        model = make(family).train()
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        config = model.config.to_dict()
        way_for(loaded_with(model), CPU, "float32")
        assert all(module.training for module in model.modules())
        assert model.config.to_dict() == config
        assert "forward" not in vars(model)
        assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())
