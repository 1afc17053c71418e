"""Drawing tables for people on stdout."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlit.evaluation.tables import Table

# without a terminal to fit into a table is never folded: the reader may be a file or a pager
UNBOUNDED = 1000


def draw(tables: "Sequence[Table]", *, numbers: bool = True) -> None:
    """Print tables; on a terminal, one too wide for it is turned on its side."""
    from rich.console import Console

    from xlit.evaluation.tables import as_rich

    width = None if sys.stdout.isatty() else UNBOUNDED
    out = Console(highlight=False, width=width)
    for position, table in enumerate(tables):
        if position:
            out.print()
        fits = table.width <= out.width or not numbers
        out.print(as_rich(table if fits else table.turned(), numbers=numbers))
    sys.stdout.flush()
