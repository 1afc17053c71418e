"""Train a model in less memory: its layers' activations are computed again for the gradient."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from xlit.errors import UsageError


@contextmanager
def recomputed_activations(models: Sequence[Any]) -> Iterator[None]:
    """Keep of every layer its input alone while these are trained in the block.

    The random state of a layer is restored before it is computed again, so that its dropout is the
    same. Raises UsageError for an architecture that cannot.
    """
    for model in models:
        if not model.supports_gradient_checkpointing:
            raise UsageError(
                f"--gradient-checkpointing: {type(model).__name__} does not do it",
                hint="without the flag micro-batches are cut to the memory that there is",
            )
    configs = {id(c): c for model in models for c in (model.config, model.base_model.config)}
    # a cache of keys and values is of no use here, and transformers warns of it
    before = [(c, c.use_cache) for c in configs.values() if getattr(c, "use_cache", False)]
    for config, _ in before:
        config.use_cache = False
    for model in models:
        _call(model, "enable", {"use_reentrant": False})
    try:
        yield
    finally:
        for model in models:
            _call(model, "disable")
        for config, value in before:
            config.use_cache = value


def _call(model: Any, what: str, *arguments: Any) -> None:
    """`activation_checkpointing_enable` or `_disable`, or what older releases of transformers call
    them."""
    new = f"activation_checkpointing_{what}"
    method = new if hasattr(model, new) else f"gradient_checkpointing_{what}"
    getattr(model, method)(*arguments)
