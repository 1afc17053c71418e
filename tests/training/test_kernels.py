import dataclasses
import json
from pathlib import Path

import pytest
import torch

from tests.training.test_loop import FAST, load, settings, task, weights
from tests.training.test_packing import still
from xlit.models.kernels import layers_of
from xlit.training.kernels import fast_layers
from xlit.training.loop import train
from xlit.training.packing import without_padding


def test_fast_layers_take_the_steps_of_plain_ones(tiny_encoder: Path, tmp_path: Path) -> None:
    found = []
    for packing in ("auto", "off"):
        loaded = still(load(tiny_encoder))
        chosen = dataclasses.replace(settings(), packing=packing)
        short = dataclasses.replace(FAST, epochs=2)
        with (
            without_padding([task(loaded, short)], 1, chosen) as (ready, _),
            fast_layers(ready, chosen) as how,
        ):
            layers = layers_of(loaded.model.base_model)
            assert all("forward" in vars(layer) for layer in layers) == (packing == "auto")
            train(ready, loaded.tokenizer, chosen, tmp_path)
        assert not any("forward" in vars(layer) for layer in layers)
        lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
        steps = [(x["loss"], x["gradient_norm"]) for x in lines if "loss" in x]
        found.append((how, steps, weights(loaded.model)))
    (fast, steps, ours), (plain, expected, theirs) = found
    assert (fast, plain) == ({"on": True}, {"on": False, "reason": "as asked for"})
    assert torch.tensor(steps) == pytest.approx(torch.tensor(expected), rel=1e-3)
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=2e-4)


def test_layers_are_fast_where_one_of_the_tasks_is_packed(tiny_encoder: Path) -> None:
    loaded = load(tiny_encoder)
    for packed, on in (((True, False), True), ((False, False), False)):
        tasks = [dataclasses.replace(task(loaded), packed=one) for one in packed]
        with fast_layers(tasks, settings()) as how:
            assert how["on"] == on


def test_a_run_with_dropout_is_the_same_twice(tiny_encoder: Path, tmp_path: Path) -> None:
    found = []
    for seed in (0, 0, 1):
        loaded = load(tiny_encoder)
        chosen = dataclasses.replace(settings(), seed=seed)
        with (
            without_padding([task(loaded)], 1, chosen) as (ready, _),
            fast_layers(ready, chosen),
        ):
            train(ready, loaded.tokenizer, chosen, tmp_path)
        found.append(weights(loaded.model))
    first, second, other = found
    assert all(torch.equal(first[name], value) for name, value in second.items())
    assert not all(torch.equal(first[name], value) for name, value in other.items())
