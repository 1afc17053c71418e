"""Stored vectors: what `xlit encode` published, read as one side of a search.

The files are mapped and not read, so that a side may be larger than memory.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlit import console
from xlit.artefacts.manifest import Manifest, canonical_json
from xlit.artefacts.store import Artefact, open_artefact
from xlit.errors import DamagedError, InputError, UsageError
from xlit.retrieval.parts import Part, part_from
from xlit.retrieval.shards import Shard, shard_folder

Ids = NDArray[np.int64]

SORT = "vectors"
OPEN = 64  # shards whose files are mapped at a time: each map holds a file descriptor
# settings in which what forms one side may differ, and those in which two sides may
OF_TEXT = ("shard", "shard_rows", "side")
OF_SIDE = (*OF_TEXT, "dtype", "prefix", "max_length", "precision", "packing", "layer")
NO_WAY = (*OF_TEXT, "layer")  # of those, what says nothing of how the vectors of a layer were made


class StoredVectors:
    """The vectors of one layer and their sentences, of one artefact or of several after each other.

    It is `Rows`: `[slice]` and `[int array]` give arrays (rows, dimensions), read from the files.
    A row is a sentence's place, from 0; that of a blank line is zero and its sentence is empty.
    """

    def __init__(self, artefacts: Sequence[Artefact], layer: int) -> None:
        self.artefacts = tuple(artefacts)
        self.layer = layer  # from 0, the embeddings
        self._shards = [shard for artefact in artefacts for shard in shards_of(artefact)]
        self._ends = np.cumsum([shard.rows for shard in self._shards], dtype=np.int64)
        self._vectors = lru_cache(OPEN)(lambda place: self._shards[place].vectors(layer))
        self._sentences = lru_cache(OPEN)(lambda place: self._shards[place].sentences())

    @property
    def shape(self) -> tuple[int, int]:
        return int(self._ends[-1]), self._shards[0].width

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._shards[0].dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | Ids) -> NDArray[Any]:
        found: NDArray[Any] | None = None
        for place, within, into in self._pieces(rows):
            part = self._vectors(place)[within]
            if into is None:  # all of them lie in one shard
                return part
            if found is None:
                found = np.empty((_count(rows, len(self)), self.shape[1]), self.dtype)
            found[into] = part
        return np.empty((0, self.shape[1]), self.dtype) if found is None else found

    def sentence(self, row: int) -> str:
        """The sentence of a row, as it was encoded but for the prefix; empty for a blank line."""
        return self.sentences(np.array([row]))[0]

    def sentences(self, rows: slice | Ids = slice(None)) -> list[str]:
        """The sentences of rows, in their order. All of them may be more than memory holds."""
        return self._column("text", rows)

    def row_ids(self, rows: slice | Ids = slice(None)) -> list[str]:
        """The ids of rows in the task they come from; of a text the number of the line, from 1."""
        return self._column("id", rows)

    @property
    def about(self) -> Mapping[str, Any]:
        """What makes vectors comparable: the encoder, the layer, and how vectors were made."""
        return _about(self.artefacts[0].manifest, OF_SIDE) | {"layer": self.layer}

    @property
    def of_side(self) -> Mapping[str, Any]:
        """How these vectors were made, as far as those of the other side may be made otherwise."""
        settings = self.artefacts[0].manifest.settings
        return {key: settings[key] for key in OF_SIDE if key in settings and key not in NO_WAY}

    def _column(self, name: str, rows: slice | Ids) -> list[str]:
        found = np.empty(_count(rows, len(self)), object)
        for place, within, into in self._pieces(rows):
            column = self._sentences(place).column(name)
            taken = (
                column.slice(within.start, within.stop - within.start)
                if isinstance(within, slice)
                else column.take(within)
            )
            found[slice(None) if into is None else into] = taken.to_pylist()
        return found.tolist()

    def _pieces(self, rows: slice | Ids) -> list["_Piece"]:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1:
                return self._range(start, stop)
            rows = np.arange(start, stop, step)
        return self._picked(_checked(rows, len(self)))

    def _range(self, start: int, stop: int) -> list["_Piece"]:
        pieces: list[_Piece] = []
        row = start
        while row < stop:
            place = int(np.searchsorted(self._ends, row, side="right"))
            end = min(stop, int(self._ends[place]))
            first = int(self._ends[place]) - self._shards[place].rows
            into = None if (row, end) == (start, stop) else slice(row - start, end - start)
            pieces.append((place, slice(row - first, end - first), into))
            row = end
        return pieces

    def _picked(self, rows: Ids) -> list["_Piece"]:
        """Rows by shard, each shard once."""
        places = np.searchsorted(self._ends, rows, side="right")
        order = np.argsort(places, kind="stable")
        borders = np.flatnonzero(np.diff(places[order])) + 1
        pieces: list[_Piece] = []
        for into in np.split(order, borders):
            if not len(into):
                continue
            place = int(places[into[0]])
            first = int(self._ends[place]) - self._shards[place].rows
            pieces.append((place, rows[into] - first, None if len(into) == len(rows) else into))
        return pieces


# a shard, its rows, and where they go in the result; None where the result is these rows
_Piece = tuple[int, slice | Ids, slice | Ids | None]


def open_vectors(
    paths: Sequence[Path | str],
    *,
    layer: int | None = None,
    check: bool = True,
    complete: bool = True,
) -> StoredVectors:
    """The vectors of artefacts as one side, in the order of the paths.

    What the workers of one text made (`--shard i/n`) comes in the order of the text, however the
    paths are sorted; parts that are not named are told where a `complete` text is expected. `layer`
    picks one of several, -1 the encoder's last; with `check` every file is held against its
    checksum. Raises MissingError or DamagedError for what is no artefact,
    UsageError for one of another sort or a layer that is not stored, InputError for artefacts that
    are no one side.
    """
    artefacts = [open_artefact(path, check=check) for path in paths]
    for artefact in artefacts:
        if artefact.manifest.sort != SORT:
            raise UsageError(
                f"{artefact.path} is a {artefact.manifest.sort} artefact, not a vectors artefact",
                hint="xlit encode makes those",
            )
    if not artefacts:
        raise UsageError("no vectors artefact is named")
    _check_alike(artefacts)
    in_order = _in_order(artefacts, complete=complete)
    return StoredVectors(in_order, _layer(artefacts[0].manifest, layer))


def check_comparable(source: StoredVectors, target: StoredVectors) -> None:
    """Raises InputError for two sides of different encoders, layers, or ways to make vectors."""
    if len(different := _differences(source.about, target.about)):
        raise InputError(
            f"{source.artefacts[0].path} and {target.artefacts[0].path} cannot be compared:"
            f" {'; '.join(different)}",
            hint="encode both sides in one way",
        )


def shards_of(artefact: Artefact) -> list[Shard]:
    """The shards of a vectors artefact, in order. Raises DamagedError where the manifest does not
    say what they are."""
    settings, results = artefact.manifest.settings, artefact.manifest.results
    try:
        rows, size, width = results["rows"], settings["shard_rows"], results["width"]
        dtype = np.dtype({"float16": np.float16, "float32": np.float32}[settings["dtype"]])
        starts = range(0, rows, size)
        if not starts or width < 1:
            raise ValueError("no rows")
    except (KeyError, TypeError, ValueError) as problem:
        raise DamagedError(f"not a vectors artefact: {problem}", path=artefact.path) from problem
    return [
        Shard(shard_folder(artefact.path, number), min(size, rows - start), width, dtype)
        for number, start in enumerate(starts)
    ]


def _count(rows: slice | Ids, total: int) -> int:
    return len(range(*rows.indices(total))) if isinstance(rows, slice) else len(rows)


def _checked(rows: Ids, total: int) -> Ids:
    """Row numbers from 0. Raises TypeError or IndexError for what an array would not take."""
    found = np.asarray(rows)
    if found.ndim != 1 or not (np.issubdtype(found.dtype, np.integer) or not len(found)):
        raise TypeError(f"rows are a slice or a list of numbers, not {found.dtype} {found.shape}")
    found = found.astype(np.int64)
    found = np.where(found < 0, found + total, found)
    if len(found) and (found.min() < 0 or found.max() >= total):
        raise IndexError(f"rows {found.min()} to {found.max()} of {total}")
    return found


def _about(manifest: Manifest, leave_out: Sequence[str]) -> dict[str, Any]:
    settings = {key: value for key, value in manifest.settings.items() if key not in leave_out}
    parents = [parent.id for parent in manifest.parents if parent.role == "encoder"]
    return settings | ({"encoder": parents[0]} if parents else {})


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} {one.get(key)} and {other.get(key)}"
        for key in sorted({*one, *other})
        if canonical_json(one.get(key)) != canonical_json(other.get(key))
    ]


def _check_alike(artefacts: Sequence[Artefact]) -> None:
    first = artefacts[0]
    for other in artefacts[1:]:
        different = _differences(_about(first.manifest, OF_TEXT), _about(other.manifest, OF_TEXT))
        if different:
            raise InputError(
                f"{first.path} and {other.path} are not one side: {'; '.join(different)}",
                hint="encode them in one way",
            )


def _in_order(artefacts: Sequence[Artefact], *, complete: bool) -> list[Artefact]:
    """Texts as they were given, and the parts of each by their numbers. What is missing of a text
    that is to be `complete` is said."""
    texts: dict[str, dict[Part, Artefact]] = {}
    for artefact in artefacts:
        manifest = artefact.manifest
        part = part_from(manifest.settings["shard"])
        digests = [record["digest"] for record in manifest.data]
        text = canonical_json([digests, manifest.settings.get("side"), part.of])
        if part in texts.setdefault(text, {}):
            raise InputError(f"part {part} of a text is named twice", path=artefact.path)
        texts[text][part] = artefact
    for parts in texts.values():
        first = next(iter(parts))
        missing = [n for n in range(1, first.of + 1) if Part(n, first.of) not in parts]
        if complete and missing:
            console.always(
                f"{parts[first].path}: of its text part {', '.join(map(str, missing))}"
                f" of {first.of} is not named"
            )
    return [parts[part] for parts in texts.values() for part in sorted(parts)]


def _layer(manifest: Manifest, asked: int | None) -> int:
    stored, last = manifest.results["stored_layers"], manifest.results["encoder_layers"]
    if asked is None and len(stored) == 1:
        return int(stored[0])
    if asked is None:
        problem = "several layers"
    else:
        layer = asked if asked >= 0 else int(last) + 1 + asked
        if layer in stored:
            return layer
        problem = f"no layer {asked}"
    raise UsageError(
        f"{manifest.name}.{manifest.reference} holds {problem}",
        hint=f"--layer {' or '.join(map(str, stored))}",
    )
