"""All layers of an encoder on a task: the scores of each, and the cells of the one that is picked.

The metric that counts for the task picks, by its mean over the development splits.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Unpack

from xlit.errors import UsageError
from xlit.evaluation.bitext import bitext_outcomes
from xlit.evaluation.development import Development
from xlit.evaluation.evaluate import Cell
from xlit.evaluation.layer_tables import FILE
from xlit.evaluation.outcomes import Outcome, key
from xlit.evaluation.ranking import RankingMetric, ranking_outcomes
from xlit.models.encoders import Loaded
from xlit.retrieval.encode import LayersOptions, layer_number
from xlit.retrieval.layers import Reading, layers_of, pick_layer, readings_of
from xlit.retrieval.mine import MiningOptions
from xlit.tasks.sources import Split


@dataclass(frozen=True)
class LayerSweep:
    """The scores of a task by layer: `rows` has one for each reading, language and split."""

    task: str
    metric: str
    picked: Reading
    rule: str
    rows: tuple[dict[str, Any], ...]

    def about(self) -> dict[str, Any]:
        """What was picked, how, and on what."""
        on = [f"{row['split']} {row['language']}" for row in self.rows if row["use"] == "dev"]
        return {
            "metric": self.metric,
            "layer": self.picked.layer,
            "centred": self.picked.centred,
            "rule": self.rule,
            "picked_on": list(dict.fromkeys(on)),
        }


def sweep_task(
    loaded: Loaded,
    splits: Sequence[Split],
    development: Development,
    *,
    layers: Sequence[int] | Literal["all"],
    usual: int,
    center: bool = False,
    mining: MiningOptions | None = None,
    metric: RankingMetric | None = None,
    index: str = "auto",
    **options: Unpack[LayersOptions],
) -> tuple[list[Cell], LayerSweep]:
    """The cells of `splits` by the layer that `development` picks, and the scores of all layers.

    All come from one encoding pass. `center` says whether the layer is picked among centred
    readings and reported as one. `mining` is for bitext tasks, `metric` for ranking tasks, `index`
    is how either searches. Without anything to pick on it is `usual`: raises UsageError where that
    is not among the layers.
    """
    numbers = layers_of(loaded, layers)
    usual = layer_number(loaded, usual)
    if not development.splits and usual not in numbers:
        raise UsageError(
            f"nothing is left to pick one of the layers {','.join(map(str, numbers))} on",
            hint=f"--dev-lang, or have the encoder's usual layer {usual} among them",
        )
    readings, dev, card = readings_of(numbers), development.splits, splits[0].card
    outcomes: Iterable[Outcome]
    if card.kind == "ranking":
        pools = [pool for pool in (dev, splits) if pool]
        outcomes = ranking_outcomes(loaded, pools, readings, metric=metric, index=index, **options)
    else:
        outcomes = bitext_outcomes(
            loaded, splits, readings, first=dev, mining=mining, index=index, **options
        )
    return sweep(outcomes, splits, development, usual=usual, center=center)


def sweep(
    outcomes: Iterable[Outcome],
    splits: Sequence[Split],
    development: Development,
    *,
    usual: int,
    center: bool,
) -> tuple[list[Cell], LayerSweep]:
    """Picks a layer by the outcomes of the development splits, which come first, and makes cells of
    those of `splits` by it. Others (a split that thresholds are fitted on) are passed over."""
    reported, picking = {key(s) for s in splits}, {key(s) for s in development.splits}
    rows: list[dict[str, Any]] = []
    choosing: dict[Reading, list[float]] = {}
    cells: list[Cell] = []
    picked: Reading | None = None
    main = ""
    for outcome in outcomes:
        place, scored = key(outcome.split), outcome.main in outcome.metrics
        if place in picking and scored:
            choosing.setdefault(outcome.reading, []).append(outcome.metrics[outcome.main])
            rows.append(_row(outcome, "dev"))
        elif place in reported:
            if picked is None:
                layer = pick_layer(choosing, center=center) if picking else usual
                picked, main = Reading(layer, center), outcome.main
            if scored:
                rows.append(_row(outcome, "reported"))
            if outcome.reading == picked:
                cells.append(outcome.cell())
    assert picked is not None  # splits are never empty
    return cells, LayerSweep(splits[0].card.name, main, picked, development.rule, tuple(rows))


def _row(outcome: Outcome, use: str) -> dict[str, Any]:
    return {
        "layer": outcome.reading.layer,
        "centred": outcome.reading.centred,
        "language": outcome.split.language,
        "split": outcome.split.split,
        "use": use,
        **outcome.metrics,
    }


def write_sweeps(sweeps: Sequence[LayerSweep], directory: Path) -> dict[str, Any]:
    """Write `layers.json`, task -> what was picked and the scores; gives what the manifest says."""
    about = {sweep.task: sweep.about() for sweep in sweeps}
    whole = {sweep.task: {**about[sweep.task], "scores": sweep.rows} for sweep in sweeps}
    text = json.dumps(whole, ensure_ascii=False, indent=1) + "\n"
    (directory / FILE).write_text(text, encoding="utf-8")
    return about
