"""Shards: ordinary files, whole or not there, and never read wrongly where they are damaged."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlit.errors import DamagedError
from xlit.retrieval.shards import (
    SENTENCES,
    Shard,
    layer_file,
    publish_folder,
    write_header,
    write_rows,
    write_sentences,
)

ROWS, WIDTH = 7, 3
VALUES = np.arange(ROWS * WIDTH, dtype=np.float32).reshape(ROWS, WIDTH)
TEXTS = [f"Satz {row} 😀" for row in range(ROWS)]


def write(folder: Path) -> Shard:
    with publish_folder(folder) as fresh:
        write_sentences(fresh / SENTENCES, [str(row) for row in range(ROWS)], TEXTS)
        with (fresh / layer_file(2)).open("wb") as stream:
            write_header(stream, VALUES.shape, VALUES.dtype)
            write_rows(stream, VALUES[:4])
            write_rows(stream, VALUES[4:])
    return Shard(folder, ROWS, WIDTH, VALUES.dtype)


def test_anybody_reads_the_files(tmp_path: Path) -> None:
    shard = write(tmp_path / "shards/00000")
    assert np.array_equal(np.load(shard.folder / "layer-2.npy", mmap_mode="r"), VALUES)
    with pa.memory_map(str(shard.folder / SENTENCES)) as source:
        assert pa.ipc.open_file(source).read_all().to_pydict()["text"] == TEXTS


def test_what_numpy_saves_is_the_same_file(tmp_path: Path) -> None:
    shard = write(tmp_path / "shards/00000")
    np.save(tmp_path / "numpy.npy", VALUES)
    assert (shard.folder / "layer-2.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()


def test_a_failure_leaves_nothing_and_a_killed_process_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "shards/00000"
    with pytest.raises(ZeroDivisionError), publish_folder(folder) as fresh:
        (fresh / "half").touch()
        raise ZeroDivisionError
    assert list(folder.parent.iterdir()) == []
    (folder.parent / ".new").mkdir()
    (folder.parent / ".new/half").touch()  # as kill -9 leaves it
    assert write(folder).is_whole([2])
    assert [path.name for path in folder.parent.iterdir()] == ["00000"]


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Shard:
    return write(tmp_path_factory.mktemp("damaged") / "shards/00000")


@given(st.sampled_from([SENTENCES, layer_file(2)]), st.floats(0, 1), st.integers(0, 7))
def test_a_flipped_bit_is_told_or_changes_no_shape(
    shard: Shard, name: str, place: float, bit: int
) -> None:
    path = shard.folder / name
    content = path.read_bytes()
    damaged = bytearray(content)
    damaged[int(place * (len(content) - 1))] ^= 1 << bit
    path.write_bytes(damaged)
    try:
        assert shard.vectors(2).shape == VALUES.shape
        texts = shard.sentences().column("text").to_pylist()
        assert len(texts) == ROWS and all(isinstance(text, str) for text in texts)
    except DamagedError as problem:
        assert name in str(problem)
    finally:
        path.write_bytes(content)


def test_a_cut_file_is_not_whole(tmp_path: Path) -> None:
    shard = write(tmp_path / "shards/00000")
    assert shard.is_whole([2]) and not shard.is_whole([1, 2])
    for name in (SENTENCES, layer_file(2)):
        size = (shard.folder / name).stat().st_size
        os.truncate(shard.folder / name, size - 1)
        assert not shard.is_whole([2])
