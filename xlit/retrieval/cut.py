"""Cutting: from the nearest neighbours of two sets of sentences to the pairs that are kept.

The rules are those of XTREME's modified LASER (third_party/utils_retrieve.py, `mine_bitext`), whose
`fwd` and `bwd` cannot run as released: here they do. Nothing here looks at vectors, so what was
searched once can be cut as often as wanted. All of it is done on whole arrays; XTREME and LASER
score candidates in a loop of Python.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypedDict, overload

import numpy as np
from numpy.typing import NDArray

from xlit.retrieval.margin import Floats, Margin, margin_scores, neighbourhood_means
from xlit.retrieval.rows import Ids, Neighbours, recall_told

Retrieval = Literal["max", "intersect", "forward", "backward"]
BLOCK = 1 << 18
"""Sentences whose margins are scored at a time: 2^18 x k float64 values are held, and not more."""


class MiningOptions(TypedDict, total=False):
    """How pairs are scored and kept; the signature of `cut` has the defaults."""

    k: int
    margin: Margin
    retrieval: Retrieval


@dataclass(frozen=True, slots=True)
class MinedPair:
    """A pair: its margin score and the rows of its sentences on either side."""

    score: float
    source: int
    target: int


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs by falling score: the margin score of each, and the rows of its two sentences."""

    scores: Floats
    sources: Ids
    targets: Ids

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[MinedPair]:
        for score, source, target in zip(
            self.scores.tolist(), self.sources.tolist(), self.targets.tolist(), strict=True
        ):
            yield MinedPair(score, source, target)

    @overload
    def __getitem__(self, chosen: int) -> MinedPair: ...
    @overload
    def __getitem__(self, chosen: "slice | NDArray[np.bool_]") -> "Pairs": ...
    def __getitem__(self, chosen: "int | slice | NDArray[np.bool_]") -> "MinedPair | Pairs":
        scores, sources, targets = self.scores[chosen], self.sources[chosen], self.targets[chosen]
        if isinstance(chosen, int):
            return MinedPair(float(scores), int(sources), int(targets))
        return Pairs(scores, sources, targets)

    def above(self, threshold: float) -> "Pairs":
        """Those that score above a threshold."""
        return self[: int(np.searchsorted(-self.scores, -threshold))]


def cut(
    forward: Neighbours,
    backward: Neighbours,
    *,
    k: int | None = None,
    margin: Margin = "ratio",
    retrieval: Retrieval = "max",
    threshold: float | None = None,
) -> Pairs:
    """Pairs by falling score; equal scores by rising source, then target.

    `forward` are the targets nearest to each source, `backward` the sources nearest to each target;
    of each the first `k` count, or all. An id below 0 is no neighbour: an inexact search, or a side
    of fewer than k sentences, leaves such places.

    The retrieval `forward` gives every source its best target among its k nearest, `backward` the
    reverse, `intersect` what both say, and `max` is one-to-one: of both together the best first,
    each sentence once. A pair is kept when its score is above `threshold`. Without one all are,
    except that `max` leaves out scores that are not positive, as XTREME does (its threshold is 0
    and acts on `max` alone).
    """
    forward, backward = first(forward, k), first(backward, k)
    source_means = neighbourhood_means(forward.scores)
    target_means = neighbourhood_means(backward.scores)
    best_targets, forward_scores = _best(forward, source_means, target_means, margin)
    best_sources, backward_scores = _best(backward, target_means, source_means, margin)
    rows, columns = np.arange(len(best_targets)), np.arange(len(best_sources))

    if retrieval == "forward":
        pairs = _ranked(forward_scores, rows, best_targets)
    elif retrieval == "backward":
        pairs = _ranked(backward_scores, best_sources, columns)
    else:
        # the best of a sentence without any neighbour is -1, and nobody's
        back = np.append(best_sources, -1)[best_targets]
        mutual = (back == rows) & (best_targets >= 0)
        if retrieval == "intersect":
            pairs = _ranked(forward_scores[mutual], rows[mutual], best_targets[mutual])
        else:
            once = np.ones(len(columns), bool)  # a mutual pair stands among the forward ones
            once[best_targets[mutual]] = False
            candidates = _ranked(
                np.concatenate([forward_scores, backward_scores[once]]),
                np.concatenate([rows, best_sources[once]]),
                np.concatenate([best_targets, columns[once]]),
            )
            pairs = candidates[one_to_one(candidates.sources, candidates.targets)]
    return pairs.above(usual_threshold(retrieval) if threshold is None else threshold)


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The neighbours of two sides both ways, ids being places in `source_rows` and `target_rows`:
    the row of each different sentence in its text."""

    forward: Neighbours
    backward: Neighbours
    source_rows: Ids
    target_rows: Ids

    @property
    def recall(self) -> dict[str, dict[str, float]]:
        """What an inexact index finds of the true neighbours; nothing where they are exact."""
        return recall_told(forward=self.forward, backward=self.backward)

    def cut(
        self,
        *,
        k: int | None = None,
        margin: Margin = "ratio",
        retrieval: Retrieval = "max",
        threshold: float | None = None,
    ) -> Pairs:
        """As `cut`, with the rows of the texts."""
        pairs = cut(
            self.forward,
            self.backward,
            k=k,
            margin=margin,
            retrieval=retrieval,
            threshold=threshold,
        )
        return Pairs(pairs.scores, self.source_rows[pairs.sources], self.target_rows[pairs.targets])


def usual_threshold(retrieval: Retrieval) -> float:
    """What a score has to exceed where no threshold is given: 0 for `max`, nothing for others."""
    return 0.0 if retrieval == "max" else -np.inf


def first(neighbours: Neighbours, k: int | None) -> Neighbours:
    """The first k neighbours of each."""
    return Neighbours(neighbours.scores[:, :k], neighbours.ids[:, :k])


def one_to_one(sources: Ids, targets: Ids) -> NDArray[np.bool_]:
    """Which of the pairs a greedy walk keeps: from the first on, every one whose source and target
    were not in a pair kept before.

    In rounds over whole arrays: a pair is kept if it is the first that is left of its source and
    of its target, and then what shares one of them falls out. A round mostly leaves less than
    half; a chain of pairs, each in the way of the next, would take as many rounds as it has pairs,
    so what does not shrink is walked one by one.
    """
    kept = np.zeros(len(sources), bool)
    if not len(sources):
        return kept
    used_sources = np.zeros(int(sources.max()) + 1, bool)
    used_targets = np.zeros(int(targets.max()) + 1, bool)
    first_of_source = np.empty(len(used_sources), np.int64)
    first_of_target = np.empty(len(used_targets), np.int64)
    left, before = np.arange(len(sources)), 2 * len(sources)
    while len(left) <= before // 2:
        before = len(left)
        # backwards, so that of several writes to a place the first pair's is the last
        first_of_source[sources[left[::-1]]] = left[::-1]
        first_of_target[targets[left[::-1]]] = left[::-1]
        chosen = (first_of_source[sources[left]] == left) & (first_of_target[targets[left]] == left)
        kept[left[chosen]] = True
        used_sources[sources[left[chosen]]] = True
        used_targets[targets[left[chosen]]] = True
        left = left[~(used_sources[sources[left]] | used_targets[targets[left]])]
        if not len(left):
            return kept
    for place in left.tolist():
        source, target = sources[place], targets[place]
        if not (used_sources[source] or used_targets[target]):
            kept[place] = used_sources[source] = used_targets[target] = True
    return kept


def _best(
    neighbours: Neighbours, own_means: Floats, other_means: Floats, margin: Margin
) -> tuple[Ids, Floats]:
    """The neighbour with the highest margin of each sentence, and that margin; the nearer one at a
    tie, and -1 and -inf where there is none."""
    best = np.full(len(neighbours.ids), -1, np.int64)
    scores = np.full(len(neighbours.ids), -np.inf)
    if not neighbours.ids.shape[1]:
        return best, scores
    for start in range(0, len(best), BLOCK):
        block = slice(start, start + BLOCK)
        ids = neighbours.ids[block]
        margins = margin_scores(
            neighbours.scores[block], own_means[block, None], other_means[ids], margin
        )  # (block, k)
        margins[ids < 0] = -np.inf
        place = margins.argmax(axis=1)[:, None]
        best[block] = np.take_along_axis(ids, place, axis=1)[:, 0]
        scores[block] = np.take_along_axis(margins, place, axis=1)[:, 0]
    return best, scores


def _ranked(scores: Floats, sources: Ids, targets: Ids) -> Pairs:
    """By falling score, then by rising source and target, without those that have no partner."""
    if len(scores) and scores.min() == -np.inf:
        there = scores > -np.inf
        scores, sources, targets = scores[there], sources[there], targets[there]
    order = np.argsort(-scores)
    ranked = scores[order]
    if (ranked[1:] == ranked[:-1]).any():  # three keys take ten times as long as one
        order = np.lexsort((targets, sources, -scores))
        ranked = scores[order]
    return Pairs(ranked, sources[order], targets[order])
