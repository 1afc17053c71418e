"""Train without work on padding, where it is asked for and a model's numbers stay the same."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from xlit import console
from xlit.models.packing import Packed, pack
from xlit.training.task import Settings, TrainTask


@contextmanager
def without_padding(
    tasks: Sequence[TrainTask], pad_id: int, settings: Settings
) -> Iterator[tuple[list[TrainTask], dict[str, dict[str, Any]]]]:
    """The tasks, their models packed while the block runs, and what became of each for a manifest.

    The models must have their whole vocabulary. On a GPU, where it was not measured, nothing is
    packed. A model that cannot be packed stays as it is, which is told.
    """
    why = "as asked for" if settings.packing == "off" else ""
    if not why and settings.where.type != "cpu":
        why = "on a GPU batches are padded"
    packed: dict[int, Packed] = {}
    try:
        for task in () if why else tasks:
            if id(task.model) not in packed:  # tasks that share a head have one model
                packed[id(task.model)] = pack(task.model, pad_id=pad_id, reads=task.kind.reads)
        how: dict[str, dict[str, Any]] = {
            task.card.name: {"on": False, "reason": why} if why else as_json(packed[id(task.model)])
            for task in tasks
        }
        if not why:
            _tell(how)
        yield [dataclasses.replace(t, packed=how[t.card.name]["on"]) for t in tasks], how
    finally:
        for one in reversed(packed.values()):  # the first found what no other had set
            one.undo()


def as_json(packed: Packed) -> dict[str, Any]:
    """For a manifest."""
    return (
        {"on": True, "reads": packed.reads} if packed.on else {"on": False, "reason": packed.reason}
    )


def _tell(how: Mapping[str, Mapping[str, Any]]) -> None:
    """A line for the tasks that could not be packed, one a reason."""
    tasks: dict[str, list[str]] = {}
    for name, found in how.items():
        if not found["on"]:
            tasks.setdefault(found["reason"], []).append(name)
    for reason, names in tasks.items():
        console.notice(f"{', '.join(names)}: batches are padded: {reason}")
