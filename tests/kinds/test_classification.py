from typing import Any

import pytest
import torch

from xlit.errors import InputError
from xlit.kinds.classification import Classification
from xlit.kinds.kind import FeatureOptions
from xlit.kinds.predict import predict
from xlit.tasks.rows import TextRow

from .toy_loop import ModelOf, train

KIND = Classification()
OPTIONS = FeatureOptions(24, labels=("no", "yes"))


def pair(i: int, *, agree: bool) -> TextRow:
    """ "yes" where the second text names the animal of the first: no word alone tells."""
    animals = ("dog", "cat", "bird", "child")
    first, second = animals[i % 4], animals[(i + (0 if agree else 1 + i // 4 % 3)) % 4]
    filler = ("the", "a", "old", "red")[i // 12 % 4]
    label = "yes" if agree else "no"
    return TextRow(f"{i}{label}", f"{filler} {first} sleeps", f"{filler} {second}", label)


def test_a_trained_model_passes_a_task_that_chance_and_either_text_alone_fail(
    unigram: Any, model_of: ModelOf
) -> None:
    rows = [pair(i, agree=agree) for i in range(48) for agree in (True, False)]
    model = model_of(KIND, "bert", OPTIONS.labels)
    assert accuracy(rows, model, unigram) < 75
    features, _ = KIND.training_features(rows, unigram, OPTIONS)
    train(KIND, model, features, unigram.pad_token_id, epochs=25)
    assert accuracy(rows, model, unigram) > 85


def accuracy(rows: list[TextRow], model: Any, tokenizer: Any) -> float:
    found = predict(
        KIND, model, tokenizer, rows, OPTIONS, device=torch.device("cpu"), precision="float32"
    )
    return KIND.score(rows, found, "accuracy", "en").main


def test_a_single_text_fits_the_length(tokenizer: Any) -> None:
    rows = [TextRow("0", "book " * 30, None, "yes"), TextRow("1", "book", None, "no")]
    long, short = KIND.features(rows, tokenizer, OPTIONS)
    whole = tokenizer(rows[0].text)["input_ids"]
    assert long.length == 24
    assert list(long.sequences[0]) == whole[:23] + whole[-1:]
    assert list(short.sequences[0]) == tokenizer("book")["input_ids"]
    assert (long.target, short.target, long.weight) == ((1,), (0,), 1.0)


def test_an_unknown_label_names_the_row_and_the_labels(unigram: Any) -> None:
    with pytest.raises(InputError, match="row 7: label 'maybe' is none of no, yes"):
        KIND.features([TextRow("7", "a", None, "maybe")], unigram, OPTIONS)


def test_accuracy_and_its_binomial_error() -> None:
    rows = [TextRow(str(i), "a", None, "yes") for i in range(4)]
    score = KIND.score(rows, ["yes", "no", "yes", "yes"], "accuracy", "en")
    assert score.main == score.metrics["accuracy"] == 75
    assert score.items == (1, 0, 1, 1)
    assert score.standard_error == pytest.approx(100 * (0.75 * 0.25 / 4) ** 0.5)
    assert not score.constant


def test_equal_predictions_are_constant() -> None:
    rows = [TextRow(str(i), "a", None, label) for i, label in enumerate(["yes", "no", "yes"])]
    assert KIND.score(rows, ["no"] * 3, "accuracy", "en").constant
    assert not KIND.score(rows[:1], ["no"], "accuracy", "en").constant


def test_majority_predicts_the_label_most_frequent_in_other_rows() -> None:
    train_rows = [TextRow(str(i), "a", None, label) for i, label in enumerate("xxyxy")]
    rows = [TextRow(str(i), "a", None, label) for i, label in enumerate("yyx")]
    assert KIND.majority(rows, "accuracy", "en").main == pytest.approx(200 / 3)
    floor = KIND.majority(rows, "accuracy", "en", counted=train_rows)
    assert floor.main == pytest.approx(100 / 3)
    assert floor.constant
