import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from xlit.errors import InputError
from xlit.kinds.kind import FeatureOptions
from xlit.kinds.registry import find_kind
from xlit.models.encoders import Loaded, load_with_head, resolve_encoder
from xlit.models.multitask import share_encoder
from xlit.tasks.card import Card, parse_card
from xlit.tasks.recipes import RECIPES, Recipe
from xlit.tasks.rows import TextRow
from xlit.training import loop
from xlit.training.loop import Settings, TrainTask, train

CPU = torch.device("cpu")
FAST = dataclasses.replace(
    RECIPES["small"],
    learning_rate=3e-3,
    epochs=6,
    min_steps=0,
    batch_size=8,
    freeze="none",
)
ANIMALS = ("dog", "cat", "birds")
THINGS = ("house", "river", "table")


def toy_card(name: str = "toy") -> Card:
    from tests.cli.little import CARD

    return parse_card(CARD.replace('"little"', f'"{name}"'), "toy.toml")


def rows(count: int, word: str) -> tuple[TextRow, ...]:
    """Sentences that name an animal or a thing; only training can tell which is which."""
    made = []
    for number in range(count):
        animal = number % 2 == 1
        name = (ANIMALS if animal else THINGS)[number % 3]
        made.append(
            TextRow(str(number), f"the {word} {name} {number}", None, "yes" if animal else "no")
        )
    return tuple(made)


def load(directory: Path, seed: int = 0) -> Loaded:
    kind = find_kind("classification")
    return load_with_head(
        resolve_encoder(str(directory)), kind.auto_class, config=kind.head(("no", "yes")), seed=seed
    )


def task(loaded: Loaded, *, name: str = "toy", train_rows: tuple[TextRow, ...] = ()) -> TrainTask:
    return TrainTask(
        card=toy_card(name),
        kind=find_kind("classification"),
        rows=train_rows or rows(48, "red"),
        dev=rows(24, "green"),
        options=FeatureOptions(max_length=32, labels=("no", "yes")),
        model=loaded.model,
    )


def settings(recipe: Recipe = FAST, seed: int = 0) -> Settings:
    return Settings(recipe=recipe, seed=seed, precision="float32", where=CPU)


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_a_tiny_encoder_learns_what_chance_cannot(tiny_encoder: Path, tmp_path: Path) -> None:
    loaded = load(tiny_encoder)
    result = train([task(loaded)], loaded.tokenizer, settings(), tmp_path / "log.jsonl")
    (outcome,) = result.outcomes
    assert outcome.floor == 50.0
    assert outcome.score >= 90.0
    assert not outcome.degenerate
    assert result.seen == {"toy": 48 * 6}


def test_the_log_has_a_line_a_step_and_one_an_evaluation(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    loaded = load(tiny_encoder)
    log = tmp_path / "log.jsonl"
    result = train([task(loaded)], loaded.tokenizer, settings(), log)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, result.steps + 1))
    assert len([line for line in lines if "dev" in line]) == 6


def test_the_same_seed_gives_the_same_tensors_and_another_seed_others(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    short = dataclasses.replace(FAST, epochs=1)
    found: list[dict[str, torch.Tensor]] = []
    for seed in (0, 0, 1):
        loaded = load(tiny_encoder, seed)
        torch.manual_seed(123 + len(found))  # the state outside must not matter
        train([task(loaded)], loaded.tokenizer, settings(short, seed), tmp_path / "log.jsonl")
        found.append(weights(loaded.model))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert not all(torch.equal(found[0][name], found[2][name]) for name in found[0])


def test_micro_batches_do_not_change_the_result(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_dropout = []
    norms = []
    for budget in (100_000, 40):
        monkeypatch.setitem(loop.TOKENS_PER_MICRO_BATCH, "cpu", budget)
        loaded = load(tiny_encoder)
        for module in loaded.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        loaded.model.config.attention_probs_dropout_prob = 0.0
        for layer in loaded.model.bert.encoder.layer:
            layer.attention.self.dropout.p = 0.0
        short = dataclasses.replace(FAST, epochs=1)
        train([task(loaded)], loaded.tokenizer, settings(short), tmp_path / "log.jsonl")
        without_dropout.append(weights(loaded.model))
        lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
        norms.append([line["gradient_norm"] for line in lines if "loss" in line])
    # AdamW hides the scale of a gradient, the norm shows it
    assert norms[0] == pytest.approx(norms[1], rel=1e-3)
    for name, value in without_dropout[0].items():
        torch.testing.assert_close(value, without_dropout[1][name], rtol=1e-3, atol=1e-4)


def test_frozen_word_embeddings_stay_as_they_were(tiny_encoder: Path, tmp_path: Path) -> None:
    loaded = load(tiny_encoder)
    before = loaded.model.get_input_embeddings().weight.clone()
    frozen = dataclasses.replace(FAST, freeze="embeddings", epochs=1)
    train([task(loaded)], loaded.tokenizer, settings(frozen), tmp_path / "log.jsonl")
    assert torch.equal(loaded.model.get_input_embeddings().weight, before)


def test_the_best_checkpoint_is_kept_and_not_the_last(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tiny_encoder)
    real = loop._evaluate
    calls: list[dict[str, torch.Tensor]] = []

    def worse_and_worse(*args: Any) -> Any:
        calls.append(weights(loaded.model))
        return {
            name: dataclasses.replace(score, main=50.0 - len(calls))
            for name, score in real(*args).items()
        }

    monkeypatch.setattr(loop, "_evaluate", worse_and_worse)
    short = dataclasses.replace(FAST, epochs=3)
    result = train([task(loaded)], loaded.tokenizer, settings(short), tmp_path / "log.jsonl")
    assert result.best_step == 6
    assert len(calls) == 3
    assert all(torch.equal(value, calls[0][n]) for n, value in weights(loaded.model).items())


def test_patience_ends_a_run_that_gets_no_better(tiny_encoder: Path, tmp_path: Path) -> None:
    loaded = load(tiny_encoder)
    still = dataclasses.replace(FAST, learning_rate=1e-12, epochs=10, patience=2)
    result = train([task(loaded)], loaded.tokenizer, settings(still), tmp_path / "log.jsonl")
    assert result.steps == 3 * 6


def test_tasks_of_one_run_train_one_encoder(tiny_encoder: Path, tmp_path: Path) -> None:
    models = {name: load(tiny_encoder, seed) for seed, name in enumerate(("first", "second"))}
    share_encoder({name: loaded.model for name, loaded in models.items()})
    tasks = [task(loaded, name=name) for name, loaded in models.items()]
    result = train(tasks, models["first"].tokenizer, settings(), tmp_path / "log.jsonl")
    assert set(result.seen) == {"first", "second"} and min(result.seen.values()) > 0
    assert [outcome.score >= 90 for outcome in result.outcomes] == [True, True]


def test_rows_without_gold_cannot_be_trained_on(tiny_encoder: Path, tmp_path: Path) -> None:
    loaded = load(tiny_encoder)
    hidden = (TextRow("0", "the red dog", None, None),)
    with pytest.raises(InputError, match="toy: no training row"):
        train([task(loaded, train_rows=hidden)], loaded.tokenizer, settings(), tmp_path / "log")
