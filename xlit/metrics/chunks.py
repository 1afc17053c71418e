"""Chunk F1 of tagged sentences, for PANX and UDPOS.

XTREME calls seqeval and does not pin it. Its published numbers come from seqeval 0.0.12
(`metrics/sequence_labeling.py:get_entities`), which is the default here; `rules="1.x"` is what
0.0.18 and all of 1.x compute. Tags are taken as they are, so UDPOS is scored on runs of equal
tags, with effects of the first letter (SYM and SCONJ begin with S: each is a chunk of its own).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from xlit.errors import InputError, UsageError

Rules = Literal["0.0.12", "1.x"]
Chunk = tuple[str, int, int]  # type, first and last position in the joined sequence


@dataclass(frozen=True, slots=True)
class ChunkCounts:
    """Chunks of one sentence. Summed over sentences they give the score of the whole file."""

    correct: int
    predicted: int
    gold: int


@dataclass(frozen=True, slots=True)
class ChunkScore:
    """Percent, micro average over all chunks."""

    f1: float
    precision: float
    recall: float


def letter_and_type(tag: str, rules: Rules = "0.0.12") -> tuple[str, str]:
    """The first character of a tag, and the type that its chunk would have."""
    if rules == "0.0.12":
        return tag[:1], tag.rpartition("-")[2]
    rest = tag[1:]
    head, hyphen, tail = rest.partition("-")
    return tag[:1], (tail if hyphen else head) or "_"


def _ends(p: str, p_type: str, c: str, c_type: str) -> bool:
    """Whether a chunk ends between the previous tag and the current one."""
    return p in "ES" or (p in "BI" and c in "BSO") or (p not in "O." and p_type != c_type)


def _starts(p: str, p_type: str, c: str, c_type: str) -> bool:
    """Whether a chunk starts at the current tag."""
    return c in "BS" or (p in "ESO" and c in "EI") or (c not in "O." and p_type != c_type)


def chunks(sentences: Iterable[Sequence[str]], rules: Rules = "0.0.12") -> set[Chunk]:
    """All chunks. Every sentence border takes one position of the joined sequence.

    Raises UsageError for unknown rules, InputError for an empty tag.
    """
    if rules not in ("0.0.12", "1.x"):
        raise UsageError(f"unknown seqeval rules {rules!r}", hint="known: 0.0.12, 1.x")
    joined = [tag for sentence in sentences for tag in (*sentence, "O")]
    if "" in joined:
        raise InputError("a tag is empty")
    found: set[Chunk] = set()
    begin, p, p_type = 0, "O", ""
    for i, tag in enumerate((*joined, "O")):
        c, c_type = letter_and_type(tag, rules)
        # the end comes first: a chunk that ends here still has the old begin
        if _ends(p, p_type, c, c_type):
            found.add((p_type, begin, i - 1))
        if _starts(p, p_type, c, c_type):
            begin = i
        p, p_type = c, c_type
    return found


def check_lengths(
    golds: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]], *, words: bool = True
) -> None:
    """Raises InputError unless both have as many sentences and, with `words`, as many tags."""
    if len(golds) != len(predictions):
        raise InputError(f"{len(predictions)} predicted sentences for {len(golds)} labelled ones")
    for i, (gold, guess) in enumerate(zip(golds, predictions, strict=True)):
        if words and len(gold) != len(guess):
            raise InputError(f"sentence {i + 1} has {len(guess)} tags for {len(gold)} words")


def chunk_counts(
    golds: Sequence[Sequence[str]],
    predictions: Sequence[Sequence[str]],
    rules: Rules = "0.0.12",
    *,
    shifting: bool = False,
) -> list[ChunkCounts]:
    """The chunk counts of each sentence; a chunk belongs to the sentence in which it ends.

    `shifting` lets a sentence have another number of tags than words, as seqeval 0.0.12 does:
    every later position moves and later chunks no longer match. 1.x refuses that, and so do we
    by default. Raises InputError for numbers that do not agree.
    """
    check_lengths(golds, predictions, words=not shifting or rules == "1.x")
    gold, guess = chunks(golds, rules), chunks(predictions, rules)

    def per_sentence(found: set[Chunk], sentences: Sequence[Sequence[str]]) -> list[int]:
        borders = list(accumulate(len(sentence) + 1 for sentence in sentences))
        counts, sentence = [0] * len(sentences), 0
        for end in sorted(end for _, _, end in found):
            while end >= borders[sentence]:
                sentence += 1
            counts[sentence] += 1
        return counts

    return [
        ChunkCounts(*counts)
        for counts in zip(
            per_sentence(gold & guess, golds),
            per_sentence(guess, predictions),
            per_sentence(gold, golds),
            strict=True,
        )
    ]


def score_of_counts(counts: Iterable[ChunkCounts]) -> ChunkScore:
    """Precision, recall and F1 of summed counts; 0, not 100, where there is nothing to find."""
    correct = predicted = gold = 0
    for count in counts:
        correct += count.correct
        predicted += count.predicted
        gold += count.gold
    precision = correct / predicted if predicted else 0.0
    recall = correct / gold if gold else 0.0
    f1 = 2 * precision * recall / (precision + recall) if correct else 0.0
    return ChunkScore(f1=100 * f1, precision=100 * precision, recall=100 * recall)


def chunk_f1(
    golds: Sequence[Sequence[str]],
    predictions: Sequence[Sequence[str]],
    rules: Rules = "0.0.12",
    *,
    shifting: bool = False,
) -> ChunkScore:
    """Chunk F1, precision and recall of a file in percent. Raises as `chunk_counts` does."""
    return score_of_counts(chunk_counts(golds, predictions, rules, shifting=shifting))


def words_right(gold: Sequence[str], prediction: Sequence[str]) -> float:
    """The share (0..1) of a sentence's words with the right tag; 1 for a sentence of no words.

    Raises InputError when the two have not the same length.
    """
    check_lengths([gold], [prediction])
    right = sum(a == b for a, b in zip(gold, prediction, strict=True))
    return right / len(gold) if gold else 1.0
