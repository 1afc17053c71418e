"""Shards: the vectors of consecutive rows and their sentences, in ordinary files.

    shards/00000/layer-12.npy      (rows, hidden), float32 or float16: np.load(..., mmap_mode="r")
    shards/00000/sentences.arrow   the rows' `id` and `text`: an Arrow file

A shard is written under a name that begins with a dot, flushed and renamed, so it is whole or not
there. The sentences are not compressed, so that one of them is read without its neighbours.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xlit.artefacts.partials import SHARDS
from xlit.artefacts.store import flush
from xlit.errors import DamagedError

SENTENCES = "sentences.arrow"
# int64 offsets: a shard may hold more than 2 GB of text
SCHEMA = pa.schema([("id", pa.large_string()), ("text", pa.large_string())])
FRESH = ".new"


def shard_folder(directory: Path, number: int) -> Path:
    """Where shard `number`, from 0, of the artefact in `directory` lies."""
    return directory / SHARDS / f"{number:05d}"


def layer_file(layer: int) -> str:
    return f"layer-{layer}.npy"


@contextmanager
def publish_folder(folder: Path) -> Iterator[Path]:
    """A directory to write into, which becomes `folder` when the block ends well.

    What a killed process left of one is removed. A failure leaves nothing.
    """
    folder.parent.mkdir(exist_ok=True)
    fresh = folder.with_name(FRESH)
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir()
        yield fresh
        for file in fresh.iterdir():
            flush(file)
        flush(fresh)
        fresh.rename(folder)
        flush(folder.parent)
        flush(folder.parent.parent)  # which has the name of the parent
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_header(stream: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Begin an .npy file, whose rows follow by `write_rows`."""
    np.lib.format.write_array_header_1_0(
        stream,
        {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape},
    )


def write_rows(stream: BinaryIO, rows: NDArray[Any]) -> None:
    # neither tofile nor a memory map: on a full disk the one loses the reason, and a write to the
    # other kills the process
    stream.write(np.ascontiguousarray(rows).data.cast("B"))


def write_sentences(path: Path, ids: Sequence[str], texts: Sequence[str]) -> None:
    columns = [pa.array(column, pa.large_string()) for column in (ids, texts)]
    with path.open("wb") as stream, pa.ipc.new_file(stream, SCHEMA) as file:
        file.write_batch(pa.record_batch(columns, schema=SCHEMA))


@dataclass(frozen=True)
class Shard:
    """A shard of `rows` vectors of `width` values: opens its files, mapped into memory.

    Raises DamagedError where a file lacks, or is not what the shard should have.
    """

    folder: Path
    rows: int
    width: int
    dtype: np.dtype[Any]

    def vectors(self, layer: int) -> NDArray[Any]:
        """The vectors of a layer, (rows, width)."""
        path = self.folder / layer_file(layer)
        try:
            found = np.load(path, mmap_mode="r", allow_pickle=False)
        # the last two are of numpy's reading of a damaged header
        except (OSError, ValueError, EOFError, SyntaxError, TokenError) as problem:
            raise DamagedError(f"no vectors: {problem}", path=path) from problem
        if found.shape != (self.rows, self.width) or found.dtype != self.dtype:
            raise DamagedError(
                f"{found.dtype} of shape {found.shape}, not {self.dtype} of"
                f" {(self.rows, self.width)}",
                path=path,
            )
        return np.asarray(found)  # a plain array over the map: slicing it is cheaper

    def sentences(self) -> Any:
        """The `id` and `text` of every row, a pyarrow Table."""
        path = self.folder / SENTENCES
        try:
            with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
                table = file.read_all()
            # Arrow trusts the offsets of its files: a flipped bit could be read beyond the end
            table.validate(full=True)
            if table.schema != SCHEMA or len(table) != self.rows:
                raise DamagedError(
                    f"{len(table)} rows of {table.schema.names}, not {self.rows} of id and text",
                    path=path,
                )
        except (OSError, pa.ArrowException, UnicodeDecodeError) as problem:
            raise DamagedError(f"no sentences: {problem}", path=path) from problem
        return table

    def is_whole(self, layers: Sequence[int]) -> bool:
        """Whether all its files are there and as long as they should be."""
        try:
            self.sentences()
            for layer in layers:
                self.vectors(layer)
        except DamagedError:
            return False
        return True
