"""Encode texts into shards: each is on the disk when the next is begun, and no two in memory.

Who is killed loses the shard that was being made; the same work again goes on behind the last one.
Whatever was there before, the files are the same, because a shard's vectors depend on its rows
alone. Rows of a blank text are zero: near to nothing, and in their place.

A side's mean is known when all of it is encoded. So with centring its vectors are first kept as
they are, in the saves, then their mean, and then each shard is centred.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from xlit import console
from xlit.models.encoders import Loaded
from xlit.retrieval.centring import unit
from xlit.retrieval.encode import LayersOptions, encode_layers
from xlit.retrieval.shards import (
    SENTENCES,
    Shard,
    layer_file,
    publish_folder,
    shard_folder,
    write_header,
    write_rows,
    write_sentences,
)
from xlit.retrieval.texts import Texts

SHARD_ROWS = 50_000  # what `encode_layers` sorts at a time: more would not be packed any better
WINDOW_BYTES = 256 * 2**20  # of the float32 vectors of all layers held at a time
MEAN = "mean"


@dataclass(frozen=True)
class Storage:
    """Where and how vectors are kept: final shards below `directory`, those that wait for the mean
    below `saves`; `rows` of the texts in shards of `shard_rows`, as `dtype`."""

    directory: Path
    saves: Path
    rows: range
    shard_rows: int
    dtype: np.dtype[Any]
    center: bool

    def blocks(self) -> Iterator[tuple[int, range]]:
        """The number of each shard, and its rows of the texts."""
        for number, start in enumerate(range(self.rows.start, self.rows.stop, self.shard_rows)):
            yield number, range(start, min(start + self.shard_rows, self.rows.stop))

    def final(self, number: int, rows: range, width: int) -> Shard:
        return Shard(shard_folder(self.directory, number), len(rows), width, self.dtype)

    def raw(self, number: int, rows: range, width: int) -> Shard:
        """Not of length 1 and not centred."""
        folder = self.saves / f"raw-{number:05d}"
        return Shard(folder, len(rows), width, np.dtype(np.float32))


def encode_shards(
    loaded: Loaded,
    texts: Texts,
    layers: Sequence[int],
    storage: Storage,
    **options: Unpack[LayersOptions],
) -> int:
    """Encode the rows of the texts that are the storage's, but for the shards that are there; gives
    how many of them are blank.

    Vectors have length 1; with centring their mean, over the texts that are not blank, is taken off
    them before. Identical texts of a shard are encoded once. Raises InputError where the texts are
    not those of their survey.
    """
    width = int(loaded.model.config.hidden_size)
    if storage.center:
        options = {**options, "normalise": False}
        if not (storage.saves / MEAN).exists():
            # what is centred without a mean, of a folder that was tampered with
            shutil.rmtree(shard_folder(storage.directory, 0).parent, ignore_errors=True)
    lines = islice(iter(texts), storage.rows.start, None)
    there = [_is_there(storage, *block, width, layers) for block in storage.blocks()]
    done = sum(len(rows) for found, (_, rows) in zip(there, storage.blocks(), strict=True) if found)
    if done:
        console.always(f"going on: {sum(there)} of {len(there)} shards are there")
    blank = 0
    with console.progress(
        "encode", total=len(storage.rows), unit="sentences", done=done
    ) as advance:
        for found, (number, rows) in zip(there, storage.blocks(), strict=True):
            block = list(islice(lines, len(rows)))
            texts.check_unchanged()  # before anything is kept that was read
            blank += sum(not text for _, text in block)
            if found:
                continue
            make = storage.raw if storage.center else storage.final
            _encode_shard(loaded, block, layers, make(number, rows, width), advance, options)
    if storage.center:
        _centre(storage, layers, width, len(storage.rows) - blank)
    return blank


def _is_there(
    storage: Storage, number: int, rows: range, width: int, layers: Sequence[int]
) -> bool:
    """Whether a shard needs no encoding any more. One that is not whole is told of and removed."""
    final = storage.final(number, rows, width)
    wanted = [final, storage.raw(number, rows, width)] if storage.center else [final]
    for shard in wanted:
        if shard.is_whole(layers):
            return True
        if shard.folder.exists():
            console.always(f"{shard.folder}: not used: not whole")
            shutil.rmtree(shard.folder)
    return False


def _encode_shard(
    loaded: Loaded,
    block: Sequence[tuple[str, str]],
    layers: Sequence[int],
    shard: Shard,
    advance: Callable[[int], object],
    options: LayersOptions,
) -> None:
    texts = [text for _, text in block]
    with publish_folder(shard.folder) as folder:
        write_sentences(folder / SENTENCES, [row_id for row_id, _ in block], texts)
        _write_layers(
            folder,
            shard,
            layers,
            (
                _encoded(loaded, texts[window], layers, shard.width, advance, options)
                for window in _windows(shard, layers)
            ),
        )


def _windows(shard: Shard, layers: Sequence[int]) -> Iterator[slice]:
    """The rows of a shard, as many at a time as `WINDOW_BYTES` hold: with many layers not all."""
    size = max(1, WINDOW_BYTES // (4 * len(layers) * shard.width))
    for start in range(0, shard.rows, size):
        yield slice(start, min(start + size, shard.rows))


def _write_layers(
    folder: Path, shard: Shard, layers: Sequence[int], windows: Iterable[NDArray[np.float32]]
) -> None:
    """The file of every layer, from vectors (layers, rows, width) of some rows at a time."""
    with ExitStack() as files:
        streams = [files.enter_context((folder / layer_file(n)).open("wb")) for n in layers]
        for stream in streams:
            write_header(stream, (shard.rows, shard.width), shard.dtype)
        for vectors in windows:
            for stream, of_layer in zip(streams, vectors, strict=True):
                write_rows(stream, of_layer.astype(shard.dtype, copy=False))


def _encoded(
    loaded: Loaded,
    texts: Sequence[str],
    layers: Sequence[int],
    width: int,
    advance: Callable[[int], object],
    options: LayersOptions,
) -> NDArray[np.float32]:
    """Vectors (layers, texts, width), zero where a text is blank."""
    spoken = [place for place, text in enumerate(texts) if text]
    if len(spoken) == len(texts):
        return encode_layers(loaded, texts, layers, advance=advance, **options)
    vectors = np.zeros((len(layers), len(texts), width), np.float32)
    advance(len(texts) - len(spoken))
    if spoken:
        vectors[:, spoken] = encode_layers(
            loaded, [texts[place] for place in spoken], layers, advance=advance, **options
        )
    return vectors


def _centre(storage: Storage, layers: Sequence[int], width: int, count: int) -> None:
    """Take the mean of `count` texts off the vectors of all raw shards, and publish them."""
    blocks = list(storage.blocks())
    if not (storage.saves / MEAN).exists():
        total = np.zeros((len(layers), width))
        for number, rows in blocks:
            raw = storage.raw(number, rows, width)
            for place, layer in enumerate(layers):
                total[place] += raw.vectors(layer).sum(axis=0, dtype=np.float64)
        with (
            publish_folder(storage.saves / MEAN) as folder,
            (folder / "mean.npy").open("wb") as out,
        ):
            write_header(out, total.shape, total.dtype)
            write_rows(out, total / max(1, count))  # a task's side may be blank throughout
    means = np.load(storage.saves / MEAN / "mean.npy", allow_pickle=False)
    for number, rows in blocks:
        final, raw = storage.final(number, rows, width), storage.raw(number, rows, width)
        if final.is_whole(layers):
            continue
        with publish_folder(final.folder) as folder:
            shutil.copyfile(raw.folder / SENTENCES, folder / SENTENCES)
            windows = (_centred(raw, layers, means, w) for w in _windows(raw, layers))
            _write_layers(folder, final, layers, windows)
        shutil.rmtree(raw.folder)


def _centred(
    raw: Shard, layers: Sequence[int], means: NDArray[np.float64], rows: slice
) -> NDArray[np.float32]:
    """Vectors (layers, rows, width) of length 1 less their means; zero where a text is blank."""
    texts = raw.sentences().column("text").slice(rows.start, rows.stop - rows.start)
    blank = [not text for text in texts.to_pylist()]
    vectors = np.stack([raw.vectors(layer)[rows] for layer in layers])
    for of_layer, mean in zip(vectors, means, strict=True):
        of_layer[:] = unit((of_layer - mean).astype(np.float32))
    vectors[:, blank] = 0
    return vectors
