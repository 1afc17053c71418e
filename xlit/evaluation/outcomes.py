"""The outcome of a split by one reading of an encoder: its numbers, and the cell when it is wanted.

Of many layers one becomes cells; the others are numbers in a table, so cells are made on demand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xlit.evaluation.evaluate import Cell
from xlit.retrieval.layers import Reading
from xlit.tasks.sources import Split


@dataclass(frozen=True)
class Outcome:
    """`main` names the metric that counts; there are no metrics (percent) of hidden answers."""

    split: Split
    reading: Reading
    main: str
    metrics: Mapping[str, float]
    cell: Callable[[], Cell]


def key(split: Split) -> tuple[str, str]:
    """What tells the splits of a card apart: the split's name and the language."""
    return split.split, split.language
