"""The head of a checkpoint that fits a task."""

from typing import Any

from xlit.artefacts.store import Artefact
from xlit.errors import UsageError
from xlit.kinds.kind import FeatureOptions
from xlit.kinds.registry import find_kind
from xlit.models.encoders import Loaded, load_with_head, resolve_encoder
from xlit.tasks.card import Card
from xlit.tasks.recipes import Recipe


def head_for(checkpoint: Artefact, card: Card) -> int:
    """Which of the checkpoint's heads a task is read with, counted from 0.

    The head trained for the task itself, else the only one of its kind with the same labels.
    Raises UsageError when there is none, or more than one.
    """
    settings = checkpoint.manifest.settings
    if card.name in settings["tasks"]:
        return int(settings["tasks"].index(card.name))
    fitting = [
        number
        for number, (kind, labels) in enumerate(
            zip(settings["kinds"], settings["labels"], strict=True)
        )
        if kind == card.kind and set(labels) == set(card.labels)
    ]
    heads = ", ".join(
        f"{task} ({kind})" for task, kind in zip(settings["tasks"], settings["kinds"], strict=True)
    )
    if len(fitting) != 1:
        trouble = "no head" if not fitting else "several heads"
        raise UsageError(
            f"{checkpoint.path} has {trouble} for {card.name} ({card.kind}); it has {heads}",
            hint=f"xlit train-target {card.name} --from {checkpoint.path} trains one",
        )
    return fitting[0]


def load_for(checkpoint: Artefact, card: Card) -> Loaded:
    """The checkpoint's model with the head for `card`, its tensors all from the checkpoint."""
    number = head_for(checkpoint, card)
    settings = checkpoint.manifest.settings
    kind = find_kind(card.kind)
    own: dict[str, Any] = {}
    if len(settings["tasks"]) > 1:
        own = {"head_file": checkpoint.path / "heads" / f"{settings['tasks'][number]}.safetensors"}
    return load_with_head(
        resolve_encoder(str(checkpoint.path)),
        kind.auto_class,
        config=kind.head(settings["labels"][number]),
        seed=0,
        keep_head=True,
        **own,
    )


def feature_options(checkpoint: Artefact, card: Card) -> FeatureOptions:
    """Lengths as the head was trained with; labels as the card has them."""
    number = head_for(checkpoint, card)
    recipe = Recipe(**checkpoint.manifest.settings["recipes"][number])
    return FeatureOptions(
        max_length=recipe.max_length,
        stride=recipe.stride,
        question_length=recipe.question_length,
        labels=card.labels,
    )
