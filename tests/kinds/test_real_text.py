"""Answers and tags of real text through the bundled encoder's tokenizer, and back."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlit.kinds.kind import FeatureOptions
from xlit.kinds.span_qa import SpanQA
from xlit.kinds.tagging import Tagging
from xlit.models.bundled import bundled_tokenizer
from xlit.tasks.rows import SpanRow, TaggedRow

from .toy_loop import certain

pytestmark = [pytest.mark.shared, pytest.mark.encoder]


@pytest.fixture(scope="module")
def e5(bundled_encoder: Path) -> Any:
    return bundled_tokenizer(bundled_encoder)


# What is missing are golds of more than 30 pieces, and golds that end within a piece
@pytest.mark.parametrize(
    ("language", "ceiling"), [("en", 99.9), ("ar", 98.9), ("hi", 99.0), ("th", 98.5), ("zh", 98.5)]
)
def test_a_perfect_head_finds_the_answers_of_xquad(
    e5: Any, shared_data: Path, language: str, ceiling: float
) -> None:
    with gzip.open(shared_data / f"xquad/xquad.{language}.json.gz") as file:
        articles = json.load(file)["data"]
    rows = [
        SpanRow(
            question["id"],
            paragraph["context"],
            question["question"],
            tuple(answer["text"] for answer in question["answers"]),
            tuple(answer["answer_start"] for answer in question["answers"]),
        )
        for article in articles
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    kind, options = SpanQA(), FeatureOptions(384, stride=128, question_length=64)
    features, left_out = kind.training_features(rows, e5, options)
    assert (len(rows), left_out) == (1190, 0)
    found = kind.decode(rows, features, certain(features), options)
    assert kind.score(rows, found, "squad", language).metrics["exact_match"] > ceiling


@pytest.mark.parametrize("language", ["th", "ja", "yo"])
def test_every_word_of_udpos_keeps_its_tag(e5: Any, shared_data: Path, language: str) -> None:
    with gzip.open(shared_data / f"udpos/test-{language}.tsv.gz", "rt", encoding="utf-8") as file:
        blocks = [block.split("\n") for block in file.read().split("\n\n") if block.strip()]
    rows = []
    for i, lines in enumerate(blocks):
        pairs = [line.split("\t") for line in lines if line]
        words, tags = (tuple(pair[column] for pair in pairs) for column in (0, 1))
        rows.append(TaggedRow(str(i), words, tags))
    labels = tuple(sorted({tag for row in rows for tag in row.tags or ()}))
    kind, options = Tagging(), FeatureOptions(48, labels=labels)
    features = kind.features(rows, e5, options)
    assert len(features) > len(rows)  # some sentences had to be split
    assert max(f.length for f in features) <= 48
    assert kind.decode(rows, features, [np.array(f.target) for f in features], options) == [
        row.tags for row in rows
    ]
