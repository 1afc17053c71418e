"""Encode without padding: the sequences of a batch one after another in one row.

`pack` replaces the forward of a model's encoder, in this one model, by one that takes the same
padded inputs and gives the same outputs, so that heads, losses and decoding stay as they are. What
stands at padding is zero. Whether it may is decided by numbers: the whole model computes a few
sequences both ways, and where they differ, or anything is raised, it is left as it was. An
architecture whose attention does not go through transformers' interface computes wrong states
without any error, so nothing less will do.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from transformers import PretrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_MULTIPLE_CHOICE_MAPPING_NAMES

from xlit.models.packed_attention import NAME, Layout, register

Reads = Literal["all", "first"]
"""What a head reads of the last layer: every token's state, or that of each first token alone."""

TOLERANCE = 1e-5
"""Of the largest number of the padded outputs, or of 1 where that is larger. Float32 summed in
another order makes 5e-7; wrong states begin at 1e-2."""

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
PROBED = (5, 5, 9, 24)  # lengths of the probe's sequences: a run of two, and a long one
WINDOWS = ("sliding_window", "local_attention")  # to one side, to both: as configs call them


class Packed:
    """A model's encoder, packed or, where it cannot be, as it was.

    `on` says which, and `reason` why not. `reads` is how it is packed: with "first" the states are
    those of first tokens alone, (sequences, 1, hidden), so that no head reads more unnoticed.
    """

    def __init__(self, base: Any, reads: Reads) -> None:
        self.base = base
        self.reads = reads
        self.on = False
        self.reason = ""
        self._used = False

    def apply(self) -> None:
        """Replace the encoder's forward. Raises AttributeError for `reads` "first" where the layers
        are not found where BERT has them."""
        register()
        hooks = []
        if self.reads == "first":
            last = self.base.encoder.layer[-1]
            hooks = [last.register_forward_pre_hook(first_tokens, with_kwargs=True)]
        self._hooks = hooks
        self._padded = self.base.forward
        self._configs = [(config, config._attn_implementation) for config in configs(self.base)]
        self.base.forward = self._forward
        self.on = True

    def undo(self) -> None:
        """Leave the encoder as it was before; nothing to do where it is."""
        if not self.on:
            return
        self.on = False
        del self.base.forward  # the class's own comes back
        for hook in self._hooks:
            hook.remove()
        for config, before in self._configs:
            # models share an encoder's config: what another one set is nothing to go back to
            config._attn_implementation = "sdpa" if before == NAME else before

    def idle(self) -> str:
        """Why nothing has been packed so far, in words; empty where something has."""
        return "" if self._used else "its head asks the encoder for more than the last states"

    def _forward(self, *args: Any, **kwargs: Any) -> Any:
        """The encoder's outputs. What is no ordinary batch padded at its end goes the old way."""
        row = row_of(self.base, ordinary(args, kwargs), self.reads)
        if row is None:
            return self._padded(*args, **kwargs)
        for config, _ in self._configs:
            config._attn_implementation = NAME
        # a mask of four dimensions is passed on as it is, and none has to be made
        mask = torch.ones((1, 1, 1, 1), dtype=torch.bool, device=row.index.device)
        output = self._padded(**row.inputs, attention_mask=mask, layout=row.layout)
        if not row.layout.seen:
            raise NotImplementedError("its attention is not called through transformers' interface")
        states = output.last_hidden_state[0]  # (total, hidden), or (sequences, hidden)
        flat = states.new_zeros((row.shape[0] * row.shape[1], states.shape[-1]))
        padded = flat.index_copy(0, row.index, states).view(*row.shape, -1)
        output.last_hidden_state = padded
        self._used = True
        if getattr(self.base, "pooler", None) is not None:
            output.pooler_output = self.base.pooler(padded)
        return output


@dataclass(frozen=True, eq=False)
class Row:
    """A batch as one row: the inputs of the encoder, (1, total) each, and the way back.

    `index` has the place of every state of the last layer in the flat result of `shape`
    (sequences, length), or (sequences, 1) where only those of first tokens are made.
    """

    inputs: dict[str, Tensor]
    layout: Layout
    index: Tensor
    shape: tuple[int, int]


def ordinary(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Tensor]:
    """The inputs that are there, by name; empty where they are not those of a batch of texts."""
    named = dict(zip(INPUTS, args, strict=False)) | kwargs
    given = {key: value for key, value in named.items() if value is not None}
    if len(args) > len(INPUTS) or not given.pop("return_dict", True):
        return {}
    known = {"input_ids", "attention_mask"} <= given.keys() <= set(INPUTS)
    return given if known else {}


def row_of(base: Any, given: dict[str, Tensor], reads: Reads) -> Row | None:
    """The row of a batch; None where it is none, has no token, or has padding before one."""
    if not given:
        return None
    mask = given["attention_mask"]
    lengths = mask.sum(dim=1).tolist()
    # by length, so that there are few runs; what is empty has no place in the row
    order = sorted((i for i, length in enumerate(lengths) if length), key=lengths.__getitem__)
    real = mask[order].bool()
    if not order or bool((real[:, :-1] < real[:, 1:]).any()):
        return None
    places = torch.arange(mask.numel(), device=mask.device).view_as(mask)
    index = places[order][real]  # (total,)
    wanted = {"input_ids": given["input_ids"], "position_ids": positions(base, given["input_ids"])}
    if "token_type_ids" in given:
        wanted["token_type_ids"] = given["token_type_ids"]
    inputs = {key: value.flatten()[index][None] for key, value in wanted.items()}
    sizes = [lengths[i] for i in order]
    layout = Layout([(len(list(same)), length) for length, same in groupby(sizes)])
    if reads == "all":
        return Row(inputs, layout, index, (mask.shape[0], mask.shape[1]))
    layout.firsts = torch.tensor([0, *accumulate(sizes[:-1])], device=mask.device)
    return Row(inputs, layout, torch.tensor(order, device=mask.device), (mask.shape[0], 1))


def pack(model: Any, *, pad_id: int, reads: Reads = "all") -> Packed:
    """Pack the encoder of a model, if that gives the same outputs; what became of it.

    With `reads` "first" the last layer computes only what first tokens need, where that is exact.
    The random state and the model's modes are as before; its config is written as before.
    """
    assert "forward" not in vars(model.base_model)  # packed already
    packed = Packed(model.base_model, reads)
    with at_rest(model):
        try:
            inputs = probe(model, pad_id)
            padded = outputs(model, inputs)
        except Exception as error:  # a model's own code meets what it never expected
            packed.reason = first_line(error)
            return packed
        for way in dict.fromkeys((reads, "all")):
            packed = Packed(model.base_model, way)
            try:
                packed.apply()
                packed.reason = difference(padded, outputs(model, inputs)) or packed.idle()
            except Exception as error:  # likewise
                packed.reason = first_line(error)
            if not packed.reason:
                break
            packed.undo()
    return packed


def first_tokens(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Before the last layer: hidden states of first tokens alone, and all of them beside it."""
    layout = kwargs.get("layout")
    if layout is None or layout.firsts is None or "states" in kwargs:
        return None  # as models share layers, a layer may have this hook twice
    states, *rest = args
    return (states[:, layout.firsts], *rest), {**kwargs, "states": states}


def positions(base: Any, ids: Tensor) -> Tensor:
    """The position of each token in its sequence as the model itself counts, (sequences, length).

    XLM-R and RoBERTa begin behind the padding's number; all others at 0.
    """
    embeddings: Any = getattr(base, "embeddings", None)
    counted = getattr(embeddings, "create_position_ids_from_input_ids", None)
    if counted is not None:
        return counted(ids, embeddings.padding_idx)
    return torch.arange(ids.shape[1], device=ids.device).expand_as(ids)


def configs(base: Any) -> list[Any]:
    """The configs that its modules read, each once: with a shared encoder that is another's."""
    held = (getattr(module, "config", None) for module in base.modules())
    return list({id(c): c for c in held if isinstance(c, PretrainedConfig)}.values())


@contextmanager
def at_rest(model: Any) -> Iterator[None]:
    """Evaluation in float32 without gradients; afterwards every module is in its own mode again."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad(), torch.autocast(model.device.type, enabled=False):
            yield
    finally:
        for module in training:
            module.training = True


def probe(model: Any, pad_id: int) -> dict[str, Tensor]:
    """A padded batch of sequences of several lengths, one longer than any local window."""
    config = model.config
    window = max((getattr(config, name, None) or 0 for name in WINDOWS), default=0)
    limit = (getattr(config, "max_position_embeddings", None) or 512) - _first_position(model)
    longest = min(limit, max(*PROBED, window + 8))
    lengths = np.array([min(length, longest) for length in (*PROBED[:-1], longest)])
    pieces = model.get_input_embeddings().weight.shape[0]
    random = np.random.default_rng(0)  # its own: the run's is not touched
    ids = random.integers(0, pieces - 1, (len(lengths), longest))
    ids[ids >= pad_id] += 1  # no token is padding
    real = np.arange(longest) < lengths[:, None]
    batch = {"input_ids": np.where(real, ids, pad_id), "attention_mask": real.astype(np.int64)}
    if getattr(config, "type_vocab_size", 0) > 1:
        batch["token_type_ids"] = (real & (np.arange(longest) > 1)).astype(np.int64)
    tensors = {key: torch.from_numpy(value).to(model.device) for key, value in batch.items()}
    if type(model).__name__ in MODEL_FOR_MULTIPLE_CHOICE_MAPPING_NAMES.values():
        return {key: value[None] for key, value in tensors.items()}  # as choices of one row
    return tensors


def _first_position(model: Any) -> int:
    """Where the encoder begins to count, as in `positions`; of others the padding's id, which may
    be a large number, says nothing of that."""
    embeddings = getattr(model.base_model, "embeddings", None)
    counts_behind = hasattr(embeddings, "create_position_ids_from_input_ids")
    return int(getattr(embeddings, "padding_idx", 0)) + 1 if counts_behind else 0


def outputs(model: Any, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the model gives for real tokens; of a masked language model, its encoder's states.

    Its logits, of the whole vocabulary at every token, are made of these token by token.
    """
    lexical = model.get_output_embeddings() is not None
    result = (model.base_model if lexical else model)(**inputs)
    real = inputs["attention_mask"].bool()
    return {
        key: value[real] if value.shape[:2] == real.shape and "pool" not in key else value
        for key, value in result.items()
        if isinstance(value, Tensor)
    }


def difference(padded: Mapping[str, Tensor], packed: Mapping[str, Tensor]) -> str:
    """What is different about the packed outputs, in words; empty where nothing is."""
    for key, expected in padded.items():
        if key not in packed or packed[key].shape != expected.shape:
            return f"its {key} have another shape"
        scale = max(1.0, float(expected.abs().max()))
        apart = float((packed[key] - expected).abs().max()) / scale
        if not apart <= TOLERANCE:
            return f"its {key} differ by {apart:.0e} from those with padding"
    return ""


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
