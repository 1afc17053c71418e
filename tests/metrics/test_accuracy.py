import pytest

from xlit.errors import InputError
from xlit.metrics.accuracy import accuracy, item_accuracy


def test_accuracy_is_the_percentage_of_equal_strings() -> None:
    # PROTOCOL-scoring section 4: predictions n, e, c against labels n, c, c
    assert accuracy(["n", "c", "c"], ["n", "e", "c"]) == pytest.approx(66.66666666666666, abs=1e-9)


@pytest.mark.parametrize("guess", ["Neutral", "neutral ", "1.0", "01", "[1]"])
def test_nothing_is_folded_mapped_or_parsed(guess: str) -> None:
    assert accuracy([guess.strip("[] ").lower() + "!"], [guess]) == 0.0
    assert accuracy(["1", "neutral"], [guess, "neutral"]) == 50.0


def test_json_labels_compare_as_json_values() -> None:
    # section 14: the string "1" is not 1, but true and 1.0 are
    assert item_accuracy([1, 1, 1], ["1", True, 1.0]) == [0.0, 1.0, 1.0]


def test_items_are_zero_or_one_in_order() -> None:
    assert item_accuracy(["a", "", "b"], ["b", "", "b"]) == [0.0, 1.0, 1.0]


def test_unequal_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="2 predictions for 1 labels"):
        accuracy(["a"], ["a", "b"])


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to score"):
        accuracy([], [])
