"""What a contestant mined, and how far two of them agree."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

TIE = 1e-6  # scores that differ by no more are equal: rounding in float32 moves them by less


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Scores and ids (queries, k), best first."""

    scores: NDArray[np.float32]
    ids: Ids


@dataclass(frozen=True, eq=False)
class Found:
    """The neighbours both ways, and the pairs: the score of each and the rows of its sentences."""

    forward: Neighbours
    backward: Neighbours
    scores: Floats
    sources: Ids
    targets: Ids


def compared(ours: Found, others: Found) -> tuple[bool, dict[str, float]]:
    """Whether both found the same, ties aside, and what differs.

    A neighbour may be another one of the same score, so the scores are compared place by place. A
    pair of one that the other does not have is a tie if the other has a pair of that source, or of
    that target, with the same score, or if that source or target has another best candidate of the
    same score, which may be taken already: among other neighbours, or by the ratio margin.
    """
    gap = max(
        _largest(ours.forward.scores, others.forward.scores),
        _largest(ours.backward.scores, others.backward.scores),
    )
    others_ids = [others.forward.ids, others.backward.ids]
    different = sum(
        int((mine != theirs).sum())
        for mine, theirs in zip([ours.forward.ids, ours.backward.ids], others_ids, strict=True)
    )
    columns = len(ours.backward.ids)
    keys, other_keys = (
        ours.sources * columns + ours.targets,
        others.sources * columns + others.targets,
    )
    apart = (
        (ours.forward.ids != others.forward.ids).any(axis=1)
        | _undecided(ours.forward, ours.backward),
        (ours.backward.ids != others.backward.ids).any(axis=1)
        | _undecided(ours.backward, ours.forward),
    )
    common, at, other_at = np.intersect1d(keys, other_keys, return_indices=True)
    scores = _largest(ours.scores[at], others.scores[other_at])
    lost = _untied(ours, others, ~np.isin(keys, common), *apart) + _untied(
        others, ours, ~np.isin(other_keys, common), *apart
    )
    values = {
        "pairs": float(len(keys)),
        "other pairs": float(len(keys) + len(other_keys) - 2 * len(common)),
        "of them no ties": float(lost),
        "largest difference of a pair's score": scores,
        "other neighbours": float(different),
        "largest difference of a neighbour's score": gap,
    }
    return lost == 0 and scores <= TIE and gap <= TIE, values


def equal(ours: Found, others: Found) -> bool:
    """Whether the neighbours both ways are the same arrays, bit by bit."""
    return all(
        np.array_equal(mine, theirs)
        for mine, theirs in (
            (ours.forward.scores, others.forward.scores),
            (ours.forward.ids, others.forward.ids),
            (ours.backward.scores, others.backward.scores),
            (ours.backward.ids, others.backward.ids),
        )
    )


def _undecided(near: Neighbours, other: Neighbours) -> NDArray[np.bool_]:
    """Which sentences have two best candidates whose ratio margins are equal up to rounding."""
    if near.ids.shape[1] < 2:
        return np.zeros(len(near.ids), bool)
    own, across = (n.scores.mean(axis=1, dtype=np.float64) for n in (near, other))
    margins = 2 * near.scores / (own[:, None] + across[near.ids])
    second, best = np.sort(margins, axis=1)[:, -2:].T
    found: NDArray[np.bool_] = best - second <= TIE
    return found


def _untied(
    ours: Found,
    others: Found,
    alone: NDArray[np.bool_],
    sources_apart: NDArray[np.bool_],
    targets_apart: NDArray[np.bool_],
) -> int:
    """How many of these pairs of ours are no ties.

    `..._apart` (sources) and (targets) say which may have another best candidate of the same score.
    """
    of_source = np.full(len(ours.forward.ids), np.inf)
    of_target = np.full(len(ours.backward.ids), np.inf)
    of_source[others.sources] = others.scores
    of_target[others.targets] = others.scores
    scores, sources, targets = ours.scores[alone], ours.sources[alone], ours.targets[alone]
    tied = (np.abs(of_source[sources] - scores) <= TIE) | (
        np.abs(of_target[targets] - scores) <= TIE
    )
    tied |= sources_apart[sources] | targets_apart[targets]
    return int((~tied).sum())


def _largest(ours: NDArray[np.floating], others: NDArray[np.floating]) -> float:
    if not ours.size:
        return 0.0
    return float(np.abs(ours.astype(np.float64) - others.astype(np.float64)).max())
