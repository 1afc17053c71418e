import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import ModernBertConfig, ModernBertModel

from tests.conftest import SHAPE, tiny_tokenizer
from tests.training.test_loop import FAST, load, rows, settings, task
from tests.training.test_step import OneOf
from xlit import console
from xlit.errors import UsageError
from xlit.kinds.kind import FeatureOptions
from xlit.kinds.registry import find_kind
from xlit.models.encoders import load_with_head, resolve_encoder
from xlit.models.multitask import share_encoder
from xlit.tasks.card import parse_card
from xlit.tasks.recipes import Recipe
from xlit.tasks.rows import ChoiceRow, PlainRow
from xlit.training import dev, step
from xlit.training.loop import Result, train
from xlit.training.schedule import Schedule
from xlit.training.task import TrainTask, Vocabulary
from xlit.training.vocabulary import choose_vocabulary, decay_factors

FIFTY = dataclasses.replace(
    FAST, epochs=0.01, min_steps=50, warmup=0.2, weight_decay=0.01, clip=0.5, batch_size=6
)

CHOICES = """
name = "pick"
kind = "multiple_choice"
summary = "Which is an animal?"
licence = "written for this project"
citation = "none"
languages = ["en"]
metric = "accuracy"
evaluate = "train"

[[splits.train.sources]]
kind = "files"

[[splits.train.sources.files]]
path = "pick.tsv"
format = "tsv"
columns = { context = 1, choices = [2, 3], label = 4 }
"""


def choices(count: int) -> tuple[ChoiceRow, ...]:
    made = []
    for number in range(count):
        pair = ("the dog", "the house") if number % 2 else ("the river", "a cat")
        made.append(ChoiceRow(str(number), f"old {number}", "", pair, 1 - number % 2))
    return tuple(made)


def two_tasks(encoder: Path, recipe: Recipe) -> tuple[list[TrainTask], Any]:
    """A classification and a multiple choice task on one encoder, and its tokenizer."""
    loaded = load(encoder)
    kind = find_kind("multiple_choice")
    ref = resolve_encoder(str(encoder))
    second = load_with_head(ref, kind.auto_class, config=kind.head(()), seed=1).model
    share_encoder({"toy": loaded.model, "pick": second})
    return [
        task(loaded, recipe, train_rows=rows(24, "red")),
        TrainTask(
            card=parse_card(CHOICES, "pick.toml"),
            kind=kind,
            rows=choices(20),
            dev=choices(8),
            recipe=recipe,
            options=FeatureOptions(max_length=32),
            model=second,
        ),
    ], loaded.tokenizer


def trained(
    encoder: Path, directory: Path, vocabulary: Vocabulary, recipe: Recipe
) -> tuple[dict[str, Tensor], Result]:
    """All tensors of both models after a run, and what it came to."""
    tasks, tokenizer = two_tasks(encoder, recipe)
    how = dataclasses.replace(settings(), vocabulary=vocabulary)
    result = train(tasks, tokenizer, how, directory)
    tensors = {
        f"{one.card.name} {name}": value
        for one in tasks
        for name, value in one.model.state_dict().items()
    }
    return tensors, result


def pieces_of(encoder: Path) -> list[int]:
    """The pieces of all texts of both tasks, and the special tokens."""
    tasks, tokenizer = two_tasks(encoder, FIFTY)
    features = [f for t in tasks for f in t.kind.features(t.rows + t.dev, tokenizer, t.options)]
    found = {piece for feature in features for one in feature.sequences for piece in one}
    return sorted(found | set(tokenizer.all_special_ids))


def distance(expected: Tensor, got: Tensor) -> float:
    """The largest difference, relative to the largest number."""
    return float((expected - got).abs().max() / expected.abs().max().clamp(min=1e-30))


@pytest.fixture(scope="module")
def tiny_modernbert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer ModernBERT, bare, and tokenizer."""
    directory = tmp_path_factory.mktemp("tiny-modernbert")
    rows = len(tiny_tokenizer(directory))
    config = ModernBertConfig(vocab_size=rows, **SHAPE, embedding_dropout=0.1, mlp_dropout=0.1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(13)
        ModernBertModel(config).save_pretrained(directory)
    return directory


@pytest.fixture
def cut_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several micro-batches a step."""
    # a budget of tokens that the tests' short sentences exceed
    monkeypatch.setattr(step, "CPU_TOKENS", 48)


@pytest.mark.parametrize("source", ["tiny_encoder", "tiny_xlmr", "tiny_modernbert"])
def test_fifty_steps_with_a_compact_vocabulary_are_those_with_all_of_it(
    source: str, request: pytest.FixtureRequest, tmp_path: Path, cut_steps: None
) -> None:
    """Two tasks, dropout, warm-up, decay, and clipping in some steps and not in others."""
    encoder: Path = request.getfixturevalue(source)
    rates = [m.p for m in load(encoder).model.modules() if isinstance(m, nn.Dropout)]
    assert max(rates) > 0
    full, dense = trained(encoder, tmp_path, "full", dataclasses.replace(FIFTY, keep="last"))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    clipped = [line["gradient_norm"] > FIFTY.clip for line in lines if "gradient_norm" in line]
    assert 5 <= sum(clipped) <= 45
    got, result = trained(encoder, tmp_path, "compact", dataclasses.replace(FIFTY, keep="last"))
    assert result.steps == result.best_step == 50
    assert dense.fast["vocabulary"] == "full"
    held = result.fast["vocabulary"]
    assert held["rows"] < held["of"] / 10
    assert list(got) == list(full)
    assert max(distance(full[name], got[name]) for name in full) <= 1e-6
    before = load(encoder).model.get_input_embeddings().weight
    (word,) = (n for n in full if "toy" in n and re.search("(word|tok)_embeddings", n))
    unseen = torch.ones(len(before), dtype=torch.bool)
    unseen[pieces_of(encoder)] = False
    assert int(unseen.sum()) == held["of"] - held["rows"]
    assert torch.equal(got[word][unseen], full[word][unseen])  # element by element
    assert not torch.equal(got[word][unseen], before[unseen])


def test_rows_that_were_not_held_are_as_at_the_kept_step(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_steps: None
) -> None:
    real = dev.evaluate
    calls: list[int] = []

    def best_at_the_second(*args: Any) -> Any:
        calls.append(len(calls))
        score = 90.0 - abs(len(calls) - 2)
        return {n: dataclasses.replace(s, main=score) for n, s in real(*args).items()}

    monkeypatch.setattr(dev, "evaluate", best_at_the_second)  # scores as the test wants them
    short = dataclasses.replace(FIFTY, min_steps=20, eval_every=5)
    full, _ = trained(tiny_encoder, tmp_path, "full", short)
    calls.clear()
    got, result = trained(tiny_encoder, tmp_path, "compact", short)
    assert (result.best_step, result.steps) == (10, 20)
    assert all(distance(full[name], got[name]) <= 1e-6 for name in full)
    word = "toy bert.embeddings.word_embeddings.weight"
    assert torch.equal(got[word][-3:], full[word][-3:])  # rows beyond the tokenizer's pieces


def test_frozen_word_embeddings_can_be_compact(tiny_encoder: Path, tmp_path: Path) -> None:
    frozen = dataclasses.replace(FIFTY, min_steps=8, freeze="embeddings")
    full, _ = trained(tiny_encoder, tmp_path, "full", frozen)
    got, result = trained(tiny_encoder, tmp_path, "compact", frozen)
    assert result.fast["vocabulary"]["rows"] > 0
    assert all(distance(full[name], got[name]) <= 1e-6 for name in full)
    before = load(tiny_encoder).model.get_input_embeddings().weight
    assert torch.equal(got["toy bert.embeddings.word_embeddings.weight"], before)


def test_without_decay_the_other_rows_stay(tiny_encoder: Path, tmp_path: Path) -> None:
    plain = dataclasses.replace(FIFTY, min_steps=4, weight_decay=0.0)
    got, _ = trained(tiny_encoder, tmp_path, "auto", plain)
    before = load(tiny_encoder).model.get_input_embeddings().weight
    assert torch.equal(got["toy bert.embeddings.word_embeddings.weight"][-3:], before[-3:])


@pytest.mark.parametrize("rank", [0, 1])
def test_the_first_process_alone_keeps_the_full_matrix(
    rank: int, tiny_encoder: Path, tmp_path: Path
) -> None:
    tasks, tokenizer = two_tasks(tiny_encoder, FIFTY)
    features = [one.kind.features(one.rows, tokenizer, one.options) for one in tasks]
    how = dataclasses.replace(settings(), processes=OneOf(rank, 2))
    made = choose_vocabulary(tasks, features, tokenizer, how, tmp_path)
    assert made is not None
    made.restore([])
    held = len(tasks[1].model.get_input_embeddings().weight)
    assert held == (made.full.num_embeddings if rank == 0 else len(made.pieces))


def test_a_special_token_without_a_row_that_no_text_has_is_left_out(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    tasks, tokenizer = two_tasks(tiny_encoder, FIFTY)
    features = [one.kind.features(one.rows, tokenizer, one.options) for one in tasks]
    beyond = len(tasks[0].model.get_input_embeddings().weight)
    tokenizer.add_special_tokens({"additional_special_tokens": [f"<{n}>" for n in range(beyond)]})
    assert max(tokenizer.all_special_ids) >= beyond
    made = choose_vocabulary(tasks, features, tokenizer, settings(), tmp_path)
    assert made is not None
    assert made.pieces.max() < beyond


def test_every_step_up_to_the_kept_one_decays() -> None:
    recipe = dataclasses.replace(FAST, weight_decay=0.5)
    schedule = Schedule(steps=4, warmup=2, every=1, peak=0.1)
    assert decay_factors(schedule, recipe, 3) == pytest.approx([1.0, 0.975, 0.95])


def masked_lm_task(encoder: Path) -> tuple[TrainTask, Any]:
    kind = find_kind("mlm")
    loaded = load_with_head(resolve_encoder(str(encoder)), kind.auto_class)
    text = CHOICES.replace('"pick"', '"text"').replace('"multiple_choice"', '"mlm"')
    text = text.replace('"accuracy"', '"perplexity"').replace('"tsv"', '"text"')
    text = text[: text.index("columns")]
    made = TrainTask(
        card=parse_card(text, "text.toml"),
        kind=kind,
        rows=tuple(PlainRow(str(n), f"the red dog {n}") for n in range(8)),
        dev=(PlainRow("0", "the green dog"),),
        recipe=dataclasses.replace(FAST, min_steps=2, epochs=0.01),
        options=FeatureOptions(max_length=32),
        model=loaded.model,
    )
    return made, loaded.tokenizer


def test_masked_lm_trains_the_full_vocabulary_and_says_why(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(console, "notice", told.append)  # no terminal to look at
    made, tokenizer = masked_lm_task(tiny_encoder)
    result = train([made], tokenizer, settings(), tmp_path)
    assert result.fast["vocabulary"] == "full"
    assert "the head of BertForMaskedLM has an output for every piece" in " ".join(told)


def test_a_compact_vocabulary_that_would_not_be_exact_is_refused(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    made, tokenizer = masked_lm_task(tiny_encoder)
    how = dataclasses.replace(settings(), vocabulary="compact")
    with pytest.raises(UsageError, match="--vocabulary compact: the head of BertForMaskedLM"):
        train([made], tokenizer, how, tmp_path)
