"""Which task each step of a run is for, and what that came to.

A step takes one batch of one task; the task is drawn at random, with the shares of a `Mix`. The
rows of a task come in shuffled epochs, always from the whole set: a cap weights, it never cuts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xlit.kinds.batches import training_batches
from xlit.kinds.feature import Integers

Mixing = Literal["proportional", "uniform", "temperature"]

CAP = 2**17
"""Rows above which a task weighs no more (PROTOCOL A5: the paper's K)."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How often each task of a run is drawn, from the e rows of each.

    proportional: min(e, cap), as the paper has it. temperature: min(e, cap)^(1/T), from
    proportional at T = 1 towards uniform. uniform: the same for all.
    """

    how: Mixing = "proportional"
    cap: int = CAP
    temperature: float = 1.0

    def shares(self, rows: Sequence[int]) -> NDArray[np.float64]:
        """The probability of each task, (tasks,)."""
        capped = np.array([self.capped(count) for count in rows], dtype=np.float64)
        if self.how == "uniform":
            capped = np.ones_like(capped)
        elif self.how == "temperature":
            # over the largest, which a small temperature would raise to infinity
            capped = (capped / capped.max()) ** (1 / self.temperature)
        return capped / capped.sum()

    def capped(self, rows: int) -> int:
        """The rows that a task counts for, in its share and in the number of steps."""
        return min(rows, self.cap)

    def as_json(self) -> dict[str, Any]:
        """Plain values for a manifest: those that this mixing depends on."""
        own = {"temperature": self.temperature} if self.how == "temperature" else {}
        return {"how": self.how, "cap": self.cap, **own}


@dataclass
class Drawn:
    """What a run drew of one task that has `rows` rows and was to be drawn with `weight`."""

    rows: int
    weight: float
    batches: int = 0
    times: NDArray[np.int64] = field(init=False)  # (rows,), how often each was drawn

    def __post_init__(self) -> None:
        self.times = np.zeros(self.rows, dtype=np.int64)

    @property
    def examples(self) -> int:
        """The rows of all batches, repeats counted."""
        return int(self.times.sum())

    def add(self, batch: Sequence[int]) -> None:
        """Count a batch of rows, given by their positions."""
        self.batches += 1
        np.add.at(self.times, list(batch), 1)

    def as_json(self, steps: int) -> dict[str, Any]:
        """For the manifest. `share` is that of the batches, as `weight` is."""
        distinct = int((self.times > 0).sum())
        return {
            "rows": self.rows,
            "weight": self.weight,
            "batches": self.batches,
            "examples": self.examples,
            "share": self.batches / steps,
            "distinct": distinct,
            "repeats": self.examples - distinct,
        }


def mixed_batches(
    lengths: Sequence[Sequence[int] | Integers],
    batch_sizes: Sequence[int],
    shares: NDArray[np.float64],
    seed: int,
) -> Iterator[tuple[int, list[int]]]:
    """Endless (task number, positions of one batch's rows); the seed settles everything.

    `lengths` has the pieces of each row of each task.
    """

    def batches(number: int) -> Iterator[list[int]]:
        epoch = 0
        while True:
            yield from training_batches(
                lengths[number], batch_sizes[number], seed=seed, epoch=epoch
            )
            epoch += 1

    streams = [batches(number) for number in range(len(lengths))]
    draw = np.random.default_rng([seed, 1])
    while True:
        number = int(draw.choice(len(shares), p=shares)) if len(shares) > 1 else 0
        yield number, next(streams[number])


def languages_seen(
    languages: Iterable[str], times: Sequence[int], asked: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """For each language the share of the rows drawn that was asked for, and what it became: 0 of
    a task that was never drawn.

    `languages` has that of every row, `times` how often each was drawn.
    """
    examples = dict.fromkeys(asked, 0)
    for language, count in zip(languages, times, strict=True):
        examples[language] += int(count)
    total = sum(examples.values())
    return {
        language: {"weight": asked[language], "examples": count, "share": count / max(1, total)}
        for language, count in examples.items()
    }


def seen_line(task: str, mixture: dict[str, Any], *, alone: bool = False) -> str:
    """What was seen of one task, in a line for people, from `Drawn.as_json`.

    Of a task that is `alone` the share is nothing to tell.
    """
    share = f"; {mixture['share']:.1%} of the batches (asked for {mixture['weight']:.1%})"
    return (
        f"{task}: {mixture['examples']} examples, {mixture['distinct']} of {mixture['rows']} rows"
        f" and {mixture['repeats']} repeats{'' if alone else share}"
    )
