"""What torchrun says of this process: which of how many it is.

Read from the environment alone, so that also what loads nothing heavy can ask.
"""

import os
from dataclasses import dataclass

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR")


@dataclass(frozen=True)
class Place:
    """One of `size` processes of a run, counted from 0; `local` counts those of one machine."""

    rank: int = 0
    size: int = 1
    local: int = 0


def place() -> Place:
    """Where this process stands; alone, unless torchrun started it beside others."""
    if not all(os.environ.get(name) for name in VARIABLES):
        return Place()
    rank, size, local = (int(os.environ[name]) for name in VARIABLES[:3])
    return Place(rank, size, local)
