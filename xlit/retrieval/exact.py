"""The exact back end (first version: every product in float64)."""

from collections.abc import Callable
from typing import Literal

import torch

from xlit.retrieval.rows import Ids, Neighbours, Rows, Scores
from xlit.retrieval.unscreened import best_unscreened


def exact_search(
    queries: Rows,
    index_vectors: Rows,
    k: int,
    *,
    precision: Literal["auto", "bf16", "float32"] = "auto",
    device: torch.device | None = None,
    advance: Callable[[int], object] | None = None,
) -> tuple[Scores, Ids]:
    """The k largest scores of each query and the rows they are with, best first."""
    return best_unscreened(queries, index_vectors, k, device=device, advance=advance)


def exact_search_both(
    sources: Rows,
    targets: Rows,
    k: int,
    *,
    precision: Literal["auto", "bf16", "float32"] = "auto",
    device: torch.device | None = None,
    advance: Callable[[int], object] | None = None,
) -> tuple[Neighbours, Neighbours]:
    """The k nearest targets of every source, and the k nearest sources of every target."""
    forward = Neighbours(
        *best_unscreened(sources, targets, min(k, len(targets)), device=device, advance=advance)
    )
    backward = Neighbours(
        *best_unscreened(targets, sources, min(k, len(sources)), device=device, advance=advance)
    )
    return forward, backward
