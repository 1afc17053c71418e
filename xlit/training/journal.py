"""What a run tells while it goes on: `log.jsonl`, and the live line for who is watching."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from xlit import console
from xlit.kinds.kind import Score

LOG = "log.jsonl"


@dataclass(frozen=True)
class Journal:
    """The open log of a run, and the live line's `advance`."""

    lines: TextIO
    advance: Any

    def step(
        self,
        number: int,
        *,
        task: str,
        rows: Sequence[int],
        losses: Sequence[float],
        rate: float,
        norm: float,
    ) -> None:
        """Step `number`, from 1: the positions of its rows, the losses of all steps so far, the
        learning rate, and the gradient's norm before clipping."""
        self._write(
            step=number, task=task, rows=list(rows), loss=losses[-1], lr=rate, gradient_norm=norm
        )
        self.advance(1, note=f"loss {np.mean(losses[-20:]):.3f} lr {rate:.1e}")

    def evaluation(self, number: int, mean: float, scores: Mapping[str, Score]) -> None:
        """The dev scores after step `number`, and their mean."""
        mains = {name: score.main for name, score in scores.items()}
        self._write(step=number, dev=mean, tasks=mains)

    def seen(self, task: str, values: Mapping[str, Any]) -> None:
        """What was seen of a task in the whole run."""
        self._write(seen=task, **values)

    def _write(self, **values: Any) -> None:
        self.lines.write(json.dumps(values) + "\n")


@contextmanager
def open_journal(
    directory: Path, label: str, steps: int, done: int = 0, written: int = 0
) -> Iterator[Journal]:
    """The journal of a run of `steps` steps whose files are in `directory`.

    Of a run that goes on, `done` steps are done, and the log had `written` bytes then: whatever it
    has beyond them is of steps that are done again.
    """
    path = directory / LOG
    if written:
        os.truncate(path, written)
    with (
        path.open("a" if written else "w", buffering=1, encoding="utf-8") as lines,
        console.progress(f"train {label}", total=steps, unit="steps") as advance,
    ):
        advance(done)
        yield Journal(lines, advance)
