"""What holds for every kind that has a head."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import AutoConfig

from xlit.errors import InputError, UsageError
from xlit.kinds.kind import FeatureOptions, label_map, model_labels
from xlit.kinds.predict import predict
from xlit.kinds.registry import KINDS, find_kind
from xlit.tasks.rows import ROW_OF_KIND, ChoiceRow, Row, SpanRow, TaggedRow, TextRow

from .toy_loop import ModelOf, step_gradient

LABELS = ("contradiction", "entailment", "neutral")
TAGS = ("NOUN", "VERB", "DET")
SENTENCE = "the child reads a red book in the old house near the river who bought green"
WORDS = SENTENCE.split()


def some(i: int, n: int) -> tuple[str, ...]:
    return tuple(WORDS[(i * 5 + j * 3) % len(WORDS)] for j in range(n))


def text(i: int, n: int) -> str:
    return " ".join(some(i, n))


def span_row(i: int) -> SpanRow:
    context = text(i, 10 + 9 * i)
    start = context.index(" ", 20) + 1
    return SpanRow(str(i), context, text(i, 4), (context[start : start + 8].strip(),), (start,))


ROWS: dict[str, Sequence[Row]] = {
    "classification": [
        TextRow(str(i), text(i, 3 + 4 * i), text(i, 5), LABELS[i % 3]) for i in range(9)
    ],
    "multiple_choice": [
        ChoiceRow(str(i), text(i, 2 + 3 * i), "who?", some(i, 2 + i % 3), i % 2) for i in range(9)
    ],
    "span_qa": [span_row(i) for i in range(9)],
    "tagging": [
        TaggedRow(str(i), some(i, 2 + 6 * i), tuple(TAGS[j % 3] for j in range(2 + 6 * i)))
        for i in range(9)
    ],
}
LABELS_OF = {"classification": LABELS, "tagging": TAGS}
METRIC_OF = {"classification": "accuracy", "multiple_choice": "accuracy"} | {
    "span_qa": "squad",
    "tagging": "chunk_f1",
}
TRAINED = pytest.mark.parametrize("name", list(ROWS))
ENCODERS = pytest.mark.parametrize("encoder", ["bert", "xlmr"])


def options_of(name: str) -> FeatureOptions:
    return FeatureOptions(64, stride=16, question_length=12, labels=LABELS_OF.get(name, ()))


@TRAINED
@ENCODERS
def test_micro_batches_do_not_change_the_gradient(
    name: str, encoder: str, unigram: Any, model_of: ModelOf
) -> None:
    kind = KINDS[name]
    model = model_of(kind, encoder, LABELS_OF.get(name, ()))
    features, left_out = kind.training_features(ROWS[name], unigram, options_of(name))
    assert left_out == 0
    whole = step_gradient(kind, model, features, 10**6, unigram.pad_token_id)
    split = step_gradient(kind, model, features, 130, unigram.pad_token_id)
    assert whole.keys() == split.keys()
    assert max(g.abs().max() for g in whole.values()) > 1e-3
    for key, gradient in whole.items():
        torch.testing.assert_close(split[key], gradient, atol=2e-6, rtol=1e-4)


@TRAINED
@ENCODERS
def test_one_loss_a_feature_in_float32(
    name: str, encoder: str, unigram: Any, model_of: ModelOf
) -> None:
    kind = KINDS[name]
    model = model_of(kind, encoder, LABELS_OF.get(name, ()))
    features, _ = kind.training_features(ROWS[name], unigram, options_of(name))
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        outputs = model(**kind.collate(features, unigram.pad_token_id))
    loss = kind.loss(outputs, kind.targets(features))
    assert loss.shape == (len(features),)
    assert loss.dtype == torch.float32
    assert bool(torch.isfinite(loss).all())


@TRAINED
@ENCODERS
def test_predictions_come_in_row_order_whatever_the_batches(
    name: str, encoder: str, unigram: Any, model_of: ModelOf
) -> None:
    kind, rows = KINDS[name], ROWS[name]
    model = model_of(kind, encoder, LABELS_OF.get(name, ()))
    done: list[int] = []
    settings: dict[str, Any] = {"device": torch.device("cpu"), "precision": "float32"}
    settings["advance"] = done.append
    together = predict(kind, model, unigram, rows, options_of(name), token_budget=10**6, **settings)
    apart = predict(kind, model, unigram, rows, options_of(name), token_budget=1, **settings)
    turned = predict(kind, model, unigram, rows[::-1], options_of(name), **settings)
    assert together == apart == turned[::-1]
    assert sum(done) == 3 * len(rows) == 3 * len(together)
    assert not model.training


@TRAINED
def test_bf16_is_close_to_float32(name: str, unigram: Any, model_of: ModelOf) -> None:
    kind, rows = KINDS[name], ROWS[name]
    model = model_of(kind, "bert", LABELS_OF.get(name, ()))
    cpu = torch.device("cpu")
    args = (kind, model, unigram, rows, options_of(name))
    half = predict(*args, device=cpu, precision="bf16")
    assert len(half) == len(predict(*args, device=cpu, precision="float32"))
    assert kind.score(rows, half, METRIC_OF[name], "en").main >= 0


@TRAINED
def test_the_gold_itself_scores_a_hundred(name: str) -> None:
    kind, rows = KINDS[name], ROWS[name]
    golds = [row.texts[0] if isinstance(row, SpanRow) else gold_of(row) for row in rows]
    score = kind.score(rows, golds, METRIC_OF[name], "en")
    assert score.main == pytest.approx(100)
    assert score.standard_error == pytest.approx(0)
    assert score.items == (1.0,) * len(rows)
    assert not score.constant


def gold_of(row: Row) -> Any:
    return row.tags if isinstance(row, TaggedRow) else getattr(row, "label", None)


@TRAINED
def test_a_metric_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="metric 'tatoeba' does not fit"):
        KINDS[name].score(ROWS[name], [], "tatoeba", "en")


@pytest.mark.parametrize("name", ["classification", "multiple_choice", "tagging"])
def test_hidden_gold_is_predicted_but_not_scored(name: str, unigram: Any) -> None:
    row = {
        "classification": TextRow("r7", "the book", None, None),
        "multiple_choice": ChoiceRow("r7", "the book", "", ("a", "b"), None),
        "tagging": TaggedRow("r7", ("the", "book"), None),
    }[name]
    kind = KINDS[name]
    assert len(kind.features([row], unigram, options_of(name))) == 1
    assert kind.training_features([row], unigram, options_of(name)) == ([], 1)
    with pytest.raises(InputError, match="row r7 has no"):
        kind.score([row], [""], METRIC_OF[name], "en")


@pytest.mark.parametrize("name", ["classification", "multiple_choice", "tagging"])
def test_nothing_to_score_is_an_error(name: str) -> None:
    with pytest.raises(InputError):
        KINDS[name].majority([], METRIC_OF[name], "en")


def test_every_kind_of_row_has_a_kind() -> None:
    assert list(KINDS) == list(ROW_OF_KIND)
    assert all(kind.name == name for name, kind in KINDS.items())
    assert find_kind("tagging") is KINDS["tagging"]


def test_an_unknown_kind_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no kind 'taging'.*known: tagging"):
        find_kind("taging")


def test_labels_are_mapped_by_name() -> None:
    assert label_map(("b", "c", "a"), ("a", "b", "c")) == (1, 2, 0)


@pytest.mark.parametrize("own", [("a", "b"), ("a", "b", "x"), ("a", "b", "c", "d")])
def test_other_labels_than_the_cards_are_refused(own: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=r"labels \(a, b.*\) are not the card's \(a, b, c\)"):
        label_map(own, ("a", "b", "c"))


@pytest.mark.parametrize("name", list(LABELS_OF))
def test_outputs_are_read_by_the_names_of_the_model(
    name: str, unigram: Any, model_of: ModelOf
) -> None:
    kind, rows, labels = KINDS[name], ROWS[name], LABELS_OF[name]
    model = model_of(kind, "bert", labels)
    settings: dict[str, Any] = {"device": torch.device("cpu"), "precision": "float32"}
    turned = FeatureOptions(64, labels=labels[::-1])
    assert predict(kind, model, unigram, rows, options_of(name), **settings) == predict(
        kind, model, unigram, rows, turned, **settings
    )
    assert model_labels(model.config) == labels
    with pytest.raises(UsageError, match="are not the card's"):
        predict(kind, model, unigram, rows, FeatureOptions(64, labels=("x", "y")), **settings)


@pytest.mark.parametrize("name", list(ROWS))
def test_a_head_replaces_that_of_another_kind(
    name: str, model_of: ModelOf, tmp_path: Any, unigram: Any
) -> None:
    nli = model_of(KINDS["classification"], "bert", LABELS)
    nli.config.save_pretrained(tmp_path)
    kind = KINDS[name]
    config = AutoConfig.from_pretrained(tmp_path, **kind.head(LABELS_OF.get(name, ())))
    model = kind.auto_class.from_config(config)
    settings: dict[str, Any] = {"device": torch.device("cpu"), "precision": "float32"}
    found = predict(kind, model, unigram, ROWS[name], options_of(name), **settings)
    assert len(found) == len(ROWS[name])


@pytest.mark.parametrize("field", ["max_length", "stride", "question_length"])
def test_lengths_below_one_are_refused(field: str) -> None:
    with pytest.raises(UsageError, match=f"--{field.replace('_', '-')} 0"):
        replace(FeatureOptions(9), **dict[str, Any]({field: 0}))


def test_a_label_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="twice"):
        FeatureOptions(9, labels=("a", "b", "a"))
