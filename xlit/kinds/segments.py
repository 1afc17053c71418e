"""Text to pieces in batches, and pieces to sequences with the special tokens of a tokenizer.

Where the special tokens go is read off the tokenizer once, from a sample. Sequences are then put
together from pieces here: kinds cut windows, fronts and words, for which tokenizers have no call,
and a text that occurs often (an MNLI premise, a SQuAD paragraph) is tokenised once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlit.errors import UsageError

CHUNK = 1000
"""Texts a call: enough for the tokenizer's threads, little enough to bound the memory."""

Pieces = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """The special tokens around one text and around a pair, with token types."""

    single: tuple[Pieces, Pieces]
    pair: tuple[Pieces, Pieces, Pieces]
    single_type: int
    pair_types: tuple[Pieces, int, Pieces, int, Pieces]
    typed: bool

    @property
    def single_specials(self) -> int:
        return sum(map(len, self.single))

    @property
    def pair_specials(self) -> int:
        return sum(map(len, self.pair))

    def join(self, first: Pieces, second: Pieces | None) -> tuple[Pieces, Pieces | None]:
        """The whole sequence, and its token types where the model takes them."""
        if second is None:
            before, after = self.single
            ids = (*before, *first, *after)
            return ids, (self.single_type,) * len(ids) if self.typed else None
        before, between, after = self.pair
        ids = (*before, *first, *between, *second, *after)
        if not self.typed:
            return ids, None
        types_before, a, types_between, b, types_after = self.pair_types
        types = (*types_before, *(a,) * len(first), *types_between)
        return ids, (*types, *(b,) * len(second), *types_after)

    def second_start(self, first: Pieces) -> int:
        """The position in a pair of the first piece of its second text."""
        return len(self.pair[0]) + len(first) + len(self.pair[1])


def frame_of(tokenizer: Any, max_length: int) -> Frame:
    """The frame of a tokenizer, for sequences of at most `max_length` pieces.

    Raises `UsageError` when the tokenizer has no fast backend or no padding token, or its model no
    room for that.
    """
    if not tokenizer.is_fast:
        raise UsageError(f"{type(tokenizer).__name__} has no fast backend, which xlit needs")
    if tokenizer.pad_token_id is None:
        raise UsageError(f"{type(tokenizer).__name__} has no padding token, which batches need")
    if max_length > tokenizer.model_max_length:
        raise UsageError(
            f"--max-length {max_length} is more than the {tokenizer.model_max_length} pieces that "
            "the encoder takes"
        )
    one, two = tokenizer("a").encodings[0], tokenizer("a", "a").encodings[0]
    single, _ = around(one.ids, one.sequence_ids, 1)
    pair, _ = around(two.ids, two.sequence_ids, 2)
    types, own = around(two.type_ids, two.sequence_ids, 2)
    frame = Frame(
        single=(single[0], single[1]),
        pair=(pair[0], pair[1], pair[2]),
        single_type=one.type_ids[0],
        pair_types=(types[0], own[0], types[1], own[1], types[2]),
        typed="token_type_ids" in tokenizer.model_input_names,
    )
    if max_length <= frame.pair_specials + 1:
        raise UsageError(f"--max-length {max_length} leaves no room for text between the specials")
    return frame


def around(
    values: Sequence[int], texts: Sequence[int | None], count: int
) -> tuple[list[Pieces], list[int]]:
    """Values at the special tokens before, between and behind the texts; and one of each text."""
    first = [texts.index(i) for i in range(count)]
    last = [len(texts) - 1 - list(reversed(texts)).index(i) for i in range(count)]
    starts, ends = [0, *(i + 1 for i in last)], [*first, len(texts)]
    gaps = [tuple(values[a:b]) for a, b in zip(starts, ends, strict=True)]
    return gaps, [values[i] for i in first]


def chunks(count: int) -> Iterator[range]:
    """The positions from 0 to `count` in runs of `CHUNK`."""
    for start in range(0, count, CHUNK):
        yield range(start, min(start + CHUNK, count))


def tokenise(tokenizer: Any, texts: Iterable[str]) -> dict[str, Pieces]:
    """The pieces of each distinct text, without special tokens and uncut."""
    encode = backend_of(tokenizer).encode_batch_fast  # leaves out where pieces stand in the text
    return {text: tuple(e.ids) for text, e in encoded(encode, texts)}


def tokenise_with_spans(
    tokenizer: Any, texts: Iterable[str]
) -> dict[str, tuple[Pieces, NDArray[np.int32]]]:
    """As `tokenise`, and the characters [start, end) of every piece, (pieces, 2)."""
    encode = backend_of(tokenizer).encode_batch
    return {
        text: (tuple(e.ids), np.asarray(e.offsets, dtype=np.int32).reshape(-1, 2))
        for text, e in encoded(encode, texts)
    }


def backend_of(tokenizer: Any) -> Any:
    """The tokenizers library's own object, set to neither cut nor pad.

    transformers sets it anew at every call of its own. Calling it directly takes half the time.
    """
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = tokenizer.split_special_tokens
    return backend


def encoded(encode: Callable[..., Any], texts: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Each distinct text with its encoding, without special tokens."""
    distinct = list(dict.fromkeys(texts))
    for run in chunks(len(distinct)):
        batch = distinct[run.start : run.stop]
        yield from zip(batch, encode(batch, add_special_tokens=False), strict=True)


def cut_longest_first(first: Pieces, second: Pieces, room: int) -> tuple[Pieces, Pieces]:
    """Both texts cut at the end to fit, as the tokenizers library's "longest_first" does.

    Only the longer one is cut until both are equally long; an odd piece stays with the longer one.
    """
    if len(first) + len(second) <= room:
        return first, second
    half = room // 2
    if len(first) <= half:
        return first, second[: room - len(first)]
    if len(second) <= half:
        return first[: room - len(second)], second
    odd = room - half
    if len(first) > len(second):
        return first[:odd], second[:half]
    return first[:half], second[:odd]
