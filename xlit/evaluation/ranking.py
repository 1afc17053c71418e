"""A ranking task in several languages, whose candidates are one pool.

LAReQA's official number is the mean over all questions of all languages together; it stands in
every language's cell as `pooled`, beside the language's own mean. Mewsli-X's is the plain mean over
its languages. Both are scored as the card's metric says, by name over the whole pool.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any, Literal, Unpack

from xlit import console
from xlit.errors import UsageError
from xlit.evaluation.evaluate import Cell, plain
from xlit.evaluation.items import Item
from xlit.evaluation.outcomes import Outcome
from xlit.metrics.ranking import average_precision, average_precision_of_ranks
from xlit.metrics.spread import mean_error
from xlit.models.encoders import Loaded
from xlit.retrieval.encode import LayersOptions, layer_number
from xlit.retrieval.layers import Reading
from xlit.retrieval.one_pass import Layers, encode_lists
from xlit.retrieval.ranking import CUT, Pool, Rankings, pool_of, queries_of, rank
from xlit.retrieval.search import Vectors
from xlit.tasks.rows import RankingRow
from xlit.tasks.sources import Split

RankingMetric = Literal["map@20", "map", "mrr"]
AT_CUT, WHOLE = "map@20", "map"


@dataclass(frozen=True)
class Ranked:
    """What became of one language's queries: the ids of each one's best candidates, its AP@20 (the
    reciprocal rank where there is one answer) and, where it was asked for, its AP over the whole
    pool. No values where the answers of any of them are hidden. `recall` is that of the search."""

    queries: Sequence[RankingRow]
    best: list[list[str]]
    values: dict[str, list[float]]
    recall: dict[str, dict[str, float]]


def evaluate_ranking_cells(
    loaded: Loaded,
    splits: Sequence[Split],
    *,
    metric: RankingMetric | None = None,
    index: str = "auto",
    center: bool = False,
    layer: int = -1,
    **options: Unpack[LayersOptions],
) -> list[Cell]:
    """One cell a split, in their order; all are of one ranking task, one split a language.

    `center` takes the mean of all queries off theirs, and that of the pool off the candidates'.
    See `ranking_outcomes`.
    """
    reading = Reading(layer_number(loaded, layer), center)
    outcomes = ranking_outcomes(loaded, [splits], [reading], metric=metric, index=index, **options)
    return [outcome.cell() for outcome in outcomes]


def ranking_outcomes(
    loaded: Loaded,
    pools: Sequence[Sequence[Split]],
    readings: Sequence[Reading],
    *,
    metric: RankingMetric | None = None,
    index: str = "auto",
    **options: Unpack[LayersOptions],
) -> Iterator[Outcome]:
    """The outcomes of one ranking task: pool by pool, reading by reading, split by split.

    The splits of a pool are of different languages, whose candidates are ranked together; a text
    that several pools have is encoded once. Queries and candidates are cut to the card's lengths,
    or to `max_length` where that is less. `metric` replaces the card's: "map" ranks the whole pool.
    Raises UsageError for another kind.
    """
    card = pools[0][0].card
    if card.ranking is None or any(split.card != card for splits in pools for split in splits):
        raise UsageError(f"{card.name} is no ranking task", hint="lareqa and mewslix are")
    layers = sorted({reading.layer for reading in readings})
    lengths = card.ranking
    longest = options.get("max_length", max(lengths.query_length, lengths.candidate_length))

    def encoded(lists: Sequence[Sequence[str]], length: int) -> Iterator[Layers]:
        cut: LayersOptions = {**options, "normalise": False, "max_length": min(longest, length)}
        return encode_lists(loaded, lists, layers, unit="texts", **cut)

    queries = [[queries_of(split.rows) for split in splits] for splits in pools]
    found = [pool_of([split.rows for split in splits]) for splits in pools]
    asked = encoded(
        [[q.text for rows in each for q in rows] for each in queries], lengths.query_length
    )
    answers = encoded(
        [[row.text + row.context for row in pool.candidates] for pool in found],
        lengths.candidate_length,
    )
    whole = (metric or card.metric) == "map"
    for splits, each, pool in zip(pools, queries, found, strict=True):
        sides = next(asked), next(answers)
        for reading in readings:
            vectors = [reading.of(side[layers.index(reading.layer)]) for side in sides]
            ranked = _ranked(each, pool, vectors[0], vectors[1], whole=whole, index=index)
            yield from _outcomes(splits, ranked, pool, reading, WHOLE if whole else AT_CUT)


def _ranked(
    languages: Sequence[Sequence[RankingRow]],
    pool: Pool,
    queries: Vectors,
    candidates: Vectors,
    *,
    whole: bool,
    index: str,
) -> list[Ranked]:
    """What becomes of the queries of each language, whose vectors stand one after the other."""
    targets = [pool.targets[row.id] for rows in languages for row in rows]
    with console.progress("search", total=len(targets), unit="queries") as advance:
        rankings = rank(queries, candidates, targets, whole=whole, index=index, advance=advance)
    ranked, start = [], 0
    for rows in languages:
        ranked.append(_scored(rows, pool, rankings.part(start, start + len(rows))))
        start += len(rows)
    return ranked


def _outcomes(
    splits: Sequence[Split], ranked: Sequence[Ranked], pool: Pool, reading: Reading, main: str
) -> Iterator[Outcome]:
    about = {
        "main_metric": main,
        "item_mean": True,
        "pool": len(pool.candidates),
        "layer": reading.layer,
        "centred": reading.centred,
        **_pooled(ranked, main),
    }
    for split, one in zip(splits, ranked, strict=True):
        cell = partial(_cell, split, one, pool, main, about)
        yield Outcome(split, reading, main, _metrics(one), cell)


def _scored(queries: Sequence[RankingRow], pool: Pool, found: Rankings) -> Ranked:
    ids = [row.id for row in pool.candidates]
    best = [[ids[place] for place in row if place >= 0] for row in found.best.tolist()]
    if not all(query.answers for query in queries):
        return Ranked(queries, best, {}, found.recall)
    targets = [_targets(query, pool) for query in queries]
    values = {AT_CUT: [average_precision(t, b, CUT) for t, b in zip(targets, best, strict=True)]}
    if found.ranks is not None:
        values[WHOLE] = [
            average_precision_of_ranks(ranks, len(t))
            for ranks, t in zip(found.ranks, targets, strict=True)
        ]
    return Ranked(queries, best, values, found.recall)


def _metrics(ranked: Ranked) -> dict[str, float]:
    return {name: 100 * fmean(each) for name, each in ranked.values.items()}


def _targets(query: RankingRow, pool: Pool) -> list[str]:
    """The right ones in all languages. One that is no candidate counts, and is never found."""
    return [*(pool.candidates[i].id for i in pool.targets[query.id]), *pool.lost[query.id]]


def _pooled(ranked: Sequence[Ranked], main: str) -> dict[str, Any]:
    """The mean over the queries of all languages together, where none has hidden answers."""
    if not all(one.values for one in ranked):
        return {}
    values = [value for one in ranked for value in one.values[main]]
    return {
        "pooled": 100 * fmean(values),
        "pooled_error": mean_error(values),
        "pooled_languages": len(ranked),
    }


def _cell(split: Split, ranked: Ranked, pool: Pool, main: str, about: dict[str, Any]) -> Cell:
    values = ranked.values.get(main)
    if values is None:
        console.always(
            f"{split.card.name} {split.language} {split.split}: queries without answers, so there"
            " are predictions and no score"
        )
    scores: Sequence[float | None] = values or [None] * len(ranked.queries)
    items = tuple(
        Item(
            task=split.card.name,
            language=split.language,
            item=query.id,
            gold=plain(_targets(query, pool)),
            prediction=plain(best),
            score=score,
        )
        for query, best, score in zip(ranked.queries, ranked.best, scores, strict=True)
    )
    notes: dict[str, Any] = {"notes": list(split.record.notes)} if split.record.notes else {}
    if ranked.recall:
        notes["neighbours_found"] = ranked.recall
    return Cell(
        task=split.card.name,
        language=split.language,
        split=split.split,
        main=None if values is None else 100 * fmean(values),
        error=None if values is None else mean_error(values),
        metrics=_metrics(ranked),
        rows=len(ranked.queries),
        constant=len(ranked.best) > 1 and len({tuple(best[:1]) for best in ranked.best}) == 1,
        items=items,
        about=about | notes,
    )
