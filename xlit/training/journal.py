"""What a run tells while it goes on: `log.jsonl`, the live line, and trackers where asked for."""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from xlit import console
from xlit.artefacts.partials import LOG
from xlit.kinds.kind import Score
from xlit.training.schedule import Schedule
from xlit.training.state import State
from xlit.training.tracking import Trackers
from xlit.training.volume import Volume

RECENT = 20
"""Steps of which means are shown: one batch says little."""


@dataclass
class Journal:
    """The open log of a run, its live line and its trackers.

    Every line of the log ends in `seconds`, the one key that differs between two runs of one
    command, or between a run that was interrupted and one that was not.
    """

    label: str  # the names of all tasks
    lines: TextIO
    advance: Callable[..., None]
    trackers: Trackers
    schedule: Schedule
    done: int  # steps, before this process and in it
    best: tuple[float, int] | None  # the highest mean on dev, and its step
    _first: int = field(init=False)
    _opened: float = field(init=False)
    _told: float = field(init=False)  # when the last line was written
    _scoring: list[float] = field(default_factory=list)  # seconds of each evaluation
    _recent: deque[tuple[Volume, float]] = field(default_factory=lambda: deque(maxlen=RECENT))
    _notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._first = self.done
        self._opened = self._told = time.monotonic()

    def step(
        self,
        number: int,
        *,
        task: str,
        rows: Sequence[int],
        losses: Sequence[float],
        rate: float,
        norm: float,
        volume: Volume,
        seconds: float,
    ) -> None:
        """Step `number`, from 1: the positions of its rows, the losses of all steps so far, the
        learning rate, the gradient's norm before clipping, and what it computed in how long."""
        self.done = number
        self._recent.append((volume, seconds))
        self._write(
            step=number,
            task=task,
            rows=list(rows),
            loss=losses[-1],
            lr=rate,
            gradient_norm=norm,
            tokens=volume.tokens,
            computed=volume.computed,
            padded=volume.padded,
            seconds=round(seconds, 6),
        )
        recent = sum((one for one, _ in self._recent), Volume())
        took = max(1e-9, sum(seconds for _, seconds in self._recent))
        examples, tokens = recent.examples / took, recent.tokens / took
        # the most important first: a narrow terminal shows no more
        self._notes = (
            f"loss {np.mean(losses[-RECENT:]):.3f}",
            f"{examples:.1f} examples/s",
            *([] if self.best is None else [f"best {self.best[0]:.1f} at {self.best[1]}"]),
            f"lr {rate:.1e}",
            f"{tokens:.0f} tokens/s",
            f"padding {recent.padding:.1%}",
        )
        self.advance(1, note=self._notes, left=self._left())
        of_task = {} if task == self.label else {f"loss/{task}": losses[-1]}
        self.trackers.log(
            number,
            {
                "train/loss": losses[-1],
                **of_task,
                "train/lr": rate,
                "train/gradient_norm": norm,
                "speed/examples_per_second": examples,
                "speed/tokens_per_second": tokens,
                "speed/padding": recent.padding,
            },
        )

    def scoring(self) -> None:
        """Say that dev is being scored: until it is, no step goes on."""
        self.advance(0, note=("scoring dev", *self._notes), left=self._left())

    def evaluation(self, number: int, mean: float, scores: Mapping[str, Score]) -> None:
        """The dev scores after step `number`, and their mean."""
        seconds = time.monotonic() - self._told
        self._scoring.append(seconds)
        mains = {name: score.main for name, score in scores.items()}
        errors = {name: score.standard_error for name, score in scores.items()}
        self._write(step=number, dev=mean, tasks=mains, errors=errors, seconds=round(seconds, 6))
        if self.best is None or mean > self.best[0]:
            self.best = mean, number
        self.advance(0, note=self._notes, left=self._left())
        of_tasks = {f"dev/{name}": value for name, value in mains.items()}
        self.trackers.log(number, {"dev/mean": mean, **of_tasks})

    def seen(self, task: str, values: Mapping[str, Any]) -> None:
        """What was seen of a task in the whole run."""
        self._write(seen=task, **values)

    def _left(self) -> float:
        """Seconds to the end: the steps and the evaluations to come, as long as those that this
        process has seen took on average."""
        elapsed = time.monotonic() - self._opened
        a_step = (elapsed - sum(self._scoring)) / max(1, self.done - self._first)
        an_evaluation = float(np.mean(self._scoring)) if self._scoring else 0.0
        steps = self.schedule.steps - self.done
        return steps * a_step + self.schedule.evaluations_after(self.done) * an_evaluation

    def _write(self, **values: Any) -> None:
        self.lines.write(json.dumps(values) + "\n")
        self._told = time.monotonic()


@contextmanager
def open_journal(
    directory: Path,
    label: str,
    schedule: Schedule,
    state: State,
    trackers: Trackers,
    written: int = 0,
) -> Iterator[Journal]:
    """The journal of a run whose files are in `directory`, from where `state` stands.

    Of a run that goes on, the log had `written` bytes at that step: whatever it has beyond them is
    of steps that are done again.
    """
    path = directory / LOG
    if written:
        os.truncate(path, written)
    with (
        trackers.following(state.step),
        path.open("a" if written else "w", buffering=1, encoding="utf-8") as lines,
        console.progress(
            f"train {label}", total=schedule.steps, unit="steps", rate=False, done=state.step
        ) as advance,
    ):
        best = (state.best.score, state.best.step) if state.best.step else None
        yield Journal(label, lines, advance, trackers, schedule, state.step, best)
