"""The directory in which an artefact is made: what is left of it when the work ends early.

`.<name>.<id>.partial/` stands beside the final place. Work that saves has its saves in `saves/`, a
folder each, and the finished parts of the artefact itself, where it has parts, in `shards/`; a name
there that begins with a dot is of one that is still being written. What holds a save or a shard
outlives a signal, a full disk, `kill -9` and a crash, and the same command goes on from it. Of all
else nothing is left.
"""

import shutil
from contextlib import suppress
from pathlib import Path

SAVES = "saves"
SHARDS = "shards"
LOG = "log.jsonl"
"""The log of a training: what goes on from a save cuts it back to it and appends."""


def partial_of(target: Path, identity: str) -> Path:
    """Where the artefact `target` is made.

    Work of the same id that was begun under another name, and saved, gets the new name; what a
    killed process left under others is removed.
    """
    partial = target.with_name(f".{target.name}.partial")
    version = target.name.rpartition(identity)[2]
    for other in sorted(target.parent.glob(f".*.{identity}{version}.partial")):
        if other == partial:
            continue
        if has_saves(other) and not has_saves(partial):
            remove(partial)
            other.rename(partial)
        else:
            remove(other)
    return partial


def has_saves(directory: Path) -> bool:
    """Whether there is something to go on from: a save, or a finished shard."""
    return any(
        entry.is_dir() and not entry.name.startswith(".")
        for folder in (directory / SAVES, directory / SHARDS)
        if folder.is_dir()
        for entry in folder.iterdir()
    )


def clear(partial: Path) -> None:
    """Leave of a partial what the same command goes on from: nothing, if it holds no save
    and no shard."""
    if not has_saves(partial):
        remove(partial)
        return
    for entry in partial.iterdir():
        if entry.name in (SAVES, SHARDS, LOG):
            continue
        if entry.is_dir() and not entry.is_symlink():
            remove(entry)
        else:
            with suppress(OSError):  # as `remove` does: a disk that cannot be written
                entry.unlink()


def remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)


def drop_saves(artefact: Path) -> None:
    """Remove the saves of a published artefact: nothing goes on from them any more."""
    remove(artefact / SAVES)
