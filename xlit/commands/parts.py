"""One card's part of a `retrieve` run: its splits, what picks a layer for it, its cells."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlit import console
from xlit.commands.encoding import layers_asked, one_layer, several
from xlit.commands.running import languages, split_list
from xlit.errors import UsageError

if TYPE_CHECKING:
    from xlit.commands.retrieve import RetrieveOptions
    from xlit.evaluation.development import Development
    from xlit.evaluation.evaluate import Cell
    from xlit.evaluation.layers import LayerSweep
    from xlit.models.encoders import Loaded
    from xlit.models.pooling import Pooling
    from xlit.retrieval.encode import LayersOptions
    from xlit.tasks.card import Card
    from xlit.tasks.sources import Split


@dataclass(frozen=True)
class Part:
    """One card's share of a run: what is reported, and with several layers what picks one."""

    card: "Card"
    splits: "list[Split]"
    development: "Development | None"


def part_of(options: "RetrieveOptions", task: str) -> Part:
    """The part of a task. Raises UsageError for a kind or for flags that do not go with it."""
    from xlit.evaluation.development import set_apart
    from xlit.evaluation.languages import load_splits
    from xlit.tasks.card import find_card

    card = find_card(task)
    if card.kind not in ("bitext", "ranking"):
        raise UsageError(f"{card.name} is a {card.kind} task", hint="xlit eval-xtreme evaluates it")
    sweeps = several(layers_asked(options.layer))
    if card.kind == "bitext" and options.metric != "card":
        raise UsageError(f"--metric {options.metric} is for ranking tasks, not for {card.name}")
    named = languages(options.lang)
    splits = load_splits(card, named, options.split)
    if not sweeps:
        return Part(card, splits, None)
    dev = None if options.dev_lang is None else split_list(options.dev_lang, "--dev-lang")
    splits, development = set_apart(
        card, splits, named=named is not None, dev_languages=dev, split=options.split
    )
    picking = ",".join(split.language for split in development.splits)
    if picking:
        pool = ", and rank a pool of their own" if card.kind == "ranking" else ""
        console.notice(f"{card.name}: {picking} pick a layer ({development.rule}){pool}")
    return Part(card, splits, development)


def evaluate_part(
    options: "RetrieveOptions",
    loaded: "Loaded",
    part: Part,
    usual: "Pooling",
    encoding: "LayersOptions",
) -> "tuple[list[Cell], LayerSweep | None]":
    """Its cells; with several layers those of the layer that was picked, and the scores of all."""
    from xlit.evaluation.bitext import evaluate_bitext_cells
    from xlit.evaluation.layers import sweep_task
    from xlit.evaluation.ranking import evaluate_ranking_cells

    layers = layers_asked(options.layer)
    metric = None if options.metric == "card" else options.metric
    if part.development is not None:
        assert layers is not None
        return sweep_task(
            loaded,
            part.splits,
            part.development,
            layers=layers,
            usual=usual.layer,
            center=options.center,
            mining=options.mining(),
            metric=metric,
            index=options.index,
            **encoding,
        )
    layer = one_layer(layers, usual)
    if part.card.kind == "ranking":
        cells = evaluate_ranking_cells(
            loaded,
            part.splits,
            metric=metric,
            index=options.index,
            center=options.center,
            layer=layer,
            **encoding,
        )
    else:
        cells = evaluate_bitext_cells(
            loaded,
            part.splits,
            mining=options.mining(),
            index=options.index,
            center=options.center,
            layer=layer,
            **encoding,
        )
    return cells, None
