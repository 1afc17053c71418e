"""Train a model in less memory: its layers' activations are computed again for the gradient."""

from typing import Any

from xlit.errors import UsageError


def recompute_activations(model: Any) -> None:
    """Keep of every layer its input alone while training.

    The random state of a layer is restored before it is computed again, so that its dropout is the
    same. Raises UsageError for an architecture that cannot.
    """
    if not model.supports_gradient_checkpointing:
        raise UsageError(
            f"--gradient-checkpointing: {type(model).__name__} does not do it",
            hint="without the flag micro-batches are cut to the memory that there is",
        )
    # what newer releases of transformers call it
    enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
    enable({"use_reentrant": False})
