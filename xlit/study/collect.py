"""From scores artefacts to rows of a report, told apart by their lineage alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlit.artefacts.manifest import Ancestor, Manifest
from xlit.artefacts.store import Artefact, open_artefact
from xlit.errors import UsageError
from xlit.evaluation.evaluate import Item
from xlit.evaluation.results import read_items

TRAINING = ("train-intermediate", "train-target")


@dataclass(frozen=True)
class Step:
    """One training on the way to a result."""

    stage: str
    tasks: tuple[str, ...]
    rows: tuple[int, ...]
    settings: Mapping[str, Any]
    subset: Mapping[str, Any]
    degenerate: bool

    def label(self) -> str:
        names = "+".join(self.tasks)
        if not self.subset:
            return names
        return f"{names} ({self.subset['size']} rows, subset {self.subset['seed']})"


@dataclass(frozen=True)
class Entry:
    """One scores artefact. `cells` is task -> language -> metrics, as `scores.json` has them."""

    artefact: Artefact
    encoder: str
    steps: tuple[Step, ...]
    cells: Mapping[str, Mapping[str, Mapping[str, Any]]]
    label: str = ""
    items: Mapping[tuple[str, str], Mapping[str, Item]] = field(default_factory=dict, repr=False)

    @property
    def degenerate(self) -> bool:
        own = bool(self.artefact.manifest.results.get("degenerate"))
        return own or any(step.degenerate for step in self.steps)

    @property
    def id(self) -> str:
        return self.artefact.manifest.reference


def collect(paths: Sequence[str | Path]) -> list[Entry]:
    """The entries of scores artefacts, in the order given, each with a label of its own.

    Raises UsageError for an artefact of another sort.
    """
    entries = []
    for path in dict.fromkeys(str(path) for path in paths):
        artefact = open_artefact(path)
        if artefact.manifest.sort != "scores":
            raise UsageError(
                f"{path} is a {artefact.manifest.sort} artefact, a report is made of scores",
                hint=f"xlit eval-xtreme {path} | xlit report",
            )
        entries.append(_entry(artefact))
    return _labelled(entries)


def _entry(artefact: Artefact) -> Entry:
    manifest = artefact.manifest
    found: dict[tuple[str, str], dict[str, Item]] = {}
    for item in read_items(artefact.path / "items.parquet"):
        found.setdefault((item.task, item.language), {})[f"{item.part}:{item.item}"] = item
    return Entry(
        artefact=artefact,
        encoder=manifest.encoder or "unknown",
        steps=tuple(_steps(manifest)),
        cells=manifest.results["scores"],
        items=found,
    )


def _steps(manifest: Manifest) -> Iterator[Step]:
    for ancestor in manifest.lineage:
        yield from _steps_of(ancestor)


def _steps_of(ancestor: Ancestor) -> Iterator[Step]:
    """The trainings from the first to this one."""
    for parent in ancestor.parents:
        if parent.sort != "data":
            yield from _steps_of(parent)
    if ancestor.stage not in TRAINING:
        return
    subsets = [parent for parent in ancestor.parents if parent.stage == "subsample"]
    subset: Mapping[str, Any] = subsets[0].settings if subsets else {}
    if "limit" in ancestor.settings:
        subset = {"size": ancestor.settings["limit"], "seed": 0}
    yield Step(
        stage=ancestor.stage,
        tasks=tuple(ancestor.settings["tasks"]),
        rows=tuple(record["rows"] for record in ancestor.data if record.get("split") != "dev"),
        settings={
            key: value
            for key, value in ancestor.settings.items()
            if key not in ("tasks", "trained_on", "encoder", "limit")
        },
        subset=subset,
        degenerate=bool(ancestor.degenerate),
    )


def _labelled(entries: Sequence[Entry]) -> list[Entry]:
    """Entries with the shortest labels that tell them apart: the trainings, then whatever settings
    differ, then the id."""
    import dataclasses

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
    parts = [entry.encoder]
    for step in entry.steps:
        settings = " ".join(f"{key}={value}" for key, value in step.settings.items())
        parts.append(step.label() + (f" {settings}" if detail and settings else ""))
    own = entry.artefact.manifest.changed
    shown = {
        key: value for key, value in own.items() if key not in ("encoder", "task", "lang", "name")
    }
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
