import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models.test_compact import modern
from tests.training.test_loop import FAST, load, settings, task
from xlit import console
from xlit.errors import UsageError
from xlit.models.multitask import share_encoder
from xlit.tasks.freeze import parse_freeze
from xlit.training.freezing import freeze
from xlit.training.loop import train


def trained_names(model: Any) -> list[str]:
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


def test_embeddings_are_the_word_table_alone(tiny_encoder: Path) -> None:
    model = load(tiny_encoder).model
    freeze([model], parse_freeze("embeddings"))
    frozen = {name for name, _ in model.named_parameters()} - set(trained_names(model))
    assert frozen == {"bert.embeddings.word_embeddings.weight"}


def test_layers_are_counted_from_the_lowest(tiny_encoder: Path) -> None:
    model = load(tiny_encoder).model
    freeze([model], parse_freeze("1"))
    names = trained_names(model)
    assert any(name.startswith("bert.encoder.layer.0.") for name in names)
    assert not any(name.startswith("bert.encoder.layer.1.") for name in names)
    assert "bert.embeddings.position_embeddings.weight" in names


@pytest.mark.parametrize("source", ["tiny_encoder", "tiny_xlmr", "modernbert"])
def test_below_frozen_embeddings_and_lowest_layers_no_gradient_is_computed(
    source: str, request: pytest.FixtureRequest
) -> None:
    own = source == "modernbert"
    model = modern() if own else load(request.getfixturevalue(source)).model
    freeze([model], parse_freeze("embeddings,0"))
    names = trained_names(model)
    assert names
    assert not any("embeddings" in name or "layers.0." in name for name in names)
    base = model.base_model
    lowest, *_ = base.layers if own else base.encoder.layer
    needed: list[bool] = []

    def look(module: Any, inputs: Any, output: Any) -> None:
        states = output if isinstance(output, torch.Tensor) else output[0]
        needed.append(states.requires_grad)

    lowest.register_forward_hook(look)
    ids = torch.tensor([[0, 5, 2]])
    assert model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.requires_grad
    assert needed == [False]


def test_models_that_share_an_encoder_freeze_it_once_and_tell_how_much_is_trained(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(console, "notice", told.append)  # no terminal to look at
    models = {name: load(tiny_encoder, seed).model for seed, name in enumerate("ab")}
    share_encoder(models)
    freeze(list(models.values()), parse_freeze("embeddings,0-1"))
    heads = 2 * (32 * 32 + 32 + 2 * 32 + 2)  # a pooler and a classifier each
    assert told == [
        f"{heads:,} of {total(models):,} parameters are trained (--freeze embeddings,0-1)"
    ]


def total(models: dict[str, Any]) -> int:
    return sum({id(p): p.numel() for m in models.values() for p in m.parameters()}.values())


def test_a_layer_that_is_not_there_is_refused(tiny_encoder: Path) -> None:
    with pytest.raises(UsageError, match="--freeze 1-2: the encoder has the layers 0 to 1"):
        freeze([load(tiny_encoder).model], parse_freeze("1-2"))


def test_frozen_layers_stay_as_they_were_and_the_others_learn(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    loaded = load(tiny_encoder)
    before = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    recipe = dataclasses.replace(FAST, epochs=1, freeze="embeddings,0")
    train([task(loaded, recipe)], loaded.tokenizer, settings(), tmp_path)
    same = {n for n, value in loaded.model.state_dict().items() if torch.equal(value, before[n])}
    below = {n for n in before if n.startswith(("bert.embeddings.", "bert.encoder.layer.0."))}
    assert same == below
