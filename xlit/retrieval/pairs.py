"""Pairs artefacts: what a search of two sides found, kept so that it can be cut again.

    forward-scores.npy, forward-ids.npy     (sources, k) float32 and int64: `Neighbours`
    backward-scores.npy, backward-ids.npy   (targets, k)
    source-rows.npy, target-rows.npy        the row of each different sentence in its text, from 0
    source.arrow, target.arrow              the sentences, where the side was a text

Ids are places among a side's different sentences, -1 where there is no neighbour. A side that was a
vectors artefact is a parent, and its sentences are read there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xlit.artefacts.store import Artefact, open_artefact
from xlit.errors import DamagedError, InputError, UsageError
from xlit.retrieval.cut import Neighbourhood
from xlit.retrieval.gold import Sentences
from xlit.retrieval.rows import Ids, Neighbours, Recall
from xlit.retrieval.shards import write_header, write_rows
from xlit.retrieval.vectors import StoredVectors, open_vectors

SORT = "pairs"
SIDES: tuple[Literal["source"], Literal["target"]] = ("source", "target")
SENTENCES = pa.schema([("text", pa.large_string())])
BATCH = 1 << 16  # sentences written at a time


@dataclass(frozen=True)
class Side:
    """What is known of one side. `text` is a digest of it and `first_row` the place of its rows
    there, so that shards of one text are told from other texts and put in its order."""

    text: str
    first_row: int
    rows: int
    different: int
    blank: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def repeated(self) -> int:
        return self.rows - self.blank - self.different


@dataclass(frozen=True, eq=False)
class Mined:
    """What a search for k neighbours found, with the sentences of both sides by their rows.

    Where the other side has fewer than k sentences, there are as many neighbours.
    """

    found: Neighbourhood
    k: int
    sides: tuple[Side, Side]
    sentences: tuple[Sentences, Sentences]


class Listed:
    """Sentences in memory, by row."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def sentences(self, rows: Ids, /) -> list[str]:
        return [self._texts[row] for row in rows.tolist()]


class Kept:
    """The sentences of an Arrow file, mapped into memory; `rows`, rising, says which they are."""

    def __init__(self, path: Path, rows: Ids) -> None:
        try:
            with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
                table = file.read_all()
            table.validate()
        except (OSError, pa.ArrowException) as problem:
            raise DamagedError(f"no sentences: {problem}", path=path) from problem
        if table.schema != SENTENCES or len(table) != len(rows):
            raise DamagedError(f"not the sentences of {len(rows)} rows", path=path)
        self._rows = rows
        self._batches = table.column("text").chunks
        self._starts = np.cumsum([0, *map(len, self._batches)])[:-1]

    def sentences(self, rows: Ids, /) -> list[str]:
        places = np.searchsorted(self._rows, rows)
        batches = np.searchsorted(self._starts, places, side="right") - 1
        found = np.empty(len(rows), object)
        # by batches: Arrow copies a column of several before it takes rows of it
        for batch in np.unique(batches).tolist():
            here = np.flatnonzero(batches == batch)
            taken = self._batches[batch].take(pa.array(places[here] - self._starts[batch]))
            found[here] = taken.to_pylist()
        return found.tolist()


def write_mined(mined: Mined, directory: Path, *, texts: bool) -> dict[str, Any]:
    """Write the files of an artefact, and give what its manifest says of them. `texts` asks for the
    sentences as well."""
    found = mined.found
    for name, neighbours in (("forward", found.forward), ("backward", found.backward)):
        _write(directory / f"{name}-scores.npy", neighbours.scores)
        _write(directory / f"{name}-ids.npy", neighbours.ids)
    for name, rows, sentences in zip(
        SIDES, (found.source_rows, found.target_rows), mined.sentences, strict=True
    ):
        _write(directory / f"{name}-rows.npy", rows)
        if texts:
            _write_sentences(directory / f"{name}.arrow", sentences, rows)
    results: dict[str, Any] = {
        name: side.as_json() for name, side in zip(SIDES, mined.sides, strict=True)
    }
    results["k"] = mined.k
    if found.recall:
        results["recall"] = found.recall
    return results


def open_mined(path: Path | str) -> tuple[Artefact, Mined]:
    """The pairs artefact at `path`. Raises MissingError or DamagedError for what is no artefact or
    whose vectors are not there any more, UsageError for one of another sort."""
    artefact, found = open_found(path)
    results = artefact.manifest.results
    try:
        sides, k = tuple(Side(**results[name]) for name in SIDES), int(results["k"])
    except (KeyError, TypeError) as problem:
        raise DamagedError(f"not a pairs artefact: {problem}", path=artefact.path) from problem
    sentences = tuple(
        _sentences(artefact, name, rows)
        for name, rows in zip(SIDES, (found.source_rows, found.target_rows), strict=True)
    )
    return artefact, Mined(found, k, (sides[0], sides[1]), (sentences[0], sentences[1]))


def open_found(path: Path | str) -> tuple[Artefact, Neighbourhood]:
    """A pairs artefact without its sentences, so that nothing but it has to be there."""
    artefact = open_artefact(path)
    if artefact.manifest.sort != SORT:
        raise UsageError(
            f"{path} is a {artefact.manifest.sort} artefact, not a pairs artefact",
            hint="xlit retrieve --source ... --target ... --keep makes those",
        )
    rows = [_read(artefact.path / f"{name}-rows.npy", np.int64, 1) for name in SIDES]
    both = [
        Neighbours(
            _read(artefact.path / f"{name}-scores.npy", np.float32, 2),
            _read(artefact.path / f"{name}-ids.npy", np.int64, 2),
            _recall(artefact, name),
        )
        for name in ("forward", "backward")
    ]
    for neighbours, own, other in zip(both, rows, rows[::-1], strict=True):
        ids, scores = neighbours.ids, neighbours.scores
        if len(ids) != len(own) or ids.shape != scores.shape or not _within(ids, len(other)):
            raise DamagedError("neighbours that its sides do not have", path=artefact.path)
    return artefact, Neighbourhood(both[0], both[1], rows[0], rows[1])


def each_sentence(vectors: StoredVectors) -> Iterator[str]:
    """All sentences of a side in the order of its rows, read by blocks."""
    for start in range(0, len(vectors), BATCH):
        yield from vectors.sentences(slice(start, start + BATCH))


def vectors_side(vectors: StoredVectors, different: int, blank: int) -> Side:
    """What is known of a side that is one or several vectors artefacts."""
    first = vectors.artefacts[0].manifest
    texts = {
        " ".join(str(record["digest"]) for record in artefact.manifest.data)
        + f" {artefact.manifest.settings.get('side')}"
        for artefact in vectors.artefacts
    }
    return Side(
        text=" ".join(sorted(texts)),
        first_row=int(first.results.get("first_row", 0)),
        rows=len(vectors),
        different=different,
        blank=blank,
    )


def _sentences(artefact: Artefact, side: str, rows: Ids) -> Sentences:
    parents = [
        parent for parent in artefact.manifest.parents if parent.role.partition("-")[0] == side
    ]
    if not parents:
        return Kept(artefact.path / f"{side}.arrow", rows)
    vectors = open_vectors(
        [artefact.path / parent.path for parent in parents],
        layer=int(artefact.manifest.settings["layer"]),
        check=False,  # of the vectors themselves nothing is read
        complete=False,  # other parts are in other cells
    )
    if len(rows) and rows.max() >= len(vectors):
        raise InputError(f"the {side} side is not what was searched", path=artefact.path)
    return vectors


def _within(ids: Ids, count: int) -> bool:
    return not ids.size or (int(ids.max()) < count and int(ids.min()) >= -1)


def _write(path: Path, values: NDArray[Any]) -> None:
    with path.open("wb") as stream:
        write_header(stream, values.shape, values.dtype)
        write_rows(stream, values)


def _read(path: Path, dtype: type, axes: int) -> NDArray[Any]:
    try:
        found = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as problem:
        raise DamagedError(f"cannot be read: {problem}", path=path) from problem
    if found.dtype != dtype or found.ndim != axes:
        raise DamagedError(f"{found.dtype} of shape {found.shape}", path=path)
    return found


def _recall(artefact: Artefact, direction: str) -> Recall | None:
    measured = artefact.manifest.results.get("recall", {}).get(direction)
    return None if measured is None else Recall(measured["share"], measured["queries"])


def _write_sentences(path: Path, sentences: Sentences, rows: Ids) -> None:
    with path.open("wb") as stream, pa.ipc.new_file(stream, SENTENCES) as file:
        for start in range(0, len(rows), BATCH):
            texts = pa.array(sentences.sentences(rows[start : start + BATCH]), pa.large_string())
            file.write_batch(pa.record_batch([texts], schema=SENTENCES))
        if not len(rows):
            file.write_batch(pa.record_batch([pa.array([], pa.large_string())], schema=SENTENCES))
