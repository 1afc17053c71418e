"""What the paper's grid costs: nine intermediate tasks by seven targets that are trained.

An estimate from counted work: rows and epochs of the cards' `jiant` recipes, pieces a row measured
on the data at hand, FLOPs of XLM-R Large's shape, and a share of a GPU's peak. Training alone:
evaluations and loading are not in it. BUCC and Tatoeba need no target training.
"""

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.flops import flops_by_length, flops_of
from tests.benchmarks.shapes import config_of
from xlit.errors import MissingError
from xlit.kinds.kind import FeatureOptions
from xlit.kinds.registry import find_kind
from xlit.models.encoders import head_config, load_tokenizer
from xlit.models.references import resolve_encoder
from xlit.tasks.card import Card, find_card
from xlit.tasks.recipes import recipe_for
from xlit.tasks.rows import Row
from xlit.tasks.sources import load_split

INTERMEDIATE = (
    "anli-plus",
    "mnli",
    "qqp",
    "squad-v2",
    "squad",
    "hellaswag",
    "ccg",
    "cosmosqa",
    "csqa",
)
TARGETS = ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa")
RECIPE = "jiant"
SAMPLE = 1500

# where a task has no rows at hand: another with texts of that length
STAND_INS = {"squad": "squad-v2", "hellaswag": "hellaswag-text", "ccg": "udpos"}


@dataclass(frozen=True)
class Cost:
    """One training run of the grid; `pieces` is the mean of a row, all its windows or choices."""

    task: str
    rows: int
    epochs: float
    pieces: float
    flops: float  # of the whole run, both passes
    measured_on: str

    def hours(self, utilisation: float, peak: float) -> float:
        return self.flops / (utilisation * peak) / 3600


def grid(utilisation: float, peak: float, seeds: int) -> str:
    """The price as Markdown, with `peak` in FLOP a second."""
    tokenizer = load_tokenizer(resolve_encoder("e5-small"))  # its pieces are XLM-R's
    first = [cost_of(name, tokenizer) for name in INTERMEDIATE]
    second = [cost_of(name, tokenizer) for name in TARGETS]
    lines = [
        "| task | rows | epochs | pieces a row | measured on | PFLOP | GPU minutes |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {cost.task} | {cost.rows} | {cost.epochs:g} | {cost.pieces:.0f} | {cost.measured_on} "
        f"| {cost.flops / 1e15:.0f} | {60 * cost.hours(utilisation, peak):.1f} |"
        for cost in (*first, *second)
    ]
    hours = sum(cost.hours(utilisation, peak) for cost in first)
    targets = sum(cost.hours(utilisation, peak) for cost in second)
    whole = seeds * (hours + (len(first) + 1) * targets)
    lines += [
        "",
        f"{len(first)} intermediate runs {hours:.2f} h; {len(second)} targets from each of them "
        f"and from the encoder itself, {len(first) + 1} x {targets:.2f} h; {seeds} seed"
        f"{'s' * (seeds > 1)}: **{whole:.1f} GPU hours** at {100 * utilisation:.0f} % of "
        f"{peak / 1e12:.0f} TFLOP/s. An estimate: training alone.",
    ]
    return "\n".join(lines) + "\n"


def cost_of(name: str, tokenizer: object) -> Cost:
    """One run by its recipe. Raises MissingError where neither its rows nor its stand-in's are."""
    card = find_card(name)
    recipe = recipe_for(card, RECIPE)
    source = find_card(card.trains_on) if card.trains_on else card
    size = source.size("train", source.train_language)
    if size is None:
        raise MissingError(f"the card {source.name} does not say how many training rows it has")
    rows, like = _rows(source)
    kind = find_kind(card.kind)
    options = FeatureOptions(
        max_length=recipe.max_length,
        stride=recipe.stride,
        question_length=recipe.question_length,
        labels=like.labels,
        unanswerable=like.unanswerable,
    )
    features, _ = kind.training_features(rows, tokenizer, options)
    lengths = [len(sequence) for feature in features for sequence in feature.sequences]
    config = head_config(config_of("xlmr-large"), kind.head(like.labels))
    by_length: NDArray[np.float64] = flops_by_length(kind.auto_class, config)
    return Cost(
        task=name,
        rows=size,
        epochs=recipe.epochs,
        pieces=sum(lengths) / len(rows),
        flops=size * recipe.epochs * flops_of(lengths, by_length) / len(rows),
        measured_on=like.name,
    )


def _rows(card: Card) -> tuple[tuple[Row, ...], Card]:
    """A sample of the card's rows, of the first of its splits that is there, or of its stand-in."""
    for split in ("train", "dev"):
        try:
            rows = load_split(card, split, card.train_language).rows
        except MissingError:
            continue
        return tuple(random.Random(0).sample(rows, min(SAMPLE, len(rows)))), card
    other = STAND_INS.get(card.name)
    if other is None:
        raise MissingError(f"{card.name}: no rows to measure lengths on", hint="set XLIT_DATA")
    return _rows(find_card(other))
