"""The run root: claiming an artefact, working on it, publishing it whole or not at all.

with claim(plan, root) as work:
    if work.done is None:
        ...write files into work.directory...
        artefact = work.publish(results={...})
"""

import errno
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from xlit import console
from xlit.artefacts.manifest import (
    FORMAT,
    MANIFEST,
    Manifest,
    Parent,
    Sort,
    artefact_id,
    environment,
    file_sha256,
    list_files,
    read_manifest,
)
from xlit.artefacts.partials import SAVES, clear, drop_saves, has_saves, partial_of, remove
from xlit.errors import DamagedError, StoppedError, UsageError, XlitError


@dataclass(frozen=True)
class Artefact:
    """A published artefact: its directory and its manifest."""

    path: Path
    manifest: Manifest


@dataclass(frozen=True)
class Plan:
    """Everything that is known of an artefact before the work on it begins.

    `settings` holds all that the content depends on, resolved; `changed` those of the user's
    choices that differ from the defaults; `data` one record per data set read, each with its
    `digest`; `parents` by role.
    """

    sort: Sort
    stage: str
    revision: int
    name: str
    settings: Mapping[str, Any]
    changed: Mapping[str, Any] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    parents: tuple[tuple[str, Artefact], ...] = ()
    data: tuple[Mapping[str, Any], ...] = ()

    @property
    def id(self) -> str:
        return artefact_id(
            stage=self.stage,
            revision=self.revision,
            settings=self.settings,
            parents=[parent.manifest.reference for _, parent in self.parents],
            digests=[str(record["digest"]) for record in self.data],
        )


@dataclass
class Work:
    """A claimed artefact: either `done` already, or a `directory` to work in, then `publish`.

    `saves` is the folder for the saves of work that does save; it is no part of the artefact.
    """

    plan: Plan
    target: Path
    version: int
    directory: Path
    done: Artefact | None
    saves: Path | None = None
    began: float = field(default_factory=time.monotonic)

    def publish(self, results: Mapping[str, Any], **about: Any) -> Artefact:
        """Give the work its final name. `about` goes into the manifest's environment."""
        manifest = Manifest(
            format=FORMAT,
            sort=self.plan.sort,
            stage=self.plan.stage,
            revision=self.plan.revision,
            name=self.plan.name,
            id=self.plan.id,
            version=self.version,
            parents=[
                Parent(
                    role=role,
                    id=parent.manifest.reference,
                    path=os.path.relpath(parent.path.resolve(), self.target.resolve()),
                )
                for role, parent in self.plan.parents
            ],
            lineage=[parent.manifest.as_ancestor(role) for role, parent in self.plan.parents],
            settings=dict(self.plan.settings),
            changed=dict(self.plan.changed),
            command=list(self.plan.command),
            data=[dict(record) for record in self.plan.data],
            results=dict(results),
            environment=environment(**about),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - self.began, 3),
            files=list_files(self.directory, self.saves),
        )
        path = self.directory / MANIFEST
        path.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        mask = os.umask(0)
        os.umask(mask)
        for file in self.directory.rglob("*"):
            if file.is_file():  # some libraries write files that only their owner may read
                file.chmod(0o666 & ~mask)
            flush(file)
        flush(self.directory)
        self.directory.rename(self.target)
        flush(self.target.parent)
        if self.saves is not None:  # not before: after a kill until here they are gone on from
            drop_saves(self.target)
        return Artefact(self.target, manifest)


def flush(path: Path) -> None:
    """Make the disk remember a file or a directory before anything depends on it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def find(plan: Plan, root: Path) -> Artefact | None:
    """The newest published version of what `plan` makes, under whatever name, or None."""
    versions = _versions(plan.id, root / plan.sort)
    return Artefact(versions[-1], read_manifest(versions[-1])) if versions else None


def target_of(plan: Plan, root: Path) -> tuple[Path, int]:
    """Where the next version of a plan's artefact is published, and its number."""
    found = find(plan, root)
    version = found.manifest.version + 1 if found else 1
    suffix = f".v{version}" if version > 1 else ""
    return root / plan.sort / f"{plan.name}.{plan.id}{suffix}", version


def _versions(identity: str, folder: Path) -> list[Path]:
    pattern = re.compile(rf"(?!\.).*\.{identity}(?:\.v(\d+))?")
    found = []
    for path in folder.glob(f"*.{identity}*"):
        match = pattern.fullmatch(path.name)
        if match and (path / MANIFEST).is_file():
            found.append((int(match[1] or 1), path))
    return [path for _, path in sorted(found)]


@contextmanager
def claim(plan: Plan, root: Path, *, force: bool = False, saves: bool = False) -> Iterator[Work]:
    """Hold the plan's id against other processes while the block works on it.

    A second process waits here and then finds it done. Whatever goes wrong inside, the unfinished
    directory is removed; with `saves` its saves stay, and the next claim finds them. A full disk,
    one that can no longer be written, or a file above the limit becomes a StoppedError, because
    the same command works when there is room.
    """
    found = find(plan, root)
    if found is not None and saves:
        drop_saves(found.path)  # of a process that was killed right after it published
    if found is not None and not force:  # also where nothing can be written
        yield Work(plan, found.path, found.manifest.version, found.path, found)
        return
    folder = root / plan.sort
    try:
        folder.mkdir(parents=True, exist_ok=True)
        locks = root / ".locks"
        locks.mkdir(exist_ok=True)
        lock = FileLock(locks / f"{plan.id}.lock", mode=0o666)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            console.notice(f"{plan.name}.{plan.id} is being made by another process: waiting")
            lock.acquire()
    except OSError as problem:
        if _caused_by(problem, FULL):
            raise StoppedError(f"no space left under {root}", hint="free some and repeat") from None
        raise UsageError(f"--runs {root}: cannot write there: {problem.strerror}") from problem
    with lock:
        found = find(plan, root)
        if found is not None and not force:
            yield Work(plan, found.path, found.manifest.version, found.path, found)
            return
        target, version = target_of(plan, root)
        if target.exists():
            raise DamagedError(
                f"in the way, and without a {MANIFEST}", path=target, hint="remove it"
            )
        partial = partial_of(target, plan.id)
        tidy = clear if saves else remove
        try:
            tidy(partial)  # what a killed process left
            partial.mkdir(exist_ok=True)
            yield Work(plan, target, version, partial, None, partial / SAVES if saves else None)
        except XlitError:
            raise
        except Exception as problem:
            tidy(partial)
            _raise_stopped(problem, root, partial)
            raise
        finally:
            tidy(partial)


class Obstacle(NamedTuple):
    """What keeps files from being written: error codes, the words of libraries (safetensors,
    Arrow) that carry no code, what is said, and what to do."""

    codes: tuple[int, ...]
    words: tuple[str, ...]
    message: str
    hint: str


FULL = Obstacle(
    (errno.ENOSPC, errno.EDQUOT),
    ("No space left on device", "quota exceeded"),
    "no space left under {}",
    "free some",
)
TOO_LARGE = Obstacle(
    (errno.EFBIG,),
    ("File too large",),
    "a file under {} would be larger than is allowed here",
    "raise the limit (ulimit -f)",
)
READ_ONLY = Obstacle(
    (errno.EROFS,),
    ("Read-only file system",),
    "{} can no longer be written",
    "let it be written",
)


@contextmanager
def stops_without_room(root: Path) -> Iterator[None]:
    """What `claim` makes of a disk that takes no more, for what is written below `root` before."""
    try:
        yield
    except OSError as problem:
        _raise_stopped(problem, root, root)
        raise


def _raise_stopped(problem: Exception, root: Path, partial: Path) -> None:
    """Raise a StoppedError if the problem comes from an obstacle."""
    for obstacle in (FULL, TOO_LARGE, READ_ONLY):
        if _caused_by(problem, obstacle):
            goes_on = ", which goes on from its last save" if has_saves(partial) else ""
            raise StoppedError(
                obstacle.message.format(root),
                hint=f"{obstacle.hint} and repeat the command{goes_on}",
            ) from problem


def _caused_by(problem: BaseException, obstacle: Obstacle) -> bool:
    chain: BaseException | None = problem
    while chain is not None:
        if isinstance(chain, OSError) and chain.errno in obstacle.codes:
            return True
        if any(text in str(chain) for text in obstacle.words):
            return True
        chain = chain.__cause__ or chain.__context__
    return False


def newest(path: Path) -> Path:
    """The directory that `path` names: of an artefact without a version its newest one.

    `NAME.ID.v1` names the first version, whose directory carries no version.
    """
    match = re.fullmatch(r"(.+\.([0-9a-f]{12}))(\.v1)?", path.name)
    if match is None:
        return path
    if match[3]:
        return path.with_name(match[1])
    versions = _versions(match[2], path.parent)
    return versions[-1] if versions else path


def open_artefact(path: Path | str, *, check: bool = True, exact: bool = False) -> Artefact:
    """The artefact at `path`, its newest version unless one is named, or `exact` asks for the one
    in this very directory, as after a name was resolved to it.

    With `check` every file is held against its checksum, so that nothing is computed from a
    damaged copy. Raises MissingError or DamagedError.
    """
    directory = Path(path) if exact else newest(Path(path))
    artefact = Artefact(directory, read_manifest(directory))
    if check and (problems := damages(artefact)):
        raise DamagedError("; ".join(problems[:3]), path=directory)
    return artefact


def damages(artefact: Artefact) -> list[str]:
    """What is wrong with an artefact's files, a line each; nothing if all is well."""
    problems = []
    manifest = artefact.manifest
    identity = artefact_id(
        stage=manifest.stage,
        revision=manifest.revision,
        settings=manifest.settings,
        parents=[parent.id for parent in manifest.parents],
        digests=[str(record["digest"]) for record in manifest.data],
    )
    if identity != manifest.id:
        problems.append(f"{MANIFEST} does not match its id")
    for name, entry in manifest.files.items():
        path = artefact.path / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif path.stat().st_size != entry.bytes:
            problems.append(f"{name} has {path.stat().st_size} bytes, not {entry.bytes}")
        elif file_sha256(path) != entry.sha256:
            problems.append(f"{name} does not match its checksum")
    return problems


def strangers(artefact: Artefact) -> list[str]:
    """The files in an artefact's directory that its manifest does not know."""
    files = (path for path in artefact.path.rglob("*") if path.is_file())
    names = {path.relative_to(artefact.path).as_posix() for path in files}
    return sorted(names - {MANIFEST, *artefact.manifest.files})


def is_artefact(path: Path | str) -> bool:
    return (newest(Path(path)) / MANIFEST).is_file()
