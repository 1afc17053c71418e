"""How an encoder computes hidden states when nothing is learnt: the fastest way that is right.

`fused` is this package's own forward of BERT's family. `packed` is the model's own, over one row
without padding. `padded` is the model's own over padded batches, right for every architecture.
Which it is is decided by numbers: the hidden states of a few texts, at every layer, are compared
with those of padded ones.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from xlit import console
from xlit import device as devices
from xlit.models.chunks import Chunk, positions
from xlit.models.encoders import Loaded
from xlit.models.fused import FusedEncoder
from xlit.models.kernels import layers_of, unlike_bert
from xlit.models.linear import PlainLinear, linear_for
from xlit.models.packed_attention import NAME, Layout, register
from xlit.models.packing import TOLERANCE, at_rest, configs, first_line, probe

How = Literal["fused", "packed", "padded"]
Packing = Literal["auto", "off"]

ROUGH = 0.05
"""Of the largest state, in bfloat16: its rounding makes 0.01 after many layers."""


class Way(Protocol):
    """A way to hidden states. `reason` says why it is not a faster one, empty where there is none.

    `states` gives those of each layer asked for, (total, hidden), one after the other; the layers
    are counted from 0, the embeddings, and rise.
    """

    @property
    def how(self) -> How: ...
    @property
    def reason(self) -> str: ...
    def states(self, chunk: Chunk, layers: Sequence[int]) -> Iterator[Tensor]: ...


def way_for(
    loaded: Loaded,
    where: torch.device,
    precision: devices.Precision,
    packing: Packing = "auto",
) -> Way:
    """The fastest way to this encoder's states, made once and then kept with it.

    The encoder is moved to the device. A notice says why it is not the fastest one there is; with
    `packing` "off" it is `padded`. It is made anew after the encoder's parameters have changed.
    """
    loaded.model.to(where)
    parameters = hash(tuple((p.data_ptr(), p._version) for p in loaded.model.parameters()))
    key = (str(where), precision, packing)
    kept = loaded.ways.get(key)
    if kept is None or kept[0] != parameters:
        way = _choose(loaded, where, precision, packing)
        if way.reason:
            console.notice(f"{loaded.report.name}: encodes {way.how}: {way.reason}")
        loaded.ways[key] = kept = (parameters, way)
    return kept[1]


def ways_taken(loaded: Loaded) -> dict[str, str]:
    """The ways that were taken so far, for a manifest: each with the reason why, or nothing."""
    return {way.how: way.reason for _, way in loaded.ways.values()}


def leave_gpu(loaded: Loaded) -> None:
    """Give a GPU's memory to whoever computes next; encoding again brings the encoder back."""
    if loaded.model.device.type != "cuda":
        return
    loaded.model.to("cpu")
    for key, (_, way) in loaded.ways.items():
        loaded.ways[key] = (None, _Left(way.how, way.reason))
    torch.cuda.empty_cache()


@dataclass(frozen=True)
class _Left:
    """What is known of a way whose weights are gone: it is made anew when it is asked for."""

    how: How
    reason: str


class PackedEncoder:
    """The model's own forward over one row, with an attention that keeps texts apart."""

    how: Literal["packed"] = "packed"

    def __init__(self, base: Any, precision: devices.Precision, reason: str) -> None:
        self.reason = reason
        self._base = base
        self._precision = precision
        register()

    def states(self, chunk: Chunk, layers: Sequence[int]) -> Iterator[Tensor]:
        layout = Layout(chunk.runs())
        device = chunk.ids.device
        with _packed_attention(self._base), devices.autocast(device, self._precision):
            outputs = self._base(
                input_ids=chunk.ids[None],
                position_ids=positions(self._base, chunk)[None],
                # a mask of four dimensions is passed on as it is, and none has to be made
                attention_mask=torch.ones((1, 1, 1, 1), dtype=torch.bool, device=device),
                layout=layout,
                output_hidden_states=_inner(self._base, layers),
            )
        if not layout.seen:
            raise NotImplementedError("its attention is not called through transformers' interface")
        for layer in layers:
            yield _layer(self._base, outputs, layer)[0]


class PaddedEncoder:
    """The model's own forward over padded batches."""

    how: Literal["padded"] = "padded"

    def __init__(self, base: Any, pad_id: int, precision: devices.Precision, reason: str) -> None:
        self.reason = reason
        self._base = base
        self._pad_id = pad_id
        self._precision = precision

    def states(self, chunk: Chunk, layers: Sequence[int]) -> Iterator[Tensor]:
        ids, mask = chunk.padded(self._pad_id)
        with devices.autocast(ids.device, self._precision):
            outputs = self._base(
                input_ids=ids,
                attention_mask=mask,
                output_hidden_states=_inner(self._base, layers),
            )
        for layer in layers:
            yield _layer(self._base, outputs, layer)[mask.bool()]


def _choose(
    loaded: Loaded, where: torch.device, precision: devices.Precision, packing: Packing
) -> Way:
    base = loaded.model.base_model
    pad_id = int(loaded.tokenizer.pad_token_id)
    if packing == "off":
        return PaddedEncoder(base, pad_id, precision, "as asked for")
    with at_rest(loaded.model), torch.inference_mode():
        try:
            chunk = _probe_chunk(base, pad_id)
            expected = _every_state(PaddedEncoder(base, pad_id, "float32", ""), base, chunk)
        except Exception as error:  # a model's own code meets what it never expected
            return PaddedEncoder(base, pad_id, precision, first_line(error))

        def wrong(way: Callable[[], Way], tolerance: float) -> str:
            """Why this way cannot be taken, in words; empty where it can."""
            try:
                return _difference(expected, _every_state(way(), base, chunk), tolerance)
            except Exception as error:  # likewise
                return first_line(error)

        reason = _unlike(base) or wrong(
            lambda: FusedEncoder(base, torch.float32, PlainLinear), TOLERANCE
        )
        if not reason:
            dtype = torch.bfloat16 if precision == "bf16" else torch.float32
            fused = FusedEncoder(base, dtype, linear_for(where, dtype))
            reason = wrong(lambda: fused, ROUGH if precision == "bf16" else TOLERANCE)
            if not reason:
                return fused
        worse = wrong(lambda: PackedEncoder(base, "float32", ""), TOLERANCE)
        if not worse:
            return PackedEncoder(base, precision, reason)
    return PaddedEncoder(base, pad_id, precision, f"{reason}; {worse}")


def _unlike(base: Any) -> str:
    """What keeps an encoder from the fused forward by its looks; empty where nothing does."""
    layers = layers_of(base)
    if not layers:
        return "its layers are not found where BERT has them"
    return next(filter(None, map(unlike_bert, layers)), "")


def _probe_chunk(base: Any, pad_id: int) -> Chunk:
    """The probe of packing, as a chunk."""
    batch = probe(base, pad_id)
    lengths = batch["attention_mask"].sum(1)
    order = lengths.argsort(descending=True, stable=True)
    ids = batch["input_ids"][order][batch["attention_mask"][order].bool()]
    return Chunk(ids, tuple(lengths[order].tolist()))


def _every_state(way: Way, base: Any, chunk: Chunk) -> list[Tensor]:
    layers = range(int(base.config.num_hidden_layers) + 1)
    return [state.float() for state in way.states(chunk, layers)]


def _difference(expected: Sequence[Tensor], found: Sequence[Tensor], tolerance: float) -> str:
    for layer, (right, state) in enumerate(zip(expected, found, strict=True)):
        scale = max(1.0, float(right.abs().max()))
        apart = float((state - right).abs().max()) / scale
        if not apart <= tolerance:
            return f"its states of layer {layer} differ by {apart:.0e} from those with padding"
    return ""


@contextmanager
def _packed_attention(base: Any) -> Iterator[None]:
    before = [(config, config._attn_implementation) for config in configs(base)]
    for config, _ in before:
        config._attn_implementation = NAME
    try:
        yield
    finally:
        for config, implementation in before:
            config._attn_implementation = implementation


def _inner(base: Any, layers: Sequence[int]) -> bool:
    return any(layer != base.config.num_hidden_layers for layer in layers)


def _layer(base: Any, outputs: Any, layer: int) -> Tensor:
    """The states of a layer; of the last one what the encoder gives, a closing norm included."""
    last = layer == base.config.num_hidden_layers
    states: Tensor = outputs.last_hidden_state if last else outputs.hidden_states[layer]
    return states
