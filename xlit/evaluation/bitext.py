"""Bitext tasks as cells of a scores artefact."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Unpack

from xlit.errors import MissingError
from xlit.evaluation.evaluate import Cell
from xlit.evaluation.items import Item
from xlit.evaluation.outcomes import Outcome, key
from xlit.models.encoders import Loaded
from xlit.retrieval.bitext import BitextScore
from xlit.retrieval.encode import LayersOptions, layer_number
from xlit.retrieval.layers import Reading, score_splits
from xlit.retrieval.mine import MiningOptions
from xlit.tasks.sources import Split, load_split


def evaluate_bitext_cells(
    loaded: Loaded,
    splits: Sequence[Split],
    *,
    mining: MiningOptions | None = None,
    index: str = "auto",
    center: bool = False,
    layer: int = -1,
    **options: Unpack[LayersOptions],
) -> list[Cell]:
    """The encoder's result on each split, both directions of accuracy or mined pairs.

    All are encoded in one pass, with the splits that their thresholds are fitted on.
    """
    reading = Reading(layer_number(loaded, layer), center)
    wanted = {key(found) for found in splits}
    return [
        outcome.cell()
        for outcome in bitext_outcomes(
            loaded, splits, [reading], mining=mining, index=index, **options
        )
        if key(outcome.split) in wanted
    ]


def bitext_outcomes(
    loaded: Loaded,
    splits: Sequence[Split],
    readings: Sequence[Reading],
    *,
    first: Sequence[Split] = (),
    mining: MiningOptions | None = None,
    index: str = "auto",
    **options: Unpack[LayersOptions],
) -> Iterator[Outcome]:
    """The outcomes of the splits of a card by each reading, split by split, from one pass.

    Before them come those of `first`, then of the splits that thresholds are fitted on.
    """
    tuning = [tuning_split(found) for found in splits]
    everything = _each_once((*first, *tuning, *splits))
    place_of = {key(found): place for place, found in enumerate(everything)}
    tuned_on = {
        place_of[key(found)]: place_of[key(dev)]
        for found, dev in zip(splits, tuning, strict=True)
        if dev is not None
    }
    for place, reading, score in score_splits(
        loaded, everything, readings, tuned_on=tuned_on, mining=mining, index=index, **options
    ):
        found = everything[place]
        cell = partial(bitext_cell, found, score, reading)
        yield Outcome(found, reading, score.main, score.metrics, cell)


def bitext_cell(split: Split, score: BitextScore, reading: Reading) -> Cell:
    """The score of a split, whose vectors were taken by `reading`, as a cell."""
    notes = [*split.record.notes, *score.notes]
    items = tuple(
        Item(
            task=split.card.name,
            language=split.language,
            item=item.query,
            gold=item.gold,
            prediction=item.prediction,
            score=item.score,
            part=item.part,
        )
        for item in score.items
    )
    return Cell(
        task=split.card.name,
        language=split.language,
        split=split.split,
        main=score.metrics[score.main],
        error=score.standard_errors[score.main],
        metrics=score.metrics,
        rows=len(bitext_gold(split)),
        constant=False,
        items=items,
        about={
            "main_metric": score.main,
            "item_mean": split.card.metric == "tatoeba",  # of the items of the main direction
            "layer": reading.layer,
            "centred": reading.centred,
            **{f"threshold_{name}": value for name, value in score.thresholds.items()},
            **score.counts,
            # "recall" is a metric of bucc's
            **({"neighbours_found": score.recall} if score.recall else {}),
            **({"notes": notes} if notes else {}),
        },
        pairs=score.pairs,
    )


def _each_once(splits: Iterable[Split | None]) -> list[Split]:
    return list({key(split): split for split in splits if split is not None}.values())


def bitext_gold(split: Split) -> list[str]:
    return [row.id for row in split.rows if getattr(row, "side", "") == "gold"]


def tuning_split(split: Split) -> Split | None:
    """The split where the mining threshold for this one is fitted, where the card and the data
    have another one."""
    card = split.card
    tune = card.bitext.tune if card.bitext is not None else None
    if tune is None or tune == split.split:
        return None
    try:
        return load_split(card, tune, split.language)
    except MissingError as missing:
        raise MissingError(
            f"{card.name} {split.language}: the threshold is fitted on {tune}, which is not here",
            hint=f"--split {tune} cross-fits it there; {missing.hint}",
        ) from missing
