"""Rows of every kind for tests of features, and a comparison that leaves nothing of them out."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from xlit.kinds.kind import Feature, FeatureOptions
from xlit.tasks.rows import (
    BitextRow,
    ChoiceRow,
    PlainRow,
    RankingRow,
    Row,
    SpanRow,
    TaggedRow,
    TextRow,
)

LABELS = ("no", "yes", "maybe")
OPTIONS = FeatureOptions(
    24, stride=6, question_length=8, labels=LABELS, unanswerable=True, threshold=0.5
)

# letters that the tiny tokenizers know and do not know, marks, white space
TEXT = st.text("abcde fghü人😀\u0301\t", max_size=60)
WORD = st.text("abcdeü人\u0301", max_size=14)


@st.composite
def span_rows(draw: st.DrawFn) -> SpanRow:
    context = draw(TEXT)
    start = draw(st.integers(0, max(0, len(context) - 1)))
    answer = context[start : start + draw(st.integers(0, 9))]
    answers = draw(st.sampled_from([(), (answer,)]))
    starts = (start,) * len(answers)
    return SpanRow("0", context, draw(TEXT), answers, starts)


@st.composite
def tagged_rows(draw: st.DrawFn) -> TaggedRow:
    words = tuple(draw(st.lists(WORD, max_size=20)))
    tags = tuple(draw(st.sampled_from(LABELS)) for _ in words)
    return TaggedRow("0", words, draw(st.sampled_from([None, tags])))


@st.composite
def choice_rows(draw: st.DrawFn) -> ChoiceRow:
    choices = tuple(draw(st.lists(TEXT, min_size=1, max_size=4)))
    label = draw(st.sampled_from([None, *range(len(choices))]))
    return ChoiceRow("0", draw(TEXT), draw(TEXT), choices, label)


ROW_OF: dict[str, st.SearchStrategy[Row]] = {
    "classification": st.builds(
        TextRow, st.just("0"), TEXT, st.none() | TEXT, st.sampled_from([None, *LABELS])
    ),
    "multiple_choice": choice_rows(),
    "span_qa": span_rows(),
    "tagging": tagged_rows(),
    "bitext": st.builds(BitextRow, st.just("0"), st.just("source"), TEXT),
    "mlm": st.builds(PlainRow, st.just("0"), TEXT),
    "ranking": st.builds(
        RankingRow, st.just("0"), st.sampled_from(["query", "candidate"]), TEXT, TEXT
    ),
}


def rows_of(name: str) -> st.SearchStrategy[list[Row]]:
    """Rows of a kind, each with its position for an id."""
    return st.lists(ROW_OF[name], min_size=1, max_size=6).map(
        lambda rows: [dataclasses.replace(row, id=str(i)) for i, row in enumerate(rows)]
    )


def plain(value: Any) -> Any:
    """A value so that everything in it is compared, types and shapes included."""
    if dataclasses.is_dataclass(value):
        return [type(value), *(plain(getattr(value, f.name)) for f in dataclasses.fields(value))]
    if isinstance(value, np.ndarray):
        return [value.dtype, value.shape, value.tolist()]
    if isinstance(value, tuple):
        return (tuple, [plain(item) for item in value])
    return (type(value), value)


def plain_features(features: Sequence[Feature]) -> list[Any]:
    return [plain(feature) for feature in features]


FIXED: dict[str, list[Row]] = {
    "classification": [
        TextRow("0", "the red book", None, "yes"),
        TextRow("1", "a child reads a red book in the old house", "who bought a car " * 3, None),
    ],
    "multiple_choice": [
        ChoiceRow("0", "the dog sleeps " * 5, "who?", ("the dog", "a cat", ""), 1),
        ChoiceRow("1", "", "what?", ("a", "b"), None),
    ],
    "span_qa": [
        SpanRow("0", "the child reads " * 9, "what does a child read?", ("reads",), (10,)),
        SpanRow("1", "Wu\u0308rde und Rechte", "was", (), ()),
    ],
    "tagging": [
        TaggedRow("0", ("the", "\u0007", "dog" * 20, *("cat",) * 26), ("no", "yes", *["no"] * 27)),
        TaggedRow("1", ("the",), None),
    ],
    "bitext": [BitextRow("0", "source", "the dog sleeps " * 9), BitextRow("1", "target", "")],
    "mlm": [PlainRow("0", "the child reads a red book in the old house " * 3), PlainRow("1", "a")],
    "ranking": [
        RankingRow("q", "query", "who reads a book in the old house?", "", ("c",)),
        RankingRow("c", "candidate", "the child reads.", " A red book " * 5, ("c",)),
        RankingRow("r", "query", "who?", "", ("d",)),
    ],
}
"""Rows that meet what features can be cut, filled and marked by."""
