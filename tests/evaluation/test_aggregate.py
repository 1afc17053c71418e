import pytest

from xlit.errors import UsageError
from xlit.evaluation.aggregate import aggregate, average_languages
from xlit.tasks.suite import find_suite

# PROTOCOL-scoring section 10: the mock data's task numbers
NUMBERS = {
    "pawsx": 51.4286,
    "xnli": 30.6667,
    "udpos": 70.2175,
    "panx": 57.5079,
    "xquad": 78.6157,
    "mlqa": 69.4558,
    "tydiqa": 93.0556,
    "bucc": 55.0,
    "tatoeba": 53.6111,
}


def test_a_tasks_number_is_the_plain_mean_of_its_languages() -> None:
    averages = average_languages("accuracy", {"de": {"accuracy": 50.0}, "en": {"accuracy": 100.0}})
    assert averages == {"avg_accuracy": 75.0, "avg_metric": 75.0}


def test_tagging_takes_the_mean_f1_and_not_the_f1_of_means() -> None:
    languages = {
        "de": {"f1": 0.0, "precision": 100.0, "recall": 0.0},
        "en": {"f1": 50.0, "precision": 100 / 3, "recall": 100.0},
    }
    assert average_languages("chunk_f1", languages)["avg_metric"] == 25.0


def test_qa_takes_the_mean_of_exact_match_and_f1() -> None:
    languages = {
        "de": {"exact_match": 10.0, "f1": 30.0},
        "en": {"exact_match": 30.0, "f1": 50.0},
    }
    assert average_languages("squad", languages) == {
        "avg_exact_match": 20.0,
        "avg_f1": 40.0,
        "avg_metric": 30.0,
    }


def test_no_languages_have_no_average() -> None:
    with pytest.raises(UsageError):
        average_languages("accuracy", {})


def test_overall_is_the_mean_of_tasks_and_not_of_groups() -> None:
    overall = aggregate(find_suite("xtreme"), NUMBERS)
    assert overall == pytest.approx(
        {
            "all_task": 62.1732,
            "classification": 41.0476,
            "tagging": 63.8627,
            "qa": 80.3757,
            "retrieval": 54.3056,
        },
        abs=1e-4,
    )


def test_an_incomplete_group_has_no_number() -> None:
    numbers = {name: value for name, value in NUMBERS.items() if name != "mlqa"}
    assert list(aggregate(find_suite("xtreme"), numbers)) == [
        "classification",
        "tagging",
        "retrieval",
    ]
