"""The parts of an encoder from the bottom to the top, in whichever family of models."""

from collections.abc import Iterator
from typing import Any

from torch import nn

from xlit.errors import UsageError


def encoder_layers(base: Any) -> nn.ModuleList:
    """The layers of a bare encoder, the lowest first.

    Found as the one list of as many modules as the configuration says, in no other such list.
    Raises UsageError where there is none, as where layers share their parameters (ALBERT), or
    several, as where a layer is cut up (XLM).
    """
    found = list(_lists(base, int(base.config.num_hidden_layers)))
    if len(found) != 1:
        raise UsageError(f"the layers of {type(base).__name__} cannot be told apart")
    return found[0]


def embedding_module(base: Any) -> nn.Module:
    """What lies below the layers: the module that has the word embeddings, or these alone where
    that would be the encoder itself."""
    words: nn.Module = base.get_input_embeddings()
    parents = (module for module in base.modules() if words in module.children())
    parent = next(parents, words)
    return words if parent is base else parent


def _lists(module: nn.Module, count: int) -> Iterator[nn.ModuleList]:
    for child in module.children():
        if isinstance(child, nn.ModuleList) and len(child) == count:
            yield child
        else:
            yield from _lists(child, count)
