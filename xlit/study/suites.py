"""The numbers of suites over several results: a row a result, a column a number."""

from collections.abc import Mapping, Sequence
from typing import Any

from xlit.artefacts.manifest import canonical_json
from xlit.evaluation.aggregate import Aggregates
from xlit.evaluation.suites import aggregates_of
from xlit.evaluation.tables import Table
from xlit.study.collect import Entry
from xlit.study.degenerate import suite_mark


def suite_tables(entries: Sequence[Entry]) -> list[Table]:
    """A table of the aggregates for each suite and split that entries were evaluated as: the task
    numbers, the groups, the overall score and the average without retrieval.

    Suites of one name that differ in tasks, languages or groups have tables of their own.
    """
    alike: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.suite is not None:
            meaning = entry.artefact.manifest.settings["suite"]
            alike.setdefault(canonical_json([meaning, entry.suite["split"]]), []).append(entry)
    return [_table(members) for members in alike.values()]


def _table(entries: Sequence[Entry]) -> Table:
    first = entries[0]
    assert first.suite is not None  # only those with one are here
    meaning, split = first.artefact.manifest.settings["suite"], first.suite["split"]
    own_rule = str(first.suite["own_rule"])
    found = [aggregates_of(entry.suite or {}) for entry in entries]
    incomplete = any(one.partial is not None for one in found)
    overall = "overall by xlit's own rule" if own_rule else f"overall ({meaning['overall']})"
    header = [
        "",
        *(folder for _, folder, _, _ in meaning["tasks"]),
        *(f"group {group}" for group in meaning["groups"]),
        overall,
        "average without retrieval",
        *(("mean of what is there", "the same without retrieval") if incomplete else ()),
    ]
    rows = [
        (entry.label + suite_mark(entry), *_numbers(one, meaning, incomplete=incomplete))
        for entry, one in zip(entries, found, strict=True)
    ]
    notes = [f"xlit's own rule, no official number: {own_rule}"] if own_rule else []
    if incomplete:
        notes.append(
            "n/m: a part of the languages, so that what the task is in has no number; means of what"
            " is there compare with nothing but the same tasks and languages"
        )
    if len(entries) > 1:
        notes += [f"{entry.id}  {entry.label}" for entry in entries]
    lost = sum(any(map(entry.degenerate_in, entry.cells)) for entry in entries)
    if lost:
        notes.append(f"{lost} of {len(entries)} results have a degenerate run in them")
    title = f"{meaning['name']}: suite" + ("" if split == "test" else f" on {split}")
    return Table(title, tuple(header), tuple(rows), tuple(notes))


def _numbers(found: Aggregates, meaning: Mapping[str, Any], *, incomplete: bool) -> list[str]:
    cells = []
    for _, folder, _, _ in meaning["tasks"]:
        whole = found.averages.get(folder)
        part = found.partial.tasks.get(folder) if found.partial is not None else None
        if whole is not None:
            cells.append(_shown(whole["avg_metric"]))
        else:
            cells.append("-" if part is None else f"{part.number:.2f} {part.languages}/{part.of}")
    for name in (*meaning["groups"], meaning["overall"]):
        cells.append(_shown(found.overall.get(name)))
    cells.append(_shown(found.without_retrieval))
    if incomplete:
        partial = found.partial
        cells.append(_shown(partial.mean if partial else None))
        cells.append(_shown(partial.without_retrieval if partial else None))
    return cells


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
