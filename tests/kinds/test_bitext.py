from typing import Any

import pytest

from xlit.errors import UsageError
from xlit.kinds.bitext import Bitext
from xlit.kinds.kind import FeatureOptions
from xlit.tasks.rows import BitextRow

ROW = BitextRow("0", "source", "the book " * 20)


def test_features_are_single_sentences_that_fit(tokenizer: Any) -> None:
    options = FeatureOptions(12)
    [feature] = Bitext().features([ROW], tokenizer, options)
    [expected] = tokenizer([ROW.text], truncation=True, max_length=12)["input_ids"]
    assert list(feature.sequences[0]) == expected
    assert Bitext().training_features([ROW], tokenizer, options) == ([], 1)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("head", [()]),
        ("targets", [[]]),
        ("loss", [None, None]),
        ("extract", [None, []]),
        ("decode", [[], [], [], FeatureOptions(12)]),
        ("score", [[], [], "tatoeba", "de"]),
        ("majority", [[], "tatoeba", "de"]),
    ],
)
def test_there_is_nothing_to_train(method: str, arguments: list[Any]) -> None:
    with pytest.raises(UsageError, match="bitext tasks are retrieved, not trained"):
        getattr(Bitext(), method)(*arguments)
