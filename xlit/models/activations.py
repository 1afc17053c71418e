"""Train a model in less memory: its layers' activations are computed again for the gradient."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from xlit.errors import UsageError


@contextmanager
def recomputed_activations(models: Sequence[Any]) -> Iterator[None]:
    """Keep of every layer its input alone while these are trained in the block.

    The random state of a layer is restored before it is computed again, so that its dropout is the
    same. Of each layer it is the forward that it has by then, which may have been replaced; what
    transformers has for this goes by the class's. Raises UsageError for a model without layers.
    """
    layers: dict[int, Any] = {}
    for model in models:
        own = [part for part in model.modules() if isinstance(part, GradientCheckpointingLayer)]
        if not own:
            raise UsageError(
                f"--gradient-checkpointing: {type(model).__name__} has no layers for it",
                hint="without the flag micro-batches are cut to the memory that there is",
            )
        layers |= {id(layer): layer for layer in own}
    before = [(layer, vars(layer).get("forward")) for layer in layers.values()]
    for layer in layers.values():
        layer.forward = partial(_recomputed, layer, layer.forward)
    try:
        yield
    finally:
        for layer, forward in before:
            if forward is None:
                del layer.forward  # the class's own comes back
            else:
                layer.forward = forward


def _recomputed(layer: Any, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not layer.training:
        return forward(*args, **kwargs)
    return checkpoint(partial(forward, **kwargs), *args, use_reentrant=False)
