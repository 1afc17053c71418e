"""Recipes: named hyper-parameters for training on a task.

`jiant` is the paper's released pipeline (PROTOCOL A4, A6), `xtreme` the benchmark's scripts with
the values for large encoders (PROTOCOL-scoring 13). Both were made for XLM-R Large and leave a
small encoder untrained: `small` is for encoders of up to 150 million parameters.
"""

import difflib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from xlit.errors import UsageError

if TYPE_CHECKING:
    from xlit.tasks.card import Card


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyper-parameters. Lengths are in tokens; `stride` is how far a window of a context moves.

    Steps are optimiser steps. A run has the steps of `epochs`, but at least `min_steps`.
    `warmup` is the share of the steps that the learning rate rises in; `warmup_steps`, where it is
    not None, replaces it. `patience` is in evaluations without a better score, None for no early
    stop; `eval_every` in steps, None for every epoch. `freeze` is a text of `tasks.freeze`.
    """

    name: str
    learning_rate: float
    epochs: float
    min_steps: int = 0
    batch_size: int = 32
    max_length: int = 128
    stride: int = 128
    question_length: int = 64
    warmup: float = 0.1
    warmup_steps: int | None = None
    weight_decay: float = 0.01
    clip: float = 1.0
    patience: int | None = None
    eval_rows: int = 500
    eval_every: int | None = None
    keep: Literal["best", "last"] = "best"
    freeze: str = "none"
    adam_epsilon: float = 1e-8

    def as_json(self) -> dict[str, Any]:
        """Plain values for a manifest."""
        return asdict(self)


RECIPES: dict[str, Recipe] = {
    # the guide's defaults: 3 epochs at 1e-5; the best of an evaluation every 1,000 steps is kept
    "jiant": Recipe(
        "jiant", 1e-5, epochs=3, max_length=256, patience=30, eval_every=1000, keep="best"
    ),
    # no decay, no warm-up; the dev set is scored on the way for classification and tagging
    "xtreme": Recipe("xtreme", 2e-5, epochs=5, warmup=0.0, weight_decay=0.0, keep="best"),
    # few rows must still move a new head and a small encoder: hence the floor under the steps
    "small": Recipe("small", 1e-4, epochs=3, min_steps=300, freeze="embeddings"),
}

OF_KIND: dict[tuple[str, str], dict[str, Any]] = {
    ("jiant", "span_qa"): {"epochs": 2, "batch_size": 16, "max_length": 384},
    ("jiant", "tagging"): {"epochs": 10},
    ("xtreme", "classification"): {"eval_every": 100},
    ("xtreme", "multiple_choice"): {"learning_rate": 3e-5, "keep": "last"},
    ("xtreme", "span_qa"): {
        "learning_rate": 3e-5,
        "epochs": 3,
        "max_length": 384,
        "warmup_steps": 500,
        "weight_decay": 1e-4,
        "keep": "last",
    },
    ("xtreme", "tagging"): {"epochs": 10, "eval_every": 500},
    ("small", "span_qa"): {"epochs": 2, "max_length": 384},
    # from memory (PROTOCOL A4, A6): with masked LM the whole run learns at half the rate
    ("jiant", "mlm"): {"learning_rate": 5e-6, "batch_size": 8},
    # has no masked LM: the highest of its rates, so that it slows no other task
    ("xtreme", "mlm"): {"learning_rate": 3e-5},
    # of ranking, `max_length` cuts a candidate and `question_length` a query (PROTOCOL-scoring 13);
    # jiant has no such task, so that its other values are those of all tasks
    ("jiant", "ranking"): {"question_length": 96},
    ("xtreme", "ranking"): {"epochs": 3, "max_length": 256, "question_length": 96},
    ("small", "ranking"): {"max_length": 256, "question_length": 96},
}


def recipe_for(card: "Card", name: str) -> Recipe:
    """The named recipe for a card's kind, with what the card's `[recipes.<name>]` changes."""
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=1)
        known = f"did you mean {near[0]}?" if near else f"there are {', '.join(RECIPES)}"
        raise UsageError(f"there is no recipe {name!r}: {known}")
    changes = dict(OF_KIND.get((name, card.kind), {}))
    for recipe, own in card.recipes.items():
        if recipe == name:
            changes |= own.model_dump(exclude_none=True)
    return replace(RECIPES[name], **changes)
