"""What one run of the loop is about: its tasks, and what it depends on besides them."""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from xlit import device
from xlit.kinds.feature_cache import FeatureCache
from xlit.kinds.kind import AnyKind, FeatureOptions
from xlit.tasks.card import Card
from xlit.tasks.recipes import Recipe
from xlit.tasks.rows import Row
from xlit.training.mixing import Mix
from xlit.training.processes import Processes

Vocabulary = Literal["auto", "compact", "full"]
"""Which word embeddings are held while training: those that the run's data can reach where that is
exact, those or nothing, all."""


@dataclass(frozen=True)
class TrainTask:
    """One task of a run: its card, its training and dev rows, its recipe, and its model.

    Models of several tasks share their encoder; tasks that share a head too have one and the same
    model. `options.labels` are in the order of the head's outputs. The recipes of a run's tasks
    agree in all but lengths, batch size and epochs. `packed` says that the model computes nothing
    on padding.
    """

    card: Card
    kind: AnyKind
    rows: tuple[Row, ...]
    dev: tuple[Row, ...]
    recipe: Recipe
    options: FeatureOptions
    model: Any
    packed: bool = False


@dataclass(frozen=True)
class Settings:
    """What a run depends on besides its tasks. `mix` matters where there are several, and `cache`
    changes nothing but how long it takes."""

    seed: int
    precision: device.Precision
    where: torch.device
    mix: Mix = field(default_factory=Mix)
    packing: Literal["auto", "off"] = "auto"
    cache: FeatureCache = field(default_factory=FeatureCache)
    processes: Processes = field(default_factory=Processes)
    gradient_checkpointing: bool = False
    vocabulary: Vocabulary = "auto"
