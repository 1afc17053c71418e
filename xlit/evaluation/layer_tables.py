"""The table of a scores artefact's `layers.json`: layers down, plain and centred across."""

import json
from collections.abc import Mapping, Sequence
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


def layer_tables(directory: Path) -> list[Table]:
    """The tables of the `layers.json` of a scores artefact, one a task; none where it has none.

    Raises DamagedError where it is not what was written.
    """
    if not (directory / FILE).is_file():
        return []
    try:
        whole = json.loads((directory / FILE).read_text(encoding="utf-8"))
        return [_table(task, found) for task, found in whole.items()]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as problem:
        raise DamagedError(f"{directory / FILE}: no scores by layer: {problem!r}") from None


def _table(task: str, found: Mapping[str, Any]) -> Table:
    """Layers down; across, plain and centred, the mean that picks and the means reported."""
    rows: list[dict[str, Any]] = found["scores"]
    layers = sorted({row["layer"] for row in rows})
    metrics = [name for name in SHOWN if name in rows[0]]
    header, columns = ["layer"], []
    for centred in (False, True):
        for use, name in (("dev", found["metric"]), *(("reported", metric) for metric in metrics)):
            of_column = [row for row in rows if row["centred"] is centred and row["use"] == use]
            if not of_column:
                continue  # nothing picked
            values = {layer: _mean(of_column, layer, name) for layer in layers}
            best = max(values.values())
            header.append(
                ("centred " if centred else "") + ("dev" if use == "dev" else SHOWN[name])
            )
            columns.append(
                [f"{'*' if value == best else ''}{value:.1f}" for value in values.values()]
            )
    names = [f"{layer} (picked)" if layer == found["layer"] else str(layer) for layer in layers]
    reported = {row["language"]: None for row in rows if row["use"] == "reported"}
    by = f" by {found['metric']} on {', '.join(found['picked_on'])}" if found["picked_on"] else ""
    notes = [
        f"means over languages; * is the best of a column; reported: {','.join(reported)}",
        f"picked: layer {found['layer']}{', centred' if found['centred'] else ''}{by}"
        f" ({found['rule']})",
    ]
    body = tuple(tuple(cells) for cells in zip(names, *columns, strict=True))
    return Table(f"{task}: layers", tuple(header), body, tuple(notes))


def _mean(rows: Sequence[Mapping[str, Any]], layer: int, metric: str) -> float:
    values = [float(row[metric]) for row in rows if row["layer"] == layer]
    return sum(values) / len(values)
