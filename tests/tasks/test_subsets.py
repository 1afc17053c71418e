import hashlib
import random
from collections import Counter
from itertools import pairwise

import pytest

from tests.tasks.sample_cards import bitext_card, card, choices_card, spans_card, tags_card
from xlit.errors import UsageError
from xlit.tasks.card import Card
from xlit.tasks.rows import ChoiceRow, Row, SpanRow, TaggedRow, TextRow
from xlit.tasks.subsets import carve, subset, subset_order

CHOICES = choices_card(
    "[[splits.test.sources.files]]\npath = '{lang}'\nformat = 'jsonl'\n"
    "columns = { context = 'a', choices = ['b', 'c'] }\n"
)
SPANS = spans_card(group='group = "context"')


def text_rows(counts: dict[str, int]) -> list[Row]:
    labels = [label for label, count in counts.items() for _ in range(count)]
    random.Random(7).shuffle(labels)
    return [TextRow(str(i), f"premise {i}", f"hypothesis {i}", x) for i, x in enumerate(labels)]


def span_rows(sizes: list[int]) -> list[Row]:
    return [
        SpanRow(f"{i}-{j}", f"paragraph {i}", f"question {j}", ("p",), (0,))
        for i, size in enumerate(sizes)
        for j in range(size)
    ]


def contents(rows: list[Row], chosen: list[int]) -> list[str]:
    return [rows[i].text for i in chosen if isinstance(rows[i], TextRow)]  # type: ignore[union-attr]  # narrowed by the condition


NLI = text_rows({"no": 301, "yes": 199})


def test_the_order_is_a_permutation() -> None:
    assert sorted(subset_order(NLI, card(), 0)) == list(range(500))


def test_a_subset_is_the_beginning_of_the_order() -> None:
    order = subset_order(NLI, card(), 3)
    for size in (1, 2, 100, 499, 500):
        assert subset(NLI, card(), size, 3) == order[:size]


def test_all_rows_where_there_are_no_more() -> None:
    assert sorted(subset(NLI, card(), 10_000, 0)) == list(range(500))


def test_each_smaller_subset_lies_inside_the_larger() -> None:
    chosen = [set(subset(NLI, card(), size, 0)) for size in (1, 10, 37, 100, 400)]
    assert all(smaller < larger for smaller, larger in pairwise(chosen))


def test_seeds_give_other_subsets() -> None:
    first, second = (set(subset(NLI, card(), 100, seed)) for seed in (0, 1))
    # two independent fifths share a fifth of their rows
    assert 5 < len(first & second) < 40


@pytest.mark.parametrize(
    "counts",
    [
        {"no": 301, "yes": 199},
        {"no": 7, "yes": 493},
        {"a": 5504, "b": 5100, "c": 4397},  # MNLI's first 15,001 rows
        {"a": 900, "b": 90, "c": 10},
        dict.fromkeys("abcde", 200),
    ],
    ids=["two", "two skewed", "MNLI", "three skewed", "five equal"],
)
def test_every_stratum_is_within_one_row_of_its_share(counts: dict[str, int]) -> None:
    rows = text_rows(counts)
    order = subset_order(rows, card(), 0)
    taken: Counter[str] = Counter()
    for n, index in enumerate(order, 1):
        row = rows[index]
        assert isinstance(row, TextRow)
        assert row.label is not None
        taken[row.label] += 1
        for label, count in counts.items():
            assert abs(taken[label] - n * count / len(rows)) <= 1


def test_the_order_of_the_file_and_the_ids_do_not_matter() -> None:
    shuffled = [
        TextRow(f"other {i}", row.text, row.pair, row.label)
        for i, row in enumerate(random.Random(1).sample(NLI, len(NLI)))
        if isinstance(row, TextRow)
    ]
    for seed in (0, 1):
        assert contents(NLI, subset(NLI, card(), 77, seed)) == contents(
            list(shuffled), subset(list(shuffled), card(), 77, seed)
        )


def test_white_space_and_unicode_form_do_not_matter() -> None:
    texts = [f"caf\u00e9 {i} au lait" for i in range(50)]
    plain: list[Row] = [TextRow(str(i), text, None, "no") for i, text in enumerate(texts)]
    other: list[Row] = [
        TextRow(
            str(i),
            text.replace("\u00e9", "e\u0301").replace(" au", " \u00a0au ") + "\n",
            None,
            "no",
        )
        for i, text in enumerate(texts)
    ]
    assert subset_order(plain, card(), 0) == subset_order(other, card(), 0)


def test_the_answers_position_is_the_stratum_of_multiple_choice() -> None:
    rows: list[Row] = [
        ChoiceRow(str(i), f"context {i}", "", ("a", "b"), int(i % 4 == 0)) for i in range(400)
    ]
    chosen = subset(rows, CHOICES, 40, 0)
    assert sum(rows[i].label == 1 for i in chosen if isinstance(rows[i], ChoiceRow)) == 10  # type: ignore[union-attr]  # narrowed by the condition


def test_rows_without_labels_are_one_stratum() -> None:
    rows: list[Row] = [TaggedRow(str(i), ("w", str(i)), ("NOUN", "VERB")) for i in range(60)]
    assert len(set(subset(rows, tags_card(), 30, 0))) == 30


def test_paragraphs_are_taken_whole_and_at_most_the_size() -> None:
    rows = span_rows([5, 1, 3, 7, 4, 2, 6] * 10)
    order = subset_order(rows, SPANS, 0)
    whole = Counter(row.context for row in rows if isinstance(row, SpanRow))
    previous: list[int] = []
    for size in range(7, len(rows) + 1):
        chosen = subset(rows, SPANS, size, 0)
        assert size - 7 < len(chosen) <= size
        assert chosen == order[: len(chosen)]
        assert chosen[: len(previous)] == previous
        taken = Counter(rows[i].context for i in chosen if isinstance(rows[i], SpanRow))  # type: ignore[union-attr]  # narrowed by the condition
        assert all(whole[context] == count for context, count in taken.items())
        previous = chosen


def test_the_order_of_questions_in_the_file_does_not_matter() -> None:
    rows = span_rows([5, 1, 3, 7])
    turned = rows[::-1]
    assert [rows[i].id for i in subset_order(rows, SPANS, 0)] == [
        turned[i].id for i in subset_order(turned, SPANS, 0)
    ]


def test_a_size_that_holds_nothing_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="size 0 of mine holds no whole row"):
        subset(NLI, card(), 0, 0)
    with pytest.raises(UsageError, match="size 4 of mine holds no whole row and context"):
        subset(span_rows([5, 5]), SPANS, 4, 0)


def test_a_bitext_task_has_no_subsets() -> None:
    bitext = bitext_card("path = '{lang}'\ntarget = 'en'\nformat = 'lines'\n")
    with pytest.raises(UsageError, match="has no subsets"):
        subset([], bitext, 5, 0)


@pytest.mark.parametrize(
    ("rows", "one", "expected"),
    [
        (NLI, card(), "59ca1f451a17451b"),
        (span_rows([5, 1, 3, 7]), SPANS, "64d9c832396beda6"),
    ],
    ids=["strata", "groups"],
)
def test_the_order_is_the_same_in_every_version(rows: list[Row], one: Card, expected: str) -> None:
    # stored results: subsets of published runs must stay what they were
    order = subset_order(rows, one, 0)
    assert hashlib.sha256(str(order).encode()).hexdigest()[:16] == expected


def test_carving_is_the_same_in_every_version() -> None:
    parts = carve(NLI, card(), [("dev", 0.1), ("test", 0.2)])
    assert [row.id for row in parts["dev"]][:5] == ["2", "29", "38", "73", "89"]
    assert sum(map(len, parts.values())) == 500
