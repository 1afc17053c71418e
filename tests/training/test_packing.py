import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, DebertaV2Config

from tests.cli.conftest import Cli
from tests.cli.conftest import cli as cli
from tests.training.test_loop import FAST, load, settings, task, weights
from xlit.artefacts.manifest import read_manifest
from xlit.models.encoders import Loaded
from xlit.models.multitask import share_encoder
from xlit.training.loop import train
from xlit.training.packing import without_padding

QUICK = ("--epochs", "1", "--precision", "float32")


def still(loaded: Loaded) -> Loaded:
    """Without dropout, whose draws depend on the shapes."""
    for module in loaded.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return loaded


def is_packed(model: Any) -> bool:
    return "forward" in vars(model.base_model)


def test_a_packed_run_takes_the_steps_of_a_padded_one(tiny_encoder: Path, tmp_path: Path) -> None:
    found = []
    for packing in ("auto", "off"):
        loaded = still(load(tiny_encoder))
        chosen = dataclasses.replace(settings(), packing=packing)
        short = dataclasses.replace(FAST, epochs=2)
        with without_padding([task(loaded, short)], 1, chosen) as (ready, how):
            train(ready, loaded.tokenizer, chosen, tmp_path)
        lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
        steps = [(x["loss"], x["gradient_norm"]) for x in lines if "loss" in x]
        found.append((how["toy"]["on"], steps, weights(loaded.model)))
    (packed, steps, ours), (padded, expected, theirs) = found
    assert (packed, padded, len(steps)) == (True, False, 12)
    assert torch.tensor(steps) == pytest.approx(torch.tensor(expected), rel=1e-3)
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=2e-4)


def test_each_task_is_packed_by_what_its_head_reads_and_undone_after(tiny_encoder: Path) -> None:
    models = {name: load(tiny_encoder, seed) for seed, name in enumerate(("first", "second"))}
    share_encoder({name: loaded.model for name, loaded in models.items()})
    tasks = [task(loaded, name=name) for name, loaded in models.items()]
    tasks.append(dataclasses.replace(tasks[0], card=tasks[0].card.model_copy(deep=True)))
    with without_padding(tasks, 1, settings()) as (ready, how):
        assert how == {name: {"on": True, "reads": "first"} for name in ("first", "second")}
        assert [one.packed for one in ready] == [True] * 3
        assert all(is_packed(one.model) for one in ready)
    assert not any(is_packed(one.model) for one in tasks)


def test_models_of_one_encoder_have_its_own_attention_again(tiny_encoder: Path) -> None:
    models = {name: load(tiny_encoder, seed).model for seed, name in enumerate("ab")}
    share_encoder(models)
    for model in models.values():
        model.set_attn_implementation("eager")
    tasks = [
        dataclasses.replace(task(load(tiny_encoder), name=n), model=m) for n, m in models.items()
    ]
    with without_padding(tasks, 1, settings()) as (ready, _):
        assert all(one.packed for one in ready)
    assert {model.config._attn_implementation for model in models.values()} == {"eager"}


def test_a_run_that_fails_leaves_its_models_as_they_were(tiny_encoder: Path) -> None:
    loaded = load(tiny_encoder)
    with pytest.raises(KeyError), without_padding([task(loaded)], 1, settings()):
        raise KeyError
    assert not is_packed(loaded.model)


def test_a_model_that_cannot_be_packed_trains_padded_and_says_so(
    tiny_encoder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from xlit import console

    told: list[str] = []
    monkeypatch.setattr(console, "notice", told.append)  # which is for terminals and -v
    config = DebertaV2Config(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        pad_token_id=1,
    )
    loaded = load(tiny_encoder)
    loaded.model = AutoModelForSequenceClassification.from_config(config)
    reason = "its attention is not called through transformers' interface"
    tasks = [task(loaded), task(loaded, name="other")]
    with without_padding(tasks, 1, settings()) as (ready, how):
        assert how["toy"] == how["other"] == {"on": False, "reason": reason}
        assert not ready[0].packed
    assert told == [f"toy, other: batches are padded: {reason}"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"packing": "off"}, "as asked for"),
        ({"where": torch.device("cuda")}, "on a GPU batches are padded"),
    ],
)
def test_what_is_not_wanted_is_not_packed(
    tiny_encoder: Path, change: dict[str, Any], reason: str
) -> None:
    loaded = load(tiny_encoder)
    chosen = dataclasses.replace(settings(), **change)
    with without_padding([task(loaded)], 1, chosen) as (ready, how):
        assert how["toy"] == {"on": False, "reason": reason}
        assert not is_packed(loaded.model)
    assert not ready[0].packed


def test_packing_is_part_of_a_runs_id_and_the_manifest_says_what_became_of_it(
    cli: Cli, tiny_encoder: Path
) -> None:
    found = {}
    for packing in ("auto", "off"):
        command = ("train-target", "./little.toml", "--from", tiny_encoder, *QUICK)
        (path,) = cli(*command, "--packing", packing).paths
        found[packing] = read_manifest(Path(path))
        assert found[packing].settings["packing"] == packing
    assert found["auto"].results["fast"]["packing"] == {"little": {"on": True, "reads": "first"}}
    assert found["off"].results["fast"]["packing"] == {
        "little": {"on": False, "reason": "as asked for"}
    }
    assert found["auto"].id != found["off"].id
