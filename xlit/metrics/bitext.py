"""Scores and thresholds of mined sentence pairs (BUCC).

Sources: google-research/xtreme `evaluate.py:bucc_f1` for the score, and
`third_party/utils_retrieve.py` (`read_candidate2score`, `bucc_optimize`, `bucc_extract`, a
modified LASER) for the way from candidates to a submission.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlit.errors import InputError

Candidate = tuple[str, str, float]  # source id, target id, score: higher is better


@dataclass(frozen=True, slots=True)
class PairScore:
    """Percent."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class ThresholdFit:
    """A threshold and what it reaches on the pairs that it was fitted to, in percent.

    `at_last` says that the best F1 takes every candidate. The official code fails there, because
    no lower score is left for the mean; here the last score itself is the threshold.
    """

    threshold: float
    f1: float
    precision: float
    recall: float
    at_last: bool = False


def _fractions(correct: int, predicted: int, gold: int) -> tuple[float, float, float]:
    """Precision, recall and F1, 0..1."""
    if correct == 0:
        return 0.0, 0.0, 0.0
    precision, recall = correct / predicted, correct / gold
    return precision, recall, 2 * precision * recall / (precision + recall)


def bucc_f1(gold: Iterable[tuple[str, ...]], predicted: Iterable[tuple[str, ...]]) -> PairScore:
    """Precision, recall and F1 of two sets of pairs; all 0 where none is right or there is none."""
    golds, guesses = set(gold), set(predicted)
    fractions = _fractions(len(golds & guesses), len(guesses), len(golds))
    return PairScore(*(100 * fraction for fraction in fractions))


def unique_sentences(sentences: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Text -> id from (id, text). A text that occurs twice after stripping is left out."""
    ids: dict[str, str] = {}
    twice: set[str] = set()
    for sentence_id, text in sentences:
        stripped = text.strip()
        if stripped in ids:
            twice.add(stripped)
        ids[stripped] = sentence_id
    return {text: sentence_id for text, sentence_id in ids.items() if text not in twice}


def candidates_by_id(
    mined: Iterable[tuple[str, str, float]],
    source_ids: Mapping[str, str],
    target_ids: Mapping[str, str],
) -> list[Candidate]:
    """Mined texts turned into ids; pairs with a text that has no id of its own are dropped."""
    known = (
        (source_ids.get(source.strip()), target_ids.get(target.strip()), score)
        for source, target, score in mined
    )
    return merge_candidates(
        (s, t, score) for s, t, score in known if s is not None and t is not None
    )


def merge_candidates(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Each pair once, at its first place and with its highest score.

    Raises InputError for a score that is not a number: no order would be defined.
    """
    best: dict[tuple[str, str], float] = {}
    for source, target, score in candidates:
        if score != score:
            raise InputError(f"the candidate {source}, {target} has a score that is not a number")
        best[source, target] = max(score, best.get((source, target), score))
    return [(source, target, score) for (source, target), score in best.items()]


def fit_threshold(candidates: Sequence[Candidate], gold: Iterable[tuple[str, ...]]) -> ThresholdFit:
    """The threshold with the highest F1 on `gold`, in the way of `bucc_optimize`.

    Walking down the scores, every strictly better F1 sets the threshold to the mean of this score
    and the next lower candidate's. All gold pairs count, also those that were never mined.
    Without a correct candidate the threshold is 0.
    """
    golds = set(gold)
    ranked = sorted(merge_candidates(candidates), key=lambda candidate: -candidate[2])
    return fit_scores(
        np.array([score for _, _, score in ranked], float),
        np.array([(source, target) in golds for source, target, _ in ranked], bool),
        len(golds),
    )


def fit_scores(scores: NDArray[np.float64], right: NDArray[np.bool_], gold: int) -> ThresholdFit:
    """`fit_threshold` where falling scores and whether each pair is right are known, and how many
    gold pairs there are."""
    correct = np.cumsum(right)
    there = np.flatnonzero(correct)  # before the first right pair F1 is 0
    if not len(there):
        return ThresholdFit(threshold=0.0, f1=0.0, precision=0.0, recall=0.0)
    precision, recall = correct[there] / (there + 1), correct[there] / gold
    f1 = 2 * precision * recall / (precision + recall)
    best = int(f1.argmax())  # the first of equal ones
    place = int(there[best])
    at_last = place + 1 == len(scores)
    score = float(scores[place])
    return ThresholdFit(
        threshold=score if at_last else (score + float(scores[place + 1])) / 2,
        f1=100 * float(f1[best]),
        precision=100 * float(precision[best]),
        recall=100 * float(recall[best]),
        at_last=at_last,
    )


def extract(candidates: Iterable[Candidate], threshold: float) -> list[tuple[str, str]]:
    """The pairs with a score of at least the threshold, in the order of the candidates."""
    merged = merge_candidates(candidates)
    return [(source, target) for source, target, score in merged if score >= threshold]
