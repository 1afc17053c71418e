"""How many runs of a group learned nothing: they are marked and counted, and never left out.

A group are the results that differ in nothing but their seeds: the same encoder, tasks, numbers of
rows and settings in every training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlit.artefacts.manifest import canonical_json
from xlit.study.collect import Entry
from xlit.study.steps import Step, settings_label


@dataclass(frozen=True)
class Count:
    """Of `runs` results of one group and task, as many are degenerate or come from a training that
    is."""

    label: str
    runs: int
    degenerate: int


def degenerate_counts(entries: Sequence[Entry], task: str) -> list[Count]:
    """A count a group, in the order of their first results; `entries` all have `task`."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(_group_of(entry, task), []).append(entry)
    names = [_label(members[0], task, detail=False) for members in groups.values()]
    return [
        Count(
            name if names.count(name) == 1 else _label(members[0], task, detail=True),
            len(members),
            sum(entry.degenerate_in(task) for entry in members),
        )
        for name, members in zip(names, groups.values(), strict=True)
    ]


def degenerate_notes(entries: Sequence[Entry], task: str) -> list[str]:
    """How many of all are degenerate, and of which groups; nothing where none is."""
    counts = degenerate_counts(entries, task)
    lost = sum(count.degenerate for count in counts)
    if not lost:
        return []
    notes = [f"{lost} of {len(entries)} runs degenerate, or trained from one that is"]
    if len(counts) > 1:
        notes += [
            f"  {count.degenerate} of {count.runs}: {count.label}"
            for count in counts
            if count.degenerate
        ]
    return notes


def degenerate_mark(entry: Entry, task: str) -> str:
    """What of a result is degenerate; a target may be sound on an intermediate that is not."""
    parts = entry.degenerate_parts(task)
    return f" (degenerate: {', '.join(parts)})" if parts else ""


def suite_mark(entry: Entry) -> str:
    """Which of a suite's tasks are degenerate, or come from a training that is."""
    parts = [task for task in entry.cells if entry.degenerate_in(task)]
    return f" (degenerate: {', '.join(parts)})" if parts else ""


def _group_of(entry: Entry, task: str) -> str:
    steps = [
        [step.stage, step.tasks, step.rows, _seedless(step), _seedless_parts(step)]
        for step in entry.steps_of(task)
    ]
    manifest = entry.artefact.manifest
    return canonical_json([entry.encoder, steps, manifest.stage, dict(manifest.changed)])


def _seedless(step: Step) -> dict[str, Any]:
    return _without_seed(step.settings)


def _seedless_parts(step: Step) -> list[list[Any]]:
    return [[part.size, _without_seed(part.settings)] for part in step.subsets]


def _without_seed(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != "seed"}


def _label(entry: Entry, task: str, *, detail: bool) -> str:
    """The encoder, and of each training its tasks and how many rows it had of them where they are
    a part."""
    parts = [entry.encoder]
    for step in entry.steps_of(task):
        sizes = "; ".join(f"{part.size} rows" for part in step.subsets)
        settings = settings_label(_seedless(step), step.tasks) if detail else ""
        parts.append(f"{'+'.join(step.tasks)}{f' ({sizes})' if sizes else ''} {settings}".rstrip())
    return " > ".join(parts)
