"""Encode texts: one vector each, from one layer of an encoder, or from several in one pass.

As XTREME's retrieval scripts do it (third_party/evaluate_retrieval.py): the encoder in evaluation
mode, at most 512 tokens a text, the mean over all tokens, those of the special tokens included or
left out, or the first token's vector. Layers are counted as Hugging Face counts hidden states: 0 is
the output of the embeddings, n that of layer n, and -1 the last (XTREME's `LAYER=13` of 24 is 14
here). Texts are sorted by their tokens and computed without padding where the encoder can
(`xlit.models.inference`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
import torch
from numpy.typing import NDArray

from xlit import console
from xlit import device as devices
from xlit.errors import DamagedError, UsageError
from xlit.models.chunks import Chunk, cut_into_chunks
from xlit.models.encoders import Loaded
from xlit.models.inference import Packing, way_for
from xlit.models.pooling import How, pool_chunk
from xlit.retrieval.tokens import tokenise

CPU_BUDGET, GPU_BUDGET = 4096, 65536  # tokens in a chunk
WINDOW = 50_000  # texts tokenised and sorted at a time: bounds the memory for token ids
NORM_EPSILON = 1e-12  # a vector shorter than this is divided by it, so zero stays zero


class LayersOptions(TypedDict, total=False):
    """What `encode_layers` may be told besides the texts and layers; its signature has the
    defaults."""

    pooling: How
    prefix: str
    normalise: bool
    max_length: int
    token_budget: int | None
    device: torch.device | None
    precision: Literal["bf16", "float32"]
    packing: Packing


class EncodeOptions(LayersOptions, total=False):
    """What `encode` may be told besides the texts."""

    layer: int


def encode(
    loaded: Loaded,
    texts: Sequence[str],
    *,
    layer: int = -1,
    advance: Callable[[int], object] | None = None,
    **options: Unpack[LayersOptions],
) -> NDArray[np.float32]:
    """Vectors (texts, hidden) of one layer, in the order of the texts: see `encode_layers`."""
    return encode_layers(loaded, texts, [layer], advance=advance, **options)[0]


def encode_layers(
    loaded: Loaded,
    texts: Sequence[str],
    layers: Sequence[int],
    *,
    pooling: How = "mean",
    prefix: str = "",
    normalise: bool = True,
    max_length: int = 512,
    token_budget: int | None = None,
    device: torch.device | None = None,
    precision: Literal["bf16", "float32"] = "float32",
    packing: Packing = "auto",
    advance: Callable[[int], object] | None = None,
) -> NDArray[np.float32]:
    """Vectors (layers, texts, hidden) from one pass, of length 1 where `normalise` is set.

    `prefix` is put before every text. Identical texts are encoded once and share a vector.
    `advance` is told of every text encoded, copies included. Hidden states are computed in
    `precision`, pooling is in float32. A text without a token of its own is zero where special
    tokens are left out. `packing` "off" computes padded batches with the model's own forward.
    The result takes layers x texts x hidden x 4 bytes; besides it a text takes a few bytes.
    Raises UsageError for a layer that the encoder does not have, DamagedError for an encoder
    that gives values which are not finite.
    """
    model, tokenizer = loaded.model, loaded.tokenizer
    numbers = [layer_number(loaded, layer) for layer in layers]
    rising = sorted(set(numbers))
    dev = devices.pick() if device is None else device
    budget = token_budget or (GPU_BUDGET if dev.type == "cuda" else CPU_BUDGET)
    limit = _length_limit(loaded, max_length)
    first_of: dict[str, int] = {}
    same_as = np.fromiter((first_of.setdefault(t, i) for i, t in enumerate(texts)), np.int64)
    copies = np.bincount(same_as, minlength=len(texts))
    distinct = np.flatnonzero(copies)
    vectors = np.empty((len(numbers), len(texts), int(model.config.hidden_size)), np.float32)
    if not len(distinct) or not rising:
        return vectors

    way = way_for(loaded, dev, precision, packing)
    cut = 0
    with _evaluating(model), torch.inference_mode():
        for start in range(0, len(distinct), WINDOW):
            window = distinct[start : start + WINDOW]
            tokens = tokenise(tokenizer, [prefix + texts[i] for i in window], limit)
            lengths = [len(text.ids) for text in tokens]
            cut += sum(length == limit for length in lengths)
            for rows in cut_into_chunks(lengths, budget, padded=way.how == "padded"):
                ids = np.concatenate([tokens[row].ids for row in rows]).astype(np.int64)
                special = np.concatenate([tokens[row].special for row in rows])
                own = torch.from_numpy(special).to(dev)
                chunk = Chunk(torch.from_numpy(ids).to(dev), tuple(lengths[row] for row in rows))
                for layer, states in zip(rising, way.states(chunk, rising), strict=True):
                    pooled = pool_chunk(states, chunk, pooling, own)
                    if normalise:
                        pooled = torch.nn.functional.normalize(pooled, dim=1, eps=NORM_EPSILON)
                    found = pooled.cpu().numpy()
                    if not np.isfinite(found).all():
                        raise DamagedError("the encoder gives vectors that are not finite numbers")
                    vectors[numbers.index(layer), window[rows]] = found
                if advance is not None:
                    advance(int(copies[window[rows]].sum()))
    if cut:
        console.notice(f"{cut} of {len(distinct)} texts are cut, or just fit: {limit} tokens")
    repeated = np.flatnonzero(copies == 0)
    for start in range(0, len(repeated), WINDOW):
        some = repeated[start : start + WINDOW]
        for of_layer in vectors:
            of_layer[some] = of_layer[same_as[some]]
    for place, number in enumerate(numbers):
        if place != numbers.index(number):  # a layer asked for twice
            vectors[place] = vectors[numbers.index(number)]
    return vectors


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """The model in evaluation mode, and afterwards in its own again, whatever happens."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def layer_count(loaded: Loaded) -> int:
    """Layers of the encoder: its hidden states are 0 (the embeddings) to this."""
    return int(loaded.model.config.num_hidden_layers)


def layer_number(loaded: Loaded, layer: int) -> int:
    """A layer counted from 0. Raises UsageError for one that the encoder does not have."""
    layers = layer_count(loaded)
    if not -layers - 1 <= layer <= layers:
        raise UsageError(
            f"layer {layer}: the encoder has layers 0 (embeddings) to {layers}",
            hint=f"or -1 (the last) to {-layers - 1}",
        )
    return layer if layer >= 0 else layers + 1 + layer


def _length_limit(loaded: Loaded, max_length: int) -> int:
    """Tokens a text may have: as asked for, and no more than the encoder has positions for."""
    limit = min(max_length, int(loaded.tokenizer.model_max_length))
    positions = getattr(loaded.model.config, "max_position_embeddings", None)
    if positions is None:
        return limit
    encoder = getattr(loaded.model, "base_model", loaded.model)  # without its head
    # RoBERTa and its kin count positions from behind the padding id.
    padding = getattr(getattr(encoder, "embeddings", None), "padding_idx", None)
    taken = 0 if padding is None else int(padding) + 1
    return min(limit, int(positions) - taken)
