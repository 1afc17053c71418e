"""The saves of a run, in a folder: safetensors and JSON, whole or not there.

    saves/step-00000500/tensors.safetensors   parameters, moments, losses, how often rows were drawn
    saves/step-00000500/save.json             all else, and the checksums
    saves/best-00000400.safetensors           the best step's parameters, for as long as it is best

A save is written under a name that begins with a dot, flushed, and renamed. Two at most are kept:
the one before is there in case that the disk damages the newest, and all before it are removed
before another is written, so that no more room than that of two is ever needed.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from xlit import console
from xlit.artefacts.manifest import file_sha256
from xlit.artefacts.store import flush
from xlit.errors import MissingError

FORMAT = 1
VALUES = "save.json"
TENSORS = "tensors.safetensors"


@dataclass(frozen=True)
class Save:
    """A save that fits its checksums: `values` are those it was written with, `made_by` what made
    it, `log` the bytes of the run's log that belong to it."""

    path: Path
    values: dict[str, Any]
    made_by: dict[str, Any]
    log: int
    best: Path | None

    @property
    def step(self) -> int:
        return int(self.values["step"])

    def refuse(self, reason: str) -> None:
        """Say why a save is not used, and remove it."""
        _refuse(self.path, reason)

    def tensors(self) -> dict[str, Tensor]:
        return load_file(self.path / TENSORS)

    def best_tensors(self) -> dict[str, Tensor]:
        """The parameters of the best step; none where there are none."""
        return load_file(self.best) if self.best is not None else {}


class Saves:
    """The saves of one run in `folder`, whose log is `log`."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = folder
        self.log = log
        self._bests: dict[str, dict[str, Any]] = {}  # those that are known to be whole

    def write(
        self,
        values: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
        best: tuple[int, Mapping[str, Tensor]],
        made_by: Mapping[str, Any],
    ) -> None:
        """Add the save of the step `values["step"]`.

        `best` is the best step with its parameters, which are written only once. Whatever goes
        wrong, the save before stays as it is.
        """
        self.folder.mkdir(exist_ok=True)
        self._make_room()
        flush(self.log)
        fresh = self.folder / ".new"
        try:
            fresh.mkdir()
            save_file({name: _plain(value) for name, value in tensors.items()}, fresh / TENSORS)
            flush(fresh / TENSORS)
            body = {
                "format": FORMAT,
                "made_by": dict(made_by),
                "values": dict(values),
                "tensors": _entry(fresh / TENSORS),
                "best": self._write_best(*best) if best[1] else None,
                "log": _entry(self.log),
            }
            text = json.dumps({"save": body, "sha256": _digest(body)}, default=_item)
            (fresh / VALUES).write_text(text + "\n", encoding="utf-8")
            flush(fresh / VALUES)
            flush(fresh)
            fresh.rename(self.folder / _name(values["step"]))
            flush(self.folder)
            flush(self.folder.parent)  # which has the folder's own name, and the log's
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise

    def whole(self) -> Iterator[Save]:
        """The saves that fit their checksums, newest first. The others are told of and removed."""
        for path in reversed(self._paths()):
            try:
                yield self._read(path)
            except _UnfitError as problem:
                _refuse(path, str(problem))

    def at(self, step: int) -> Save:
        """The save of a step that another process found whole. Raises MissingError where this one
        does not see it."""
        path = self.folder / _name(step)
        try:
            body = json.loads((path / VALUES).read_text(encoding="utf-8"))["save"]
        except OSError as problem:
            raise MissingError(
                f"{path}: {problem.strerror}", hint="all processes must see the run root"
            ) from problem
        best = None if body["best"] is None else self.folder / body["best"]["name"]
        return Save(path, body["values"], body["made_by"], body["log"]["bytes"], best)

    def _make_room(self) -> None:
        """Leave the newest save, and the best step that it refers to."""
        for path in self._paths()[:-1]:
            _remove(path)
        needed = [path.name for path in map(self._best_of, self._paths()) if path is not None]
        for path in self.folder.iterdir():
            if path.name.startswith("."):  # of a killed process
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            elif path.name.startswith("best-") and path.name not in needed:
                path.unlink()
                self._bests.pop(path.name, None)  # a run that fell back may come to it again

    def _paths(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("step-*") if path.is_dir())

    def _best_of(self, path: Path) -> Path | None:
        try:
            best = json.loads((path / VALUES).read_text(encoding="utf-8"))["save"]["best"]
            return self.folder / best["name"] if best else None
        except (OSError, ValueError, KeyError, TypeError):  # damaged: `whole` tells of it
            return None

    def _write_best(self, step: int, parameters: Mapping[str, Tensor]) -> dict[str, Any]:
        name = f"best-{step:08d}.safetensors"
        if name not in self._bests:
            fresh = self.folder / f".{name}"
            try:
                save_file({name: _plain(value) for name, value in parameters.items()}, fresh)
                flush(fresh)
                self._bests[name] = _entry(fresh) | {"name": name}
                fresh.rename(self.folder / name)
            except BaseException:
                fresh.unlink(missing_ok=True)
                raise
        return self._bests[name]

    def _read(self, path: Path) -> Save:
        try:
            found = json.loads((path / VALUES).read_text(encoding="utf-8"))
            body = found["save"]
            if body["format"] != FORMAT:
                raise _UnfitError(f"it has format {body['format']!r}, this xlit reads {FORMAT}")
            if found["sha256"] != _digest(body):
                raise _UnfitError(f"{VALUES} does not match its checksum")
        except OSError as problem:
            raise _UnfitError(f"{VALUES}: {problem.strerror}") from problem
        except (ValueError, KeyError, TypeError, RecursionError) as problem:
            raise _UnfitError(f"{VALUES} is damaged") from problem
        _check(path / TENSORS, body["tensors"])
        best = None if body["best"] is None else self.folder / body["best"]["name"]
        if best is not None:
            _check(best, body["best"])
            self._bests[best.name] = body["best"]
        _check(self.log, body["log"], at_least=True)
        return Save(path, body["values"], body["made_by"], body["log"]["bytes"], best)


class _UnfitError(Exception):
    """Why a save cannot be used."""


def _name(step: int) -> str:
    return f"step-{step:08d}"


def _refuse(path: Path, reason: str) -> None:
    console.always(f"{path}: not used: {reason}")
    _remove(path)


def _remove(path: Path) -> None:
    """Remove a save; who is killed in between leaves no half of one."""
    gone = path.with_name(f".old-{path.name}")
    shutil.rmtree(gone, ignore_errors=True)
    path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous()


def _entry(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": file_sha256(path)}


def _digest(body: Any) -> str:
    text = json.dumps(body, sort_keys=True, default=_item)
    return hashlib.sha256(text.encode()).hexdigest()


def _item(number: Any) -> Any:
    return number.item()  # numpy's


def _sha256(path: Path, length: int) -> str:
    """Of the first `length` bytes of a file."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while length > 0 and (part := stream.read(min(length, 1 << 20))):
            found.update(part)
            length -= len(part)
    return found.hexdigest()


def _check(path: Path, entry: Mapping[str, Any], *, at_least: bool = False) -> None:
    """Hold a file, or with `at_least` as much of it as the entry has, against its checksum."""
    try:
        size = path.stat().st_size
        if size < entry["bytes"] or (size > entry["bytes"] and not at_least):
            raise _UnfitError(f"{path.name} has {size} bytes, not {entry['bytes']}")
        if _sha256(path, entry["bytes"]) != entry["sha256"]:
            raise _UnfitError(f"{path.name} does not match its checksum")
    except OSError as problem:
        raise _UnfitError(f"{path.name}: {problem.strerror}") from problem
