"""From a layer's hidden states to one vector a text, and which layer and pooling each model wants.

Layers are counted as Hugging Face counts `hidden_states`: 0 is the output of the embeddings, n
that of layer n, -1 the last. XTREME's scripts take the last `num_layers` states and count those
from 0 (third_party/evaluate_retrieval.py): their layer 13 of
XLM-R Large is 14 here, their 7 of mBERT is 8.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from xlit.errors import UsageError
from xlit.models.chunks import Chunk

How = Literal["mean", "cls", "mean-no-special"]
DefaultHow = Literal["mean", "cls"]  # what sentence-transformers can be told as well


@dataclass(frozen=True)
class Pooling:
    """How the vectors of a model are made when nothing else is said, and where that comes from.

    What sentence-transformers' files add (`xlit.models.interchange`): the tokens that a text is cut
    to at most, a prompt that belongs before every text, and why vectors cannot be made so here.
    """

    how: DefaultHow
    layer: int
    source: str
    max_length: int | None = None
    prompt: str = ""
    refused: str = ""


# e5 was trained with the mean of its last layer: that is its sentence vector, so no other layer has
# a claim. Encoders that were trained on masked tokens alone have no sentence vector: their last
# layers turn back to the vocabulary, and the benchmark's scripts take one from the middle.
E5 = Pooling("mean", -1, "its model card: trained with the mean of the last layer")

KNOWN: dict[str, Pooling] = {
    "e5-small": E5,
    "multilingual-e5-small": E5,
    "multilingual-e5-base": E5,
    "multilingual-e5-large": E5,
    # for BUCC too: xtreme's script of today says cls and, by a variable that is never passed on,
    # layer 20, but until October 2021 it pooled by the mean whatever it said
    "xlm-roberta-large": Pooling("mean", 14, "jiant taskmodels.py; xtreme run_tatoeba.sh"),
    "bert-base-multilingual-cased": Pooling("mean", 8, "xtreme run_tatoeba.sh"),
    "xlm-mlm-100-1280": Pooling("mean", 12, "xtreme run_tatoeba.sh"),
}

# whatever the encoder at the root of a checkpoint has
TRAINED_TO_RANK = Pooling("mean", -1, "xlit.kinds.ranking")
DEFAULT = Pooling("mean", -1, "the default of sentence-transformers")


def pooling_of(name: str) -> Pooling:
    """The defaults of a model by its name, a hub id or a path; `DEFAULT` itself if unknown."""
    last = name.partition("@")[0].rstrip("/").rpartition("/")[2]
    return KNOWN.get(last.lower(), DEFAULT)


def pool(hidden: Tensor, mask: Tensor, how: DefaultHow) -> Tensor:
    """One vector a text (batch, hidden), of states (batch, length, hidden), mask (batch, length).

    `mean` is over all attended tokens, those of the special tokens included, as in xtreme and
    jiant; a mean over nothing is zero. `cls` is the first position, so padding must be at the end.
    """
    if how == "cls":
        return hidden[:, 0]
    weights = mask.to(hidden.dtype)[:, :, None]  # (batch, length, 1)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)


def pool_chunk(states: Tensor, chunk: Chunk, how: How, special: Tensor) -> Tensor:
    """One vector a text in float32, (texts, hidden), of the states (total, hidden) of a chunk.

    As `pool`; `mean-no-special` leaves out the tokens that `special`, (total,), says are the
    tokeniser's. Raises UsageError for another `how`.
    """
    if how == "cls":
        return states[chunk.starts()].float()
    if how not in ("mean", "mean-no-special"):
        raise UsageError(f"--pooling {how}: known are mean, cls and mean-no-special")
    left_out = special if how == "mean-no-special" else None
    sums = (sums_in_order if states.device.type == "cpu" else sums_by_run)(states, chunk, left_out)
    owners = chunk.owners() if left_out is None else chunk.owners()[~left_out]
    return sums / owners.bincount(minlength=len(sums)).clamp(min=1)[:, None]


def sums_in_order(states: Tensor, chunk: Chunk, left_out: Tensor | None) -> Tensor:
    """The sum of each text's states in float32, (texts, hidden), but for the tokens left out."""
    owners = chunk.owners()
    if left_out is not None:
        states, owners = states[~left_out], owners[~left_out]
    sums = states.new_zeros((len(chunk.lengths), states.shape[1]), dtype=torch.float32)
    return sums.index_add_(0, owners, states.float())


def sums_by_run(states: Tensor, chunk: Chunk, left_out: Tensor | None) -> Tensor:
    """The same on a GPU, where `index_add_` sums in an order that differs from call to call."""
    numbers = states.float()
    if left_out is not None:
        numbers = numbers.masked_fill(left_out[:, None], 0.0)
    sums = []
    at = 0
    for count, length in chunk.runs():
        part = numbers[at : at + count * length]
        sums.append(part.reshape(count, length, states.shape[1]).sum(1))
        at += count * length
    return torch.cat(sums)
