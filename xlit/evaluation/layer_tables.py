"""The `layers.json` of a scores artefact read back: means by layer, plain and centred, a table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlit.errors import DamagedError
from xlit.evaluation.tables import Table
from xlit.retrieval.tatoeba import ENGLISH_TO_FOREIGN, FOREIGN_TO_ENGLISH

FILE = "layers.json"
SHOWN = {
    ENGLISH_TO_FOREIGN: "en→xx",
    FOREIGN_TO_ENGLISH: "xx→en",
    "f1": "f1",
    "map@20": "map@20",
    "map": "map",
}


@dataclass(frozen=True)
class Curve:
    """The mean over languages of a metric (percent), a value a layer: of what picks ("dev") or of
    what is reported."""

    use: str
    metric: str
    centred: bool
    values: tuple[float, ...]


@dataclass(frozen=True)
class LayerMeans:
    """A task's scores by layer. The curves of `metric` are first for dev, if anything picked."""

    task: str
    metric: str
    layers: tuple[int, ...]
    picked: int
    centred: bool
    rule: str
    picked_on: tuple[str, ...]
    reported: tuple[str, ...]
    curves: tuple[Curve, ...]


def layer_means(directory: Path) -> list[LayerMeans]:
    """What the `layers.json` of a scores artefact says, a task each; nothing where it has none.

    Raises DamagedError where it is not what was written.
    """
    if not (directory / FILE).is_file():
        return []
    try:
        whole = json.loads((directory / FILE).read_text(encoding="utf-8"))
        means = [_means(task, found) for task, found in whole.items()]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as problem:
        raise DamagedError(f"{directory / FILE}: no scores by layer: {problem!r}") from None
    return [found for found in means if found.curves]  # of hidden answers there is no score


def layer_tables(directory: Path, whose: str = "") -> list[Table]:
    """The tables of a scores artefact, one a task; `whose` are they, where there are others.

    Raises DamagedError for a damaged `layers.json`.
    """
    return [_table(found, whose) for found in layer_means(directory)]


def _means(task: str, found: Mapping[str, Any]) -> LayerMeans:
    rows: list[dict[str, Any]] = found["scores"]
    layers = sorted({int(row["layer"]) for row in rows})
    metrics = [name for name in SHOWN if rows and name in rows[0]]
    curves = []
    for centred in (False, True):
        for use, name in (("dev", found["metric"]), *(("reported", metric) for metric in metrics)):
            of_curve = [row for row in rows if row["centred"] is centred and row["use"] == use]
            if of_curve:  # nothing may have picked
                values = tuple(_mean(of_curve, layer, name) for layer in layers)
                curves.append(Curve(use, str(name), centred, values))
    return LayerMeans(
        task=task,
        metric=str(found["metric"]),
        layers=tuple(layers),
        picked=int(found["layer"]),
        centred=bool(found["centred"]),
        rule=str(found["rule"]),
        picked_on=tuple(map(str, found["picked_on"])),
        reported=tuple({str(row["language"]): 0 for row in rows if row["use"] == "reported"}),
        curves=tuple(curves),
    )


def _table(found: LayerMeans, whose: str) -> Table:
    """Layers down; across, plain and centred, the mean that picks and the means reported."""
    header, columns = ["layer"], []
    for curve in found.curves:
        name = "dev" if curve.use == "dev" else SHOWN[curve.metric]
        header.append(f"centred {name}" if curve.centred else name)
        best = max(curve.values)
        columns.append([f"{'*' if value == best else ''}{value:.1f}" for value in curve.values])
    names = [f"{layer} (picked)" if layer == found.picked else str(layer) for layer in found.layers]
    by = f" by {found.metric} on {', '.join(found.picked_on)}" if found.picked_on else ""
    notes = (
        f"means over languages; * is the best of a column; reported: {','.join(found.reported)}",
        f"picked: layer {found.picked}{', centred' if found.centred else ''}{by} ({found.rule})",
    )
    title = f"{found.task}: layers of {whose}" if whose else f"{found.task}: layers"
    return Table(title, tuple(header), tuple(zip(names, *columns, strict=True)), notes)


def _mean(rows: Sequence[Mapping[str, Any]], layer: int, metric: str) -> float:
    values = [float(row[metric]) for row in rows if row["layer"] == layer]
    return sum(values) / len(values)
