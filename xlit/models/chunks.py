"""Texts as an encoder is given them for inference: one after another in a row, without padding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Chunk:
    """The token ids of some texts, (total,), and how many each text has, the longest first."""

    ids: Tensor
    lengths: tuple[int, ...]

    def runs(self) -> tuple[tuple[int, int], ...]:
        """How many texts of which length stand one after another."""
        return tuple((len(list(same)), length) for length, same in groupby(self.lengths))

    def sizes(self) -> Tensor:
        """The lengths, (texts,)."""
        return torch.tensor(self.lengths, device=self.ids.device)

    def starts(self) -> Tensor:
        """Where each text begins, (texts,)."""
        sizes = self.sizes()
        return sizes.cumsum(0) - sizes

    def owners(self) -> Tensor:
        """The text that each token belongs to, (total,)."""
        texts = torch.arange(len(self.lengths), device=self.ids.device)
        return texts.repeat_interleave(self.sizes(), output_size=len(self.ids))

    def padded(self, pad_id: int) -> tuple[Tensor, Tensor]:
        """Token ids and attention mask as transformers takes them, (texts, longest), both int64."""
        places = torch.arange(max(self.lengths), device=self.ids.device)
        real = places < self.sizes()[:, None]
        ids = self.ids.new_full(real.shape, pad_id)
        ids[real] = self.ids
        return ids, real.long()


def cut_into_chunks(lengths: Sequence[int], budget: int, *, padded: bool) -> Iterator[list[int]]:
    """The texts of each chunk, the longest first: of at most `budget` tokens, or of one text.

    With `padded` the padding counts. The longest come first, so that a chunk which does not fit
    into memory fails at once.
    """
    order = sorted(range(len(lengths)), key=lambda text: -lengths[text])
    chunk: list[int] = []
    tokens = 0
    for text in order:
        wanted = lengths[chunk[0]] if padded and chunk else lengths[text]
        if chunk and tokens + wanted > budget:
            yield chunk
            chunk, tokens, wanted = [], 0, lengths[text]
        chunk.append(text)
        tokens += wanted
    if chunk:
        yield chunk


def positions(base: Any, chunk: Chunk) -> Tensor:
    """The position of each token in its text as the encoder counts, (total,).

    XLM-R and RoBERTa begin behind the padding's number, which what is written as padding in a text
    has itself; all others begin at 0.
    """
    embeddings: Any = getattr(base, "embeddings", None)
    if getattr(embeddings, "create_position_ids_from_input_ids", None) is None:
        first = chunk.starts()[chunk.owners()]
        return torch.arange(len(chunk.ids), device=chunk.ids.device) - first
    padding = int(embeddings.padding_idx)
    real = chunk.ids.ne(padding).long()
    counted = real.cumsum(0)
    starts = chunk.starts()
    before = counted[starts] - real[starts]
    return (counted - before[chunk.owners()]) * real + padding
