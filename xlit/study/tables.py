"""The tables of a report: tasks x languages per result, and differences from a baseline."""

from collections.abc import Mapping, Sequence
from typing import Any

from xlit.evaluation.tables import Table
from xlit.study.collect import Entry
from xlit.study.comparable import comparison_notes
from xlit.study.comparison import average, average_difference, difference
from xlit.study.degenerate import degenerate_counts, degenerate_mark, degenerate_notes
from xlit.study.steps import INTERMEDIATE, Step

CSV_HEADER = (
    "id", "label", "encoder", "intermediate", "target", "task", "language", "split", "metric",
    "value", "standard_error", "majority", "rows", "degenerate", "difference", "difference_error",
)  # fmt: skip


def task_names(entries: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(task for entry in entries for task in entry.cells))


def languages_of(entries: Sequence[Entry], task: str) -> list[str]:
    """The languages of a task in the order of its card, as far as they were evaluated."""
    return list(dict.fromkeys(code for e in entries for code in e.cells.get(task, {})))


def score_tables(entries: Sequence[Entry]) -> list[Table]:
    """A table a task: a row a result, a column a language, the standard error beside each score."""
    tables = []
    for task in task_names(entries):
        having = [entry for entry in entries if task in entry.cells]
        codes = languages_of(having, task)
        rows = []
        notes = [f"± is the standard error over the items; {_what(having, task)}"]
        for entry in having:
            cells = entry.cells[task]
            mean = average(entry, task)
            rows.append(
                (
                    entry.label + degenerate_mark(entry, task),
                    *(_value(cells.get(code)) for code in codes),
                    f"{mean.value:.1f} ±{mean.error:.1f}",
                )
            )
        majority = _majority_row(having, task, codes)
        if majority:
            rows.append(majority)
        extra = _extra_rows(having, task, codes)
        notes += _pooled_notes(having, task)
        notes += comparison_notes(having, task)
        notes += _data_notes(having, task)
        if len(having) > 1:
            notes += [f"{entry.id}  {entry.label}" for entry in having]
        notes += degenerate_notes(having, task)
        tables.append(Table(task, ("", *codes, "average"), (*rows, *extra), tuple(notes)))
    return tables


def _what(entries: Sequence[Entry], task: str) -> str:
    cell = next(iter(entries[0].cells[task].values()))
    counts = sorted({int(c["rows"]) for e in entries for c in e.cells[task].values()})
    rows = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{cell['main_metric']} on {cell['split']}, {rows} rows a language"


def _data_notes(entries: Sequence[Entry], task: str) -> list[str]:
    """What the sources said of the data, each once: a part of a set, say."""
    said = {
        f"{code}: {note}": None
        for entry in entries
        for code, cell in entry.cells[task].items()
        for note in cell.get("notes", [])
    }
    return list(said)


def _pooled_notes(entries: Sequence[Entry], task: str) -> list[str]:
    """The number over the queries of all languages together, which ranking tasks have."""
    notes = []
    for entry in entries:
        cell = next(iter(entry.cells[task].values()))
        if "pooled" in cell:
            whose = f": {entry.label}" if len(entries) > 1 else ""
            notes.append(
                f"over the queries of {cell['pooled_languages']} languages together"
                f" {cell['pooled']:.1f} ±{cell['pooled_error']:.1f},"
                f" {cell['pool']} candidates{whose}"
            )
    return notes


def _value(cell: Any) -> str:
    return "-" if cell is None else f"{cell['main']:.1f} ±{cell['standard_error']:.1f}"


def _majority_row(
    entries: Sequence[Entry], task: str, codes: Sequence[str]
) -> tuple[str, ...] | None:
    """What always predicting the commonest label gets: nothing below it is worth reading."""
    shares = []
    for code in codes:
        cell = next((e.cells[task][code] for e in entries if code in e.cells[task]), None)
        if cell is None or "majority" not in cell:
            return None
        shares.append(float(cell["majority"]))
    return ("majority", *(f"{share:.1f}" for share in shares), f"{sum(shares) / len(shares):.1f}")


def _extra_rows(entries: Sequence[Entry], task: str, codes: Sequence[str]) -> list[tuple[str, ...]]:
    """The other metrics and the thresholds of a task that has them, below its main rows."""
    rows = []
    for entry in entries:
        cells = entry.cells[task]
        cell_metric = next(iter(cells.values()))["main_metric"]
        names = [
            key
            for key, value in next(iter(cells.values())).items()
            if isinstance(value, float)
            and key not in ("main", "standard_error", "majority", cell_metric)
            and not key.startswith("pooled")
            and any(cells[code].get(key) != cells[code]["main"] for code in cells)
        ]
        for name in names:
            values = [cells[code].get(name) if code in cells else None for code in codes]
            known = [float(value) for value in values if value is not None]
            digits = 4 if name.startswith("threshold") else 1
            shown = ("-" if value is None else f"{value:.{digits}f}" for value in values)
            mean = "" if digits == 4 else f"{sum(known) / len(known):.1f}"
            rows.append(
                (f"  {name}" if len(entries) == 1 else f"  {name}: {entry.label}", *shown, mean)
            )
    return rows


def difference_tables(entries: Sequence[Entry], baseline: Entry) -> list[Table]:
    """Points above the baseline, task by task; paired over items where both have the same."""
    tables = []
    for task in task_names([baseline]):
        having = [e for e in entries if e is not baseline and task in e.cells]
        codes = languages_of([baseline], task)
        rows = []
        for entry in having:
            cells = [difference(entry, baseline, task, code) for code in codes]
            mean = average_difference(entry, baseline, task)
            rows.append(
                (
                    entry.label + degenerate_mark(entry, task),
                    *("-" if c is None else f"{c.value:+.1f} ±{c.error:.1f}" for c in cells),
                    "-" if mean is None else f"{mean.value:+.1f} ±{mean.error:.1f}",
                )
            )
        if rows:
            title = f"{task}: difference from {baseline.label}{degenerate_mark(baseline, task)}"
            notes = tuple(degenerate_notes([baseline, *having], task))
            tables.append(Table(title, ("", *codes, "average"), tuple(rows), notes))
    return tables


def as_json(entries: Sequence[Entry], baseline: Entry | None) -> dict[str, Any]:
    """Everything the tables hold, unrounded."""
    return {
        "format": 1,
        "baseline": None if baseline is None else baseline.id,
        "results": [_entry_json(entry, baseline) for entry in entries],
        "degenerate": {
            task: [
                {"group": count.label, "runs": count.runs, "degenerate": count.degenerate}
                for count in degenerate_counts([e for e in entries if task in e.cells], task)
            ]
            for task in task_names(entries)
        },
    }


def _entry_json(entry: Entry, baseline: Entry | None) -> dict[str, Any]:
    tasks = {}
    for task, cells in entry.cells.items():
        mean = average(entry, task)
        languages = {}
        for code, cell in cells.items():
            languages[code] = dict(cell)
            if baseline is not None and entry is not baseline:
                found = difference(entry, baseline, task, code)
                if found is not None:
                    languages[code]["difference"] = found.value
                    languages[code]["difference_error"] = found.error
        summary: dict[str, Any] = {
            "value": mean.value,
            "standard_error": mean.error,
            "languages": mean.count,
        }
        if baseline is not None and entry is not baseline:
            apart = average_difference(entry, baseline, task)
            if apart is not None:
                summary |= {"difference": apart.value, "difference_error": apart.error}
        tasks[task] = {
            "average": summary,
            "languages": languages,
            "steps": _steps_json(entry.steps_of(task)),
        }
    return {
        "id": entry.id,
        "path": str(entry.artefact.path),
        "label": entry.label,
        "encoder": entry.encoder,
        "steps": _steps_json(entry.steps),
        "degenerate": entry.degenerate,
        "tasks": tasks,
        "suite": None if entry.suite is None else _suite_json(entry.suite),
    }


def _steps_json(steps: Sequence[Step]) -> list[dict[str, Any]]:
    return [
        {
            "stage": step.stage,
            "tasks": list(step.tasks),
            "rows": list(step.rows),
            "subsets": [{**subset.settings, "rows": subset.size} for subset in step.subsets],
            "settings": dict(step.settings),
            "degenerate": step.degenerate,
        }
        for step in steps
    ]


def _suite_json(suite: Mapping[str, Any]) -> dict[str, Any]:
    """A suite's numbers as its artefact has them; the scores by language stand with the tasks."""
    return {key: value for key, value in suite.items() if key != "tasks"}


def as_rows(entries: Sequence[Entry], baseline: Entry | None) -> list[tuple[object, ...]]:
    """A row a result, task and language, for CSV; columns are `CSV_HEADER`."""
    rows: list[tuple[object, ...]] = []
    for entry in entries:
        for task, cells in entry.cells.items():
            steps = entry.steps_of(task)
            intermediate = " > ".join(s.label() for s in steps if s.stage == INTERMEDIATE)
            target = " > ".join(s.label() for s in steps if s.stage != INTERMEDIATE)
            for code, cell in cells.items():
                found = None
                if baseline is not None and entry is not baseline:
                    found = difference(entry, baseline, task, code)
                rows.append(
                    (
                        entry.id, entry.label, entry.encoder, intermediate, target, task, code,
                        cell["split"], cell["main_metric"], cell["main"],
                        cell["standard_error"], cell.get("majority"), cell["rows"],
                        entry.degenerate_in(task),
                        None if found is None else found.value,
                        None if found is None else found.error,
                    )
                )  # fmt: skip
    return rows
