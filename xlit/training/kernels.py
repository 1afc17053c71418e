"""Train with cheap dropout masks and the layers of `models.kernels`, where they may be had."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from xlit import console
from xlit.models.kernels import accelerate
from xlit.training.task import Settings, TrainTask


@contextmanager
def fast_layers(tasks: Sequence[TrainTask], settings: Settings) -> Iterator[dict[str, Any]]:
    """The models' layers replaced while the block runs, and what became of it for a manifest.

    The tasks are those of `without_padding`, and share its switch: what trains on padded batches is
    plain. On a GPU nothing is replaced. Layers that are not like BERT's stay, which is told.
    """
    if settings.packing == "off" or settings.where.type != "cpu":
        yield {"on": False, "reason": "as asked for" if settings.packing == "off" else "on a GPU"}
        return
    kernels = accelerate(list({id(task.model): task.model for task in tasks}.values()))
    packed = any(task.packed for task in tasks)  # what of them is not is told already
    try:
        if kernels.on and packed:
            yield {"on": True}
        else:
            reason = kernels.reason or "batches are padded"
            if packed:
                console.notice(f"its layers are computed as transformers does: {reason}")
            yield {"on": False, "reason": reason}
    finally:
        kernels.undo()
