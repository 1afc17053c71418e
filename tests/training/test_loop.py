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
from xlit.training import dev, step
from xlit.training.loop import Result, train
from xlit.training.mixing import Mix
from xlit.training.task import Settings, TrainTask

CPU = torch.device("cpu")
FAST = dataclasses.replace(
    RECIPES["small"],
    learning_rate=3e-3,
    epochs=6,
    min_steps=0,
    batch_size=8,
    freeze="none",
)
PROPORTIONAL = Mix()
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


def task(
    loaded: Loaded,
    recipe: Recipe = FAST,
    *,
    name: str = "toy",
    train_rows: tuple[TextRow, ...] = (),
) -> TrainTask:
    return TrainTask(
        card=toy_card(name),
        kind=find_kind("classification"),
        rows=train_rows or rows(48, "red"),
        dev=rows(24, "green"),
        recipe=recipe,
        options=FeatureOptions(max_length=32, labels=("no", "yes")),
        model=loaded.model,
    )


def settings(seed: int = 0, mix: Mix = PROPORTIONAL) -> Settings:
    return Settings(seed=seed, precision="float32", where=CPU, mix=mix)


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_a_tiny_encoder_learns_what_chance_cannot(tiny_encoder: Path, tmp_path: Path) -> None:
    loaded = load(tiny_encoder)
    result = train([task(loaded)], loaded.tokenizer, settings(), tmp_path)
    (outcome,) = result.outcomes
    assert outcome.floor == 50.0
    assert outcome.score >= 90.0
    assert not outcome.degenerate
    assert result.mixture["toy"]["examples"] == 48 * 6


def test_the_log_has_a_line_a_step_and_one_an_evaluation(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    loaded = load(tiny_encoder)
    log = tmp_path / "log.jsonl"
    result = train([task(loaded)], loaded.tokenizer, settings(), tmp_path)
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
        train([task(loaded, short)], loaded.tokenizer, settings(seed), tmp_path)
        found.append(weights(loaded.model))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert not all(torch.equal(found[0][name], found[2][name]) for name in found[0])


def test_micro_batches_do_not_change_the_result(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_dropout = []
    norms = []
    for budget in (100_000, 40):
        monkeypatch.setattr(step, "CPU_TOKENS", budget)
        loaded = load(tiny_encoder)
        for module in loaded.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        loaded.model.config.attention_probs_dropout_prob = 0.0
        for layer in loaded.model.bert.encoder.layer:
            layer.attention.self.dropout.p = 0.0
        short = dataclasses.replace(FAST, epochs=1)
        train([task(loaded, short)], loaded.tokenizer, settings(), tmp_path)
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
    train([task(loaded, frozen)], loaded.tokenizer, settings(), tmp_path)
    assert torch.equal(loaded.model.get_input_embeddings().weight, before)


def test_the_best_checkpoint_is_kept_and_not_the_last(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tiny_encoder)
    real = dev.evaluate
    calls: list[dict[str, torch.Tensor]] = []

    def worse_and_worse(*args: Any) -> Any:
        calls.append(weights(loaded.model))
        return {
            name: dataclasses.replace(score, main=50.0 - len(calls))
            for name, score in real(*args).items()
        }

    # dev scores as the test wants them
    monkeypatch.setattr(dev, "evaluate", worse_and_worse)
    short = dataclasses.replace(FAST, epochs=3)
    whole = dataclasses.replace(settings(), vocabulary="full")  # whose rows can be compared
    result = train([task(loaded, short)], loaded.tokenizer, whole, tmp_path)
    assert result.best_step == 6
    assert len(calls) == 3
    assert all(torch.equal(value, calls[0][n]) for n, value in weights(loaded.model).items())


def test_patience_ends_a_run_that_gets_no_better(tiny_encoder: Path, tmp_path: Path) -> None:
    loaded = load(tiny_encoder)
    still = dataclasses.replace(FAST, learning_rate=1e-12, epochs=10, patience=2)
    result = train([task(loaded, still)], loaded.tokenizer, settings(), tmp_path)
    assert result.steps == 3 * 6


def test_tasks_of_one_run_train_one_encoder(tiny_encoder: Path, tmp_path: Path) -> None:
    models = {name: load(tiny_encoder, seed) for seed, name in enumerate(("first", "second"))}
    share_encoder({name: loaded.model for name, loaded in models.items()})
    tasks = [task(loaded, name=name) for name, loaded in models.items()]
    result = train(tasks, models["first"].tokenizer, settings(), tmp_path)
    assert set(result.mixture) == {"first", "second"}
    assert min(drawn["batches"] for drawn in result.mixture.values()) > 0
    assert [outcome.score >= 90 for outcome in result.outcomes] == [True, True]


def mixed(encoder: Path, directory: Path, mix: Mix, seed: int = 0) -> Result:
    """Two tasks of 48 and 16 rows, the second with batches of its own size."""
    short = dataclasses.replace(FAST, epochs=2)
    models = {name: load(encoder) for name in ("first", "second")}
    share_encoder({name: loaded.model for name, loaded in models.items()})
    tasks = [
        task(models["first"], short, name="first"),
        task(
            models["second"],
            dataclasses.replace(short, batch_size=4),
            name="second",
            train_rows=rows(16, "old"),
        ),
    ]
    return train(tasks, models["first"].tokenizer, settings(seed, mix), directory)


def test_the_log_and_the_result_say_which_rows_of_each_task_were_seen(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    result = mixed(tiny_encoder, tmp_path, Mix(cap=16))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert result.steps == 2 * (2 + 4)  # 48 rows count as 16 in the steps, and are not cut
    for name in ("first", "second"):
        drawn = result.mixture[name]
        assert drawn["weight"] == 0.5
        assert drawn["batches"] == len([x for x in lines if x.get("task") == name])
        assert drawn["distinct"] + drawn["repeats"] == drawn["examples"]
        assert {"seen": name, **drawn} in lines
        seen = [row for x in lines if x.get("task") == name for row in x["rows"]]
        assert (len(seen), len(set(seen))) == (drawn["examples"], drawn["distinct"])
        assert set(seen) <= set(range(drawn["rows"]))
    assert result.mixture["first"]["rows"] == 48
    assert result.mixture["first"]["distinct"] > 16
    assert result.mixture["first"]["examples"] == 8 * result.mixture["first"]["batches"]
    assert result.mixture["second"]["examples"] == 4 * result.mixture["second"]["batches"]


def test_the_mixture_is_settled_by_the_seed(tiny_encoder: Path, tmp_path: Path) -> None:
    first, again, other = (
        mixed(tiny_encoder, tmp_path, Mix("uniform"), seed) for seed in (0, 0, 1)
    )
    assert first.mixture == again.mixture
    assert first.loss == again.loss != other.loss


def test_tasks_that_share_a_head_train_one_and_read_it_by_name(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    loaded = load(tiny_encoder)
    one = task(loaded, name="one")
    # the other task's card has the labels the other way round; the head keeps its own order
    turned = parse_card(one.card.toml().replace('"no", "yes"', '"yes", "no"'), "turned.toml")
    two = dataclasses.replace(one, card=turned.model_copy(update={"name": "two"}))
    result = train([one, two], loaded.tokenizer, settings(), tmp_path)
    assert [outcome.score >= 90 for outcome in result.outcomes] == [True, True]


def test_the_mean_of_the_tasks_chooses_and_stops(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # set by hand, because real scores do not rise and fall at will
    scores = iter([(50, 50), (90, 20), (40, 80), (100, 0), (60, 40), (0, 99)])
    real = dev.evaluate

    def by_hand(*args: Any) -> Any:
        wanted = next(scores)
        return {
            name: dataclasses.replace(score, main=float(main))
            for (name, score), main in zip(real(*args).items(), wanted, strict=True)
        }

    # dev scores as the test wants them
    monkeypatch.setattr(dev, "evaluate", by_hand)
    models = {name: load(tiny_encoder) for name in ("first", "second")}
    share_encoder({name: loaded.model for name, loaded in models.items()})
    recipe = dataclasses.replace(FAST, epochs=10, eval_every=2, patience=2)
    tasks = [task(loaded, recipe, name=name) for name, loaded in models.items()]
    log = tmp_path / "log.jsonl"
    result = train(tasks, models["first"].tokenizer, settings(), tmp_path)
    # means 50, 55, 60, 50, 50: the third is best, two worse ones end it
    assert (result.best_step, result.steps) == (6, 10)
    assert [outcome.score for outcome in result.outcomes] == [40.0, 80.0]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    means = [line["dev"] for line in lines if "dev" in line]
    assert means == [50.0, 55.0, 60.0, 50.0, 50.0]
    assert [line["tasks"] for line in lines if "dev" in line][2] == {"first": 40, "second": 80}


def test_rows_without_gold_cannot_be_trained_on(tiny_encoder: Path, tmp_path: Path) -> None:
    loaded = load(tiny_encoder)
    hidden = (TextRow("0", "the red dog", None, None),)
    with pytest.raises(InputError, match="toy: no training row"):
        train([task(loaded, train_rows=hidden)], loaded.tokenizer, settings(), tmp_path)
