"""What all tables of the benchmarks are made with."""

from collections.abc import Iterable, Sequence
from statistics import median

MIB = 2**20


def spread(values: Iterable[float], digits: int) -> str:
    """Median (smallest to largest); the one value where there is one; a dash for none."""
    found = sorted(values)
    if not found:
        return "-"
    middle = f"{median(found):.{digits}f}"
    if len(found) == 1:
        return middle
    return f"{middle} ({found[0]:.{digits}f} to {found[-1]:.{digits}f})"


def table_of(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
