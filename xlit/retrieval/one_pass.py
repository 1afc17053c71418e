"""Many lists of texts in one pass of the encoder: what several of them have is encoded once.

The sides of a task's languages share sentences (an English side of several languages most of all),
and few long calls cost less than many short ones: texts of all lists are sorted by length together.
"""

from collections.abc import Iterator, Sequence
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from xlit import console
from xlit.models.encoders import Loaded
from xlit.retrieval.encode import LayersOptions, encode_layers

HELD_BYTES = 2**30  # of vectors encoded ahead of the list that is asked for

Layers = NDArray[np.float32]  # (layers, texts, hidden)


def encode_lists(
    loaded: Loaded,
    lists: Sequence[Sequence[str]],
    layers: Sequence[int],
    *,
    held_bytes: int = HELD_BYTES,
    unit: str = "sentences",
    **options: Unpack[LayersOptions],
) -> Iterator[Layers]:
    """The vectors of each list, (layers, texts, hidden), in the order of the lists.

    As many lists are encoded together as have `held_bytes` of vectors, one at least. Vectors of
    texts that a later list has as well are held until then, whatever they take, so that each
    different text is encoded once. The last bits of a vector can depend on the texts beside it.
    """
    shape = (len(layers), 0, int(loaded.model.config.hidden_size))
    text_bytes = shape[0] * shape[2] * 4
    last_use = {text: place for place, texts in enumerate(lists) for text in texts}
    held: dict[str, int] = {}  # text -> row of `vectors`
    vectors: Layers = np.empty(shape, np.float32)
    start = 0
    while start < len(lists):
        new: dict[str, None] = {}
        stop = start
        while stop < len(lists):
            wanted = {text: None for text in lists[stop] if text not in held and text not in new}
            if stop > start and (len(new) + len(wanted)) * text_bytes > held_bytes:
                break
            new |= wanted
            stop += 1
        if new:
            with console.progress("encode", total=len(new), unit=unit) as advance:
                encoded = encode_layers(loaded, list(new), layers, advance=advance, **options)
            vectors = np.concatenate([vectors, encoded], axis=1) if held else encoded
        held |= {text: len(held) + row for row, text in enumerate(new)}
        for texts in lists[start:stop]:
            yield vectors[:, [held[text] for text in texts]]
        kept = [text for text in held if last_use[text] >= stop]
        vectors = vectors[:, [held[text] for text in kept]]
        held = {text: row for row, text in enumerate(kept)}
        start = stop
