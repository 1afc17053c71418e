"""Compact vocabulary: train the rows of the word embeddings that a run can reach, and no others.

Most of a multilingual encoder are its word embeddings, of which a training set touches a few per
cent. A row that no batch of a run has gets no gradient at any step, so its moments stay zero and
only decoupled weight decay moves it: at the end those steps are repeated on it, in float32 as AdamW
takes them, so that on a CPU it has the very bits of a run that held all rows. (The closed form, the
product of all factors applied once, is nearer to the real numbers and for that reason further from
such a run: by 1.7e-6 after 50 steps at a rate of 1e-5, because float32 rounds at every step.)

This holds for an optimiser that treats every element alone, as AdamW does; Adafactor and LAMB,
whose steps depend on a whole row or layer, would give other numbers. Clipping by norm may be on:
rows without gradient add nothing to the norm.
"""

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import EIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xlit import device
from xlit.errors import DamagedError
from xlit.models.decay import Decay

CHUNK = 1 << 20
"""Values that are read together: four megabytes."""


class CompactEmbedding(nn.Module):
    """Stands in the place of an `nn.Embedding`, takes the same ids and has some of its rows."""

    places: Tensor  # (vocabulary,), the row of each piece here, -1 for one that is not

    def __init__(self, full: nn.Embedding, pieces: Tensor) -> None:
        super().__init__()
        places = torch.full((full.num_embeddings,), -1, dtype=torch.long)
        places[pieces] = torch.arange(len(pieces))
        self.register_buffer("places", places, persistent=False)
        self.weight = nn.Parameter(full.weight.detach()[pieces], full.weight.requires_grad)
        # it gets no gradient, there as here
        self.padding_row = None if full.padding_idx is None else int(places[full.padding_idx])

    def forward(self, ids: Tensor) -> Tensor:
        """(..., hidden). Raises IndexError, as the full table does, for a piece that has no row."""
        rows = self.places[ids]
        if bool((rows < 0).any()):
            piece = int(ids[rows < 0][0])
            raise IndexError(f"piece {piece} is not among the {len(self.weight)} of this run")
        return nn.functional.embedding(rows, self.weight, self.padding_row)


@dataclass
class Compact:
    """Models whose word embeddings are compact, and the way back."""

    embedding: CompactEmbedding
    full: nn.Embedding
    seats: list[tuple[nn.Module, str]]
    pieces: Tensor  # (rows,), ascending
    file: Any  # binary, with the full matrix; None where it is not to come back

    def __post_init__(self) -> None:
        if self.file is not None:
            weakref.finalize(self, self.file.close)

    def as_json(self) -> dict[str, Any]:
        """For a manifest."""
        return {"rows": len(self.pieces), "of": self.full.num_embeddings}

    def restore(self, factors: Sequence[float]) -> None:
        """Put the full matrix back, with the trained rows as they are now; without it, nothing.

        Where they were trained, the other rows are multiplied by each of `factors` in turn, in
        float32: 1 - rate x decay of every step up to the one that is kept. Raises OSError where the
        matrix cannot be read back whole.
        """
        if self.file is None:
            return
        compact = self.embedding.weight
        decay = Decay(factors if compact.requires_grad else ())
        device.give_memory_back()  # something large needs room now
        matrix = np.empty((self.full.num_embeddings, self.full.embedding_dim), dtype=np.float32)
        self.file.seek(0)
        flat = matrix.reshape(-1)
        for start in range(0, len(flat), CHUNK):
            part = flat[start : start + CHUNK]
            if self.file.readinto(part.data.cast("B")) != part.nbytes:
                # as where a network file system finds out too late that it is full
                raise OSError(EIO, "the file with the full word embeddings has become shorter")
            decay.apply(part)
        self.file.close()
        weight = torch.from_numpy(matrix)
        weight[self.pieces] = compact.detach().cpu()
        self.full.weight = nn.Parameter(weight.to(compact.device), compact.requires_grad)
        for parent, name in self.seats:
            setattr(parent, name, self.full)


def compact(
    models: Sequence[Any], pieces: NDArray[np.integer[Any]], directory: Path | None
) -> Compact:
    """Leave the models, which share an encoder, the word embeddings of `pieces` alone.

    `pieces` must have every id that the models will be given, and `refusal` must be None. The full
    matrix waits in a file in `directory` that has no name and goes with the process; without a
    directory it is not kept, and the models stay compact. Raises DamagedError where there are
    pieces that have no row, OSError where the disk is full; the models are then as they were.
    """
    full: nn.Embedding = models[0].get_input_embeddings()
    padding = [] if full.padding_idx is None else [full.padding_idx]
    kept = torch.from_numpy(np.union1d(pieces, padding).astype(np.int64))
    if int(kept[-1]) >= full.num_embeddings:
        raise DamagedError(
            f"the tokenizer has a piece {int(kept[-1])}, the encoder {full.num_embeddings} rows"
        )
    embedding = CompactEmbedding(full, kept)
    file = None if directory is None else _file_of(full.weight, directory)
    seats = list(_seats(models, full))
    for parent, name in seats:
        setattr(parent, name, embedding)
    full.weight = nn.Parameter(torch.empty(0), requires_grad=False)
    return Compact(embedding, full, seats, kept, file)


def refusal(models: Sequence[Any]) -> str | None:
    """Why compact word embeddings would not be exact for these models; None where they are."""
    full = models[0].get_input_embeddings()
    if type(full) is not nn.Embedding or full.max_norm is not None or full.scale_grad_by_freq:
        return f"its word embeddings are no plain table ({type(full).__name__})"
    if full.weight.dtype != torch.float32:
        return f"its word embeddings are {full.weight.dtype} and decay is repeated in float32"
    for model in models:
        if model.get_input_embeddings() is not full:
            return "its tasks have word embeddings each"
        if model.get_output_embeddings() is not None:
            return f"the head of {type(model).__name__} has an output for every piece"
        for name, tensor in _tensors_outside(model, full):
            if _overlap(tensor, full.weight):
                return f"{name} shares the memory of its word embeddings"
    return None


def _file_of(weight: Tensor, directory: Path) -> Any:
    """An open file without a name that holds a tensor's bytes."""
    file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - open until the rows are back
    try:
        file.write(weight.detach().cpu().contiguous().numpy().data.cast("B"))
        file.flush()
    except OSError:
        with suppress(OSError):  # what did not fit is tried again
            file.close()
        raise
    return file


def _seats(models: Sequence[Any], wanted: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """Every module that has `wanted` for a child, and the child's name there."""
    for model in models:
        for path, module in model.named_modules(remove_duplicate=False):
            if module is wanted:
                parent, _, name = path.rpartition(".")
                yield model.get_submodule(parent), name


def _tensors_outside(model: Any, module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The parameters and buffers of all modules of a model but one, ties included."""
    for prefix, part in model.named_modules():
        if part is not module:
            own = (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False))
            yield from ((f"{prefix}.{name}", tensor) for name, tensor in own)


def _overlap(a: Tensor, b: Tensor) -> bool:
    """Whether two contiguous tensors have bytes in common; tensors of one file share a storage."""
    start, other = a.data_ptr(), b.data_ptr()
    return start < other + b.nbytes and other < start + a.nbytes
