"""Leave parts of an encoder as they are."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from xlit import console
from xlit.models.layers import embedding_module, encoder_layers
from xlit.tasks.freeze import Freeze


def freeze(models: Sequence[Any], what: Freeze) -> None:
    """Freeze parts of the encoder that the models share, and tell how much is trained still.

    Embeddings are the word table alone: four fifths of a small encoder's parameters. With the
    lowest layer frozen as well, so is all else below it (positions, token types, LayerNorm), as a
    gradient for these would have to go through every frozen layer. Raises UsageError for a layer
    that is not there.
    """
    if what == Freeze():
        return
    for model in models:
        frozen: list[nn.Module] = [model.get_input_embeddings()] if what.embeddings else []
        if what.layers:
            layers = encoder_layers(model.base_model)
            what.check(len(layers))
            frozen += [layers[number] for number in what.layers]
        if what.embeddings and 0 in what.layers:
            frozen.append(embedding_module(model.base_model))
        for module in frozen:
            module.requires_grad_(False)
    parameters = list({id(p): p for model in models for p in model.parameters()}.values())
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    total = sum(p.numel() for p in parameters)
    console.notice(f"{trained:,} of {total:,} parameters are trained (--freeze {what})")
