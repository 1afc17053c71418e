"""A bitext task with its vectors, and what an evaluation of it gives."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from xlit.errors import InputError, UsageError
from xlit.metrics.bitext import ThresholdFit
from xlit.retrieval.search import Vectors
from xlit.tasks.rows import BitextRow, Row

Side = Literal["source", "target"]
Pair = tuple[str, str]  # source id, target id


@dataclass(frozen=True, slots=True)
class BitextItem:
    """One query of a result. Several ids in `gold` or `prediction` are separated by a space.

    `part` is the direction (tatoeba), or a key of `BitextScore.thresholds` (bucc).
    `score` is 1 where the prediction is right; `similarity` is the prediction's cosine, or the
    candidate's margin score whether it was extracted or not, None where there was no candidate.
    """

    part: str
    query: str
    gold: str
    prediction: str
    score: float
    similarity: float | None


@dataclass(frozen=True)
class BitextScore:
    """Metrics and their standard errors in percent, and all that they were made from.

    `main` names the metric that counts. `pairs` are the extracted (source, target) ids of bucc,
    `fit` is the best threshold for the very pairs scored, which another split can be cut at,
    `recall` what an inexact index found of the neighbours: forward, of the sources, and backward.
    """

    metric: Literal["tatoeba", "bucc"]
    main: str
    metrics: dict[str, float]
    standard_errors: dict[str, float]
    thresholds: dict[str, float]
    counts: dict[str, int]
    items: tuple[BitextItem, ...]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]
    fit: ThresholdFit | None = None
    recall: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Bitext:
    """The rows of a bitext task by side; texts are stripped, as XTREME does before encoding."""

    source_ids: tuple[str, ...]
    source_texts: tuple[str, ...]
    target_ids: tuple[str, ...]
    target_texts: tuple[str, ...]
    gold: tuple[Pair, ...]


def bitext_of(rows: Iterable[Row]) -> Bitext:
    """Raises InputError where a side or the gold is empty, or where an id occurs twice."""
    ids: dict[str, list[str]] = {"source": [], "target": []}
    texts: dict[str, list[str]] = {"source": [], "target": []}
    gold: list[Pair] = []
    for row in rows:
        if not isinstance(row, BitextRow):
            raise UsageError(f"{type(row).__name__} is no row of a bitext task")
        if row.side == "gold":
            gold.append((row.id, row.text))
        else:
            ids[row.side].append(row.id)
            texts[row.side].append(row.text.strip())
    for side, side_ids in ids.items():
        if not side_ids:
            raise InputError(f"there is no {side} sentence")
        if len(set(side_ids)) < len(side_ids):
            raise InputError(f"a {side} id occurs twice")
    if not gold:
        raise InputError("there is no gold pair, so there is nothing to score against")
    return Bitext(
        tuple(ids["source"]),
        tuple(texts["source"]),
        tuple(ids["target"]),
        tuple(texts["target"]),
        tuple(dict.fromkeys(gold)),
    )


def check_vectors(bitext: Bitext, source_vectors: Vectors, target_vectors: Vectors) -> None:
    for side, ids, vectors in (
        ("source", bitext.source_ids, source_vectors),
        ("target", bitext.target_ids, target_vectors),
    ):
        if len(ids) != len(vectors):
            raise InputError(f"{len(ids)} {side} sentences have {len(vectors)} vectors")
