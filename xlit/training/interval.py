"""How often a run saves, and where."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from xlit.errors import UsageError

SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Interval:
    """Every so many steps, or every so many seconds: one of the two is given."""

    steps: int | None = None
    seconds: float | None = None

    def is_over(self, steps: int, seconds: float) -> bool:
        """Whether that long has passed: steps, and seconds, since the last save."""
        if self.steps is not None:
            return steps >= self.steps
        return self.seconds is not None and steps > 0 and seconds >= self.seconds


@dataclass(frozen=True)
class Saving:
    """The folder of a run's saves, and how often it saves."""

    folder: Path
    every: Interval


def parse_interval(text: str, flag: str) -> Interval:
    """The interval that `500` (steps), `90s`, `10m` or `2h` names. Raises UsageError for others."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if match is None or not 0 < float(match[1]) < math.inf or (not match[2] and "." in match[1]):
        raise UsageError(
            f"{flag} {text!r}: neither a number of steps (500) nor a time (90s, 10m, 2h)"
        )
    if not match[2]:
        return Interval(steps=int(match[1]))
    return Interval(seconds=float(match[1]) * SECONDS[match[2]])
