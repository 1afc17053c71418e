"""From scores artefacts to rows of a report, told apart by their lineage alone."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlit.artefacts.store import Artefact, open_artefact
from xlit.errors import UsageError
from xlit.evaluation.items import Item, read_items
from xlit.study.steps import (
    Steps,
    settings_label,
    shared_settings,
    shared_steps,
    steps_by_task,
    task_of,
)


@dataclass(frozen=True)
class Entry:
    """One scores artefact. `cells` is task -> language -> metrics, as `scores.json` has them.

    A task evaluated on another split than test stands under its name and the split, so that dev
    and test scores never meet. Languages without gold are left out. `steps` are the trainings that
    all its tasks share, `by_task` those behind each (by the task's name alone): more only in a
    suite's scores, where each task has a checkpoint of its own.
    """

    artefact: Artefact
    encoder: str
    steps: Steps
    by_task: Mapping[str, Steps]
    cells: Mapping[str, Mapping[str, Mapping[str, Any]]]
    label: str = ""
    items: Mapping[tuple[str, str], Mapping[str, Item]] = field(default_factory=dict, repr=False)

    @property
    def degenerate(self) -> bool:
        """Whether anything of it is."""
        own = bool(self.artefact.manifest.results.get("degenerate"))
        return own or any(step.degenerate for steps in self.by_task.values() for step in steps)

    def degenerate_in(self, task: str) -> bool:
        """Whether a task's own result, or a training behind it, is degenerate."""
        return bool(self.degenerate_parts(task))

    def degenerate_parts(self, task: str) -> list[str]:
        """Which they are: the names of what was trained, in order, and "scores" of the result."""
        parts = ["+".join(step.tasks) for step in self.steps_of(task) if step.degenerate]
        own = any(bool(cell.get("constant")) for cell in self.cells[task].values())
        return [*parts, "scores"] if own else parts

    def steps_of(self, task: str) -> Steps:
        """The trainings behind a task, which may be named with its split."""
        return self.by_task[task_of(task)]

    @property
    def suite(self) -> Mapping[str, Any] | None:
        """The numbers of the suite that it was evaluated as."""
        found: Mapping[str, Any] | None = self.artefact.manifest.results.get("suite")
        return found

    @property
    def id(self) -> str:
        return self.artefact.manifest.reference


def collect(paths: Sequence[str | Path]) -> list[Entry]:
    """The entries of scores artefacts, each once, in the order given, with a label of its own.

    Raises UsageError for an artefact of another sort.
    """
    artefacts: dict[Path, Artefact] = {}
    for path in paths:
        artefact = open_artefact(path)
        if artefact.manifest.sort != "scores":
            sort = artefact.manifest.sort
            raise UsageError(
                f"{path} is a {sort} artefact, a report is made of scores or pairs",
                hint="xlit retrieve --source ... --target ... --keep | xlit report"
                if sort == "vectors"
                else f"xlit eval-xtreme {path} | xlit report",
            )
        artefacts.setdefault(artefact.path.resolve(), artefact)
    return _labelled([_entry(artefact) for artefact in artefacts.values()])


def _entry(artefact: Artefact) -> Entry:
    manifest = artefact.manifest
    cells: dict[str, dict[str, Mapping[str, Any]]] = {}
    names: dict[tuple[str, str], str] = {}
    for task, languages in manifest.results["scores"].items():
        for language, cell in languages.items():
            if cell["main"] is not None:
                name = task if cell["split"] == "test" else f"{task} ({cell['split']})"
                names[task, language] = name
                cells.setdefault(name, {})[language] = cell
    found: dict[tuple[str, str], dict[str, Item]] = {}
    for item in read_items(artefact.path / "items.parquet"):
        name_of = names.get((item.task, item.language))
        if name_of is not None and _counts(item, cells[name_of][item.language]):
            found.setdefault((name_of, item.language), {})[f"{item.part}:{item.item}"] = item
    by_task = steps_by_task(manifest)
    return Entry(
        artefact=artefact,
        encoder=manifest.encoder or "unknown",
        steps=shared_steps(manifest, by_task),
        by_task=by_task,
        cells=cells,
        items=found,
    )


def _counts(item: Item, cell: Mapping[str, Any]) -> bool:
    """Whether the main metric is over this item: of Tatoeba's two directions, one is."""
    return not item.part or not cell.get("item_mean") or item.part == cell["main_metric"]


def _labelled(entries: Sequence[Entry]) -> list[Entry]:
    """Entries with the shortest labels that tell them apart: the trainings, then whatever settings
    differ, then the id."""
    labels = [_label(entry, detail=False) for entry in entries]
    for round_ in ("settings", "id"):
        for position in range(len(entries)):
            twins = [i for i, label in enumerate(labels) if label == labels[position]]
            if len(twins) < 2:
                continue
            for twin in twins:
                labels[twin] = (
                    _label(entries[twin], detail=True)
                    if round_ == "settings"
                    else f"{labels[twin]} [{entries[twin].id}]"
                )
    return [
        dataclasses.replace(entry, label=label)
        for entry, label in zip(entries, labels, strict=True)
    ]


def _label(entry: Entry, *, detail: bool) -> str:
    """The encoder and its trainings; a suite's name stands for the targets, one a task."""
    parts = [entry.encoder]
    for step in entry.steps:
        settings = settings_label(step.settings, step.tasks) if detail else ""
        parts.append(f"{step.label()} {settings}".rstrip())
    hidden = ["encoder", "task", "lang"]
    if entry.suite is not None:
        hidden.append("suite")
        targets = [step for of in entry.by_task.values() for step in of[len(entry.steps) :]]
        alike = shared_settings(targets) if detail and targets else {}
        alike.pop("trained_on", None)  # told by the tasks
        parts.append(f"{entry.suite['suite']} {settings_label(alike)}".rstrip())
    own = entry.artefact.manifest.changed
    shown = {key: value for key, value in own.items() if key not in hidden}
    if detail and shown:
        parts.append(" ".join(f"{key}={value}" for key, value in shown.items()))
    return " > ".join(parts)


def find_entry(entries: Sequence[Entry], name: str) -> Entry:
    """The entry that a person means by an id, a part of one, a path or a label.

    Raises UsageError unless exactly one fits.
    """
    fitting = [
        entry
        for entry in entries
        if name in (entry.label, str(entry.artefact.path), entry.artefact.path.name)
        or (len(name) >= 4 and entry.id.startswith(name))
    ]
    if len(fitting) != 1:
        known = "; ".join(f"{entry.id} {entry.label}" for entry in entries)
        raise UsageError(f"--baseline {name!r} fits {len(fitting)} of the results", hint=known)
    return fitting[0]
