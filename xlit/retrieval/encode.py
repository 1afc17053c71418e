"""Encode texts: one vector each, from one layer of an encoder.

As XTREME's retrieval scripts do it (third_party/evaluate_retrieval.py): the encoder in evaluation
mode, at most 512 tokens a text, the mean over all tokens, those of the special tokens included, or
the first token's vector. Layers are counted as Hugging Face counts hidden states: 0 is the output
of the embeddings, n that of layer n, and -1 the last (XTREME's `LAYER=13` of 24 is 14 here).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlit import console
from xlit import device as devices
from xlit.errors import DamagedError, UsageError
from xlit.models.encoders import Loaded
from xlit.models.pooling import How, pool

CPU_BUDGET, GPU_BUDGET = 4096, 65536  # padded tokens in a batch
WINDOW = 50_000  # texts tokenised and sorted at a time: bounds the memory for token ids
NORM_EPSILON = 1e-12  # a vector shorter than this stays as it is


class EncodeOptions(TypedDict, total=False):
    """What `encode` may be told besides the texts; its signature has the defaults."""

    layer: int
    pooling: How
    prefix: str
    normalise: bool
    max_length: int
    token_budget: int | None
    device: torch.device | None
    precision: Literal["bf16", "float32"]


def encode(
    loaded: Loaded,
    texts: Sequence[str],
    *,
    layer: int = -1,
    pooling: How = "mean",
    prefix: str = "",
    normalise: bool = True,
    max_length: int = 512,
    token_budget: int | None = None,
    device: torch.device | None = None,
    precision: Literal["bf16", "float32"] = "float32",
    advance: Callable[[int], object] | None = None,
) -> NDArray[np.float32]:
    """Vectors (texts, hidden) in the order of the texts, of length 1 where `normalise` is set.

    `prefix` is put before every text. Identical texts are encoded once and share a vector.
    `advance` is told of every text encoded, copies included. Hidden states are computed in
    `precision`, pooling is in float32.
    Raises UsageError for a layer that the encoder does not have, DamagedError for an encoder
    that gives values which are not finite.
    """
    model, tokenizer = loaded.model, loaded.tokenizer
    layers = int(model.config.num_hidden_layers)
    if not -layers - 1 <= layer <= layers:
        raise UsageError(
            f"layer {layer}: the encoder has layers 0 (embeddings) to {layers}",
            hint=f"or -1 (the last) to {-layers - 1}",
        )
    dev = devices.pick() if device is None else device
    budget = token_budget or (GPU_BUDGET if dev.type == "cuda" else CPU_BUDGET)
    limit = _length_limit(loaded, max_length)
    first_of: dict[str, int] = {}
    same_as = np.fromiter((first_of.setdefault(t, i) for i, t in enumerate(texts)), np.int64)
    copies = np.bincount(same_as, minlength=len(texts))
    distinct = np.flatnonzero(copies)
    vectors = np.empty((len(texts), int(model.config.hidden_size)), np.float32)

    training = model.training
    model.eval().to(dev)
    cut = 0
    with torch.inference_mode():
        for start in range(0, len(distinct), WINDOW):
            window = distinct[start : start + WINDOW]
            ids = _token_ids(tokenizer, [prefix + texts[i] for i in window], limit)
            cut += sum(len(tokens) == limit for tokens in ids)
            for rows in _batches([len(tokens) for tokens in ids], budget):
                batch, mask = _padded([ids[row] for row in rows], int(tokenizer.pad_token_id))
                with devices.autocast(dev, precision):
                    hidden = _hidden(model, batch.to(dev), mask.to(dev), layer)
                pooled = pool(hidden.float(), mask.to(dev), pooling)  # (batch, hidden)
                if normalise:
                    pooled = torch.nn.functional.normalize(pooled, dim=1, eps=NORM_EPSILON)
                vectors[window[rows]] = pooled.cpu().numpy()
                if advance is not None:
                    advance(int(copies[window[rows]].sum()))
    model.train(training)
    if not np.isfinite(vectors[distinct]).all():
        raise DamagedError("the encoder gives vectors that are not finite numbers")
    if cut:
        console.notice(f"{cut} of {len(distinct)} texts are cut, or just fit: {limit} tokens")
    repeated = np.flatnonzero(copies == 0)
    vectors[repeated] = vectors[same_as[repeated]]
    return vectors


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


def _token_ids(tokenizer: Any, texts: list[str], limit: int) -> list[NDArray[np.int32]]:
    ids = tokenizer(
        texts,
        truncation=True,
        max_length=limit,
        return_attention_mask=False,
        return_token_type_ids=False,
    )["input_ids"]
    return [np.asarray(tokens, np.int32) for tokens in ids]


def _batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Rows in batches of at most `budget` padded tokens, or of one row; the longest come first.

    The longest first, so that a batch which does not fit into memory fails at once.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable").tolist()
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _padded(ids: Sequence[NDArray[np.int32]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Token ids and mask, both (batch, length) int64."""
    length = max(len(tokens) for tokens in ids)
    batch = torch.full((len(ids), length), pad_id, dtype=torch.int64)
    mask = torch.zeros((len(ids), length), dtype=torch.int64)
    for row, tokens in enumerate(ids):
        batch[row, : len(tokens)] = torch.from_numpy(tokens)
        mask[row, : len(tokens)] = 1
    return batch, mask


def _hidden(model: Any, ids: Tensor, mask: Tensor, layer: int) -> Tensor:
    """The chosen hidden state, (batch, length, hidden)."""
    last = layer in (-1, int(model.config.num_hidden_layers))
    outputs = model(input_ids=ids, attention_mask=mask, output_hidden_states=not last)
    hidden: Tensor = outputs.last_hidden_state if last else outputs.hidden_states[layer]
    return hidden
