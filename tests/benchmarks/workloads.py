"""The workloads by name, and what a child process loads of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.records import Run
    from xlit.kinds.kind import AnyKind, Feature, FeatureOptions
    from xlit.models.encoders import EncoderRef
    from xlit.tasks.card import Card
    from xlit.tasks.recipes import Recipe
    from xlit.tasks.rows import Row

CARDS = Path(__file__).parent / "cards"
RECIPE = "small"
SEED_OF_ROWS = 0  # of the subset: all contestants and rounds have the same rows


@dataclass(frozen=True)
class Workload:
    """A task, and how many of its rows a round has.

    `seconds` are those of an example for the estimate printed beforehand: of the Trainer's
    defaults, its best and xlit, roughly, on two cores of a server of 2023.
    """

    task: str
    rows: int
    dev: int
    seconds: tuple[float, float, float]


WORKLOADS = {
    "pairs": Workload("mnli", rows=6400, dev=1000, seconds=(0.105, 0.045, 0.026)),
    "qa": Workload(str(CARDS / "squadshifts.toml"), rows=640, dev=0, seconds=(0.4, 0.16, 0.09)),
    "choice": Workload("siqa", rows=1600, dev=0, seconds=(0.25, 0.1, 0.06)),
}


@dataclass(frozen=True)
class Loaded:
    """A run's task in this process."""

    card: "Card"
    kind: "AnyKind"
    recipe: "Recipe"
    options: "FeatureOptions"
    rows: "tuple[Row, ...]"
    ref: "EncoderRef"


def load(run: "Run") -> Loaded:
    """The training rows of a run as the training stage picks them, and how they are cut."""
    import dataclasses

    from xlit.kinds.kind import FeatureOptions
    from xlit.kinds.registry import find_kind
    from xlit.models.references import resolve_encoder
    from xlit.tasks.card import find_card
    from xlit.tasks.recipes import recipe_for
    from xlit.tasks.sources import load_split
    from xlit.tasks.subsets import subset

    card = find_card(run.task)
    recipe = recipe_for(card, RECIPE)
    recipe = dataclasses.replace(
        recipe,
        batch_size=run.batch_size,
        epochs=run.epochs,
        max_length=run.max_length or recipe.max_length,
        learning_rate=run.learning_rate or recipe.learning_rate,
    )
    rows = load_split(card, "train", card.train_language).rows
    options = FeatureOptions(
        max_length=recipe.max_length,
        stride=recipe.stride,
        question_length=recipe.question_length,
        labels=card.labels,
        unanswerable=card.unanswerable,
    )
    if run.rows < len(rows):
        rows = tuple(rows[i] for i in subset(rows, card, run.rows, SEED_OF_ROWS))
    return Loaded(card, find_kind(card.kind), recipe, options, rows, resolve_encoder(run.encoder))


def features_of(loaded: Loaded, tokenizer: Any) -> "Sequence[Feature]":
    """The training features of a run."""
    features, _ = loaded.kind.training_features(loaded.rows, tokenizer, loaded.options)
    return features


def tokens_of(features: "Sequence[Feature]") -> int:
    """The pieces of all sequences, padding not counted."""
    return sum(len(sequence) for feature in features for sequence in feature.sequences)


def dev_score(loaded: Loaded, model: Any, tokenizer: Any, rows: int) -> tuple[float, str]:
    """The score of a trained model on `rows` dev rows, in percent, and the metric's name.

    Of every contestant by the same code, in the precision of this machine.
    """
    from xlit import device
    from xlit.kinds.predict import predict
    from xlit.tasks.sources import load_split
    from xlit.tasks.subsets import subset

    card = loaded.card
    dev = load_split(card, "dev", card.train_language).rows
    if rows < len(dev):
        dev = tuple(dev[i] for i in subset(dev, card, rows, SEED_OF_ROWS))
    where = device.pick()
    model.to(where)
    precision = device.precision("auto", where)
    found = predict(
        loaded.kind, model, tokenizer, dev, loaded.options, device=where, precision=precision
    )
    score = loaded.kind.score(dev, found, metric=card.metric, language=card.train_language)
    return score.main, card.metric
