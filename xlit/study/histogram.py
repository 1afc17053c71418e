"""How the scores of mined pairs are spread: what one looks at to choose a threshold.

Ratio margins (k as kept) of the best pair of every source, and of those pairs that are each
other's best. Where a text has translations of some sentences and not of others, the second has two
humps, and a threshold belongs between them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlit.artefacts.store import Artefact
from xlit.evaluation.tables import Table
from xlit.retrieval.cut import Neighbourhood

BINS = 20  # about as many
BAR = 40  # columns of the longest bar
LABEL = 12  # columns of what stands before it, in the same cell: other cells go to the right
TAIL = 0.25  # percent of the pairs beyond either end of the bins, which stand in the last one there
HEADER = ("pairs", "from", "to", "forward", "mutual")


@dataclass(frozen=True)
class Histogram:
    """Pairs by score. Bin i is from `edges[i]` to `edges[i + 1]`, the first from below and the last
    to above; `forward` counts the best pairs of all sources, `mutual` those of them that are the
    best of their target as well, and `kept` all that are kept one-to-one."""

    artefact: Artefact
    k: int
    edges: NDArray[np.float64]
    forward: NDArray[np.int64]
    mutual: NDArray[np.int64]
    kept: int

    @property
    def name(self) -> str:
        return f"{self.artefact.manifest.name}.{self.artefact.manifest.reference}"


def histogram(artefact: Artefact, found: Neighbourhood) -> Histogram:
    forward = found.cut(retrieval="forward").scores
    mutual = found.cut(retrieval="intersect").scores
    edges = _edges(forward)
    return Histogram(
        artefact,
        int(artefact.manifest.results["k"]),
        edges,
        _counts(forward, edges),
        _counts(mutual, edges),
        len(found.cut()),
    )


def histogram_table(found: Histogram) -> Table:
    """The highest scores on top; the full part of a bar is the mutual pairs."""
    results = found.artefact.manifest.results
    digits = max(0, -math.floor(math.log10(_step(found.edges)) + 1e-9))
    longest = max(1, int(found.forward.max(initial=0)))
    rows = []
    for place in reversed(range(len(found.forward))):
        count, mutual = int(found.forward[place]), int(found.mutual[place])
        full = round(BAR * mutual / longest)
        bar = "█" * full + "░" * (round(BAR * count / longest) - full)
        edge = f"{found.edges[place]:.{digits}f}"
        rows.append(
            (f"{f'from {edge}' if place else 'below':<{LABEL}}{bar}", str(count), str(mutual))
        )
    sizes = " x ".join(str(results[side]["different"]) for side in ("source", "target"))
    return Table(
        f"{found.name}: ratio margins, k {found.k}, {sizes} sentences",
        ("score", "forward", "mutual"),
        tuple(rows),
        (
            "forward: the best pair of every source; mutual: those that are each other's best (█)",
            f"one-to-one (--retrieval max) {found.kept} pairs are kept",
        ),
    )


def histogram_rows(found: Sequence[Histogram]) -> list[tuple[object, ...]]:
    """Rows under `HEADER`; the first and the last bin of an artefact are open at one end."""
    return [
        (
            one.name,
            None if not place else float(one.edges[place]),
            None if place == len(one.forward) - 1 else float(one.edges[place + 1]),
            int(one.forward[place]),
            int(one.mutual[place]),
        )
        for one in found
        for place in range(len(one.forward))
    ]


def histogram_json(found: Sequence[Histogram]) -> list[dict[str, Any]]:
    return [dict(zip(HEADER, row, strict=True)) for row in histogram_rows(found)]


def _edges(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round numbers, a step apart, between the tails of the scores."""
    if not len(scores):
        return np.array([0.0, 1.0])
    low, high = np.percentile(scores, [TAIL, 100 - TAIL])
    wish = max(float(high - low), 1e-3) / BINS
    power = 10.0 ** math.floor(math.log10(wish))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wish * 0.999)
    first, last = math.floor(low / step), math.ceil(high / step)
    # rounded, so that they are the decimal numbers they are printed as
    return np.round(np.arange(first, max(last, first + 1) + 1) * step, 9)


def _step(edges: NDArray[np.float64]) -> float:
    return float(edges[1] - edges[0])


def _counts(scores: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    places = np.searchsorted(edges[1:-1], scores, side="right")
    return np.bincount(places, minlength=len(edges) - 1)
