"""From a layer's hidden states to one vector a text, and which layer and pooling each model wants.

Layers are counted as Hugging Face counts `hidden_states`: 0 is the output of the embeddings, n
that of layer n, -1 the last. XTREME's scripts take the last `num_layers` states and count those
from 0 (third_party/evaluate_retrieval.py): their layer 13 of
XLM-R Large is 14 here, their 7 of mBERT is 8.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from xlit.errors import UsageError

How = Literal["mean", "cls"]


@dataclass(frozen=True)
class Pooling:
    """How the vectors of a model are made when nothing else is said, and where that comes from."""

    how: How
    layer: int
    source: str


KNOWN: dict[str, Pooling] = {
    "e5-small": Pooling("mean", -1, "its model card"),
    "multilingual-e5-small": Pooling("mean", -1, "its model card"),
    "multilingual-e5-base": Pooling("mean", -1, "its model card"),
    "multilingual-e5-large": Pooling("mean", -1, "its model card"),
    "xlm-roberta-large": Pooling("mean", 14, "jiant taskmodels.py; xtreme run_tatoeba.sh"),
    "bert-base-multilingual-cased": Pooling("mean", 8, "xtreme run_tatoeba.sh"),
    "xlm-mlm-100-1280": Pooling("mean", 12, "xtreme run_tatoeba.sh"),
}

DEFAULT = Pooling("mean", -1, "the default of sentence-transformers")


def pooling_of(name: str) -> Pooling:
    """The defaults of a model by its name, a hub id or a path; the last layer's mean if unknown."""
    last = name.partition("@")[0].rstrip("/").rpartition("/")[2]
    return KNOWN.get(last.lower(), DEFAULT)


def pool(hidden: Tensor, mask: Tensor, how: How) -> Tensor:
    """One vector a text (batch, hidden), of states (batch, length, hidden), mask (batch, length).

    The mean is over all attended tokens, those of the special tokens included, as in xtreme and
    jiant; `cls` is the first position, so padding must be at the end.
    Raises UsageError for another `how`.
    """
    if how == "cls":
        return hidden[:, 0]
    if how != "mean":
        raise UsageError(f"--pooling {how}: known are mean and cls")
    weights = mask.to(hidden.dtype)[:, :, None]  # (batch, length, 1)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)
