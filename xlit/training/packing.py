"""Train without work on padding, where it is asked for and a model's numbers stay the same."""

import dataclasses
from collections.abc import Iterator, Sequence
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
                one = pack(task.model, pad_id=pad_id, reads=task.kind.reads)
                packed[id(task.model)] = one
                if not one.on:
                    console.notice(f"{task.card.name}: batches are padded: {one.reason}")
        ready = []
        how: dict[str, dict[str, Any]] = {}
        for task in tasks:
            found = packed.get(id(task.model))
            if found is not None and found.on:
                how[task.card.name] = {"on": True, "reads": found.reads}
            else:
                how[task.card.name] = {
                    "on": False,
                    "reason": why if found is None else found.reason,
                }
            ready.append(dataclasses.replace(task, packed=how[task.card.name]["on"]))
        yield ready, how
    finally:
        for one in packed.values():
            one.undo()
