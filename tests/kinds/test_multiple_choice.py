from typing import Any

import pytest
import torch

from xlit.errors import InputError
from xlit.kinds.kind import FeatureOptions
from xlit.kinds.multiple_choice import MultipleChoice, prompt
from xlit.kinds.predict import predict
from xlit.tasks.rows import ChoiceRow

from .toy_loop import ModelOf, train

KIND = MultipleChoice()
OPTIONS = FeatureOptions(24)


def row(i: int) -> ChoiceRow:
    """The right choice names the animal of the context; two or three choices, any place."""
    animals = ("dog", "cat", "bird", "child")
    count, place = 2 + i % 2, i // 2 % 2
    others = [animals[(i + 1 + j) % 4] for j in range(count)]
    choices = tuple(animals[i % 4] if j == place else others[j] for j in range(count))
    return ChoiceRow(str(i), f"the {animals[i % 4]} sleeps", "who?", choices, place)


def test_a_trained_model_passes_a_task_that_chance_fails(unigram: Any, model_of: ModelOf) -> None:
    rows = [row(i) for i in range(48)]
    model = model_of(KIND)
    settings: dict[str, Any] = {"device": torch.device("cpu"), "precision": "float32"}
    features, _ = KIND.training_features(rows, unigram, OPTIONS)
    before = predict(KIND, model, unigram, rows, OPTIONS, **settings)
    assert KIND.score(rows, before, "accuracy", "en").main < 75
    train(KIND, model, features, unigram.pad_token_id, epochs=25)
    after = predict(KIND, model, unigram, rows, OPTIONS, **settings)
    assert KIND.score(rows, after, "accuracy", "en").main > 95


@pytest.mark.parametrize(
    ("context", "question", "expected"),
    [
        ("It rained.", "Why?", "It rained. Why?"),
        ("It rained.", "", "It rained."),
        ("", "Why?", "Why?"),
    ],
)
def test_the_question_follows_the_context(context: str, question: str, expected: str) -> None:
    assert prompt(ChoiceRow("0", context, question, ("a", "b"), 0)) == expected


def test_one_pair_a_choice(tokenizer: Any) -> None:
    [feature] = KIND.features(
        [ChoiceRow("0", "the book", "who?", ("dog", "a cat"), 1)], tokenizer, OPTIONS
    )
    expected = tokenizer(["the book who?"] * 2, ["dog", "a cat"])
    assert [list(s) for s in feature.sequences] == expected["input_ids"]
    assert feature.target == (1,)
    if "token_type_ids" in expected:
        assert feature.type_ids is not None
        assert [list(s) for s in feature.type_ids] == expected["token_type_ids"]


def test_the_front_of_the_context_is_cut_and_the_question_stays(tokenizer: Any) -> None:
    [feature] = KIND.features(
        [ChoiceRow("0", "book " * 30, "who?", ("dog", "cat"), None)], tokenizer, OPTIONS
    )
    [whole] = tokenizer(["book " * 30 + "who?"], ["cat"])["input_ids"]
    cut = list(feature.sequences[1])
    assert len(cut) == 24
    assert cut[0] == whole[0]
    assert cut[1:] == whole[-23:]


def test_a_choice_that_is_too_long_loses_its_end(unigram: Any) -> None:
    [feature] = KIND.features(
        [ChoiceRow("0", "the dog", "", ("book " * 40, "cat"), 0)], unigram, OPTIONS
    )
    whole = unigram("book " * 40, add_special_tokens=False)["input_ids"]
    assert list(feature.sequences[0]) == [0, 2, 2, *whole[:20], 2]


@pytest.mark.parametrize("encoder", ["bert", "xlmr"])
def test_missing_choices_change_nothing(encoder: str, unigram: Any, model_of: ModelOf) -> None:
    model = model_of(KIND, encoder)
    rows = [
        ChoiceRow("0", "the dog", "who?", ("cat", "dog"), 1),
        ChoiceRow("1", "the cat", "who?", ("cat", "dog", "bird", "child"), 3),
    ]
    features = KIND.features(rows, unigram, OPTIONS)
    inputs = KIND.collate(features, unigram.pad_token_id)
    assert inputs["input_ids"].shape[:2] == (2, 4)
    together = KIND.loss(model(**inputs), KIND.targets(features))
    alone = torch.cat(
        [
            KIND.loss(model(**KIND.collate([f], unigram.pad_token_id)), KIND.targets([f]))
            for f in features
        ]
    )
    torch.testing.assert_close(together, alone)
    torch.autograd.backward(together.sum())
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)
    assert len(KIND.extract(model(**inputs), features)[0]) == 2


def test_a_missing_choice_is_never_predicted(unigram: Any) -> None:
    rows = [ChoiceRow(str(i), "a", "", ("b",) * n, 0) for i, n in enumerate((2, 3))]
    features = KIND.features(rows, unigram, OPTIONS)

    class Outputs:
        logits = torch.tensor([[0.0, 1.0, 9.0], [0.0, 1.0, 9.0]])

    found = KIND.decode(rows, features, KIND.extract(Outputs, features), OPTIONS)
    assert found == [1, 2]


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_beyond_the_choices_is_refused(label: int, unigram: Any) -> None:
    with pytest.raises(InputError, match=f"row 3: label {label} of 2 choices"):
        KIND.features([ChoiceRow("3", "a", "", ("b", "c"), label)], unigram, OPTIONS)


def test_no_choices_are_refused(unigram: Any) -> None:
    with pytest.raises(InputError, match="row 3 has no choices"):
        KIND.features([ChoiceRow("3", "a", "", (), None)], unigram, OPTIONS)


def test_majority_is_the_most_frequent_place() -> None:
    rows = [ChoiceRow(str(i), "a", "", ("b", "c"), label) for i, label in enumerate((1, 0, 1))]
    assert KIND.majority(rows, "accuracy", "en").main == pytest.approx(200 / 3)
