"""Vectors artefacts made without an encoder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlit.artefacts.store import Artefact, Plan, claim
from xlit.retrieval.parts import part_from
from xlit.retrieval.shards import (
    SENTENCES,
    layer_file,
    publish_folder,
    shard_folder,
    write_header,
    write_rows,
    write_sentences,
)

SETTINGS = {"encoder": "toy", "pooling": "mean", "center": False, "precision": "float32"}


def store(
    root: Path,
    vectors: Mapping[int, NDArray[Any]],
    texts: Sequence[str],
    *,
    name: str = "toy",
    shard_rows: int = 4,
    shard: str = "1/1",
    **settings: Any,
) -> Artefact:
    """Publish a worker's share of the vectors (rows, width) of a text, by layer of 12."""
    first = next(iter(vectors.values()))
    plan = Plan(
        sort="vectors",
        stage="encode",
        revision=1,
        name=name,
        settings={
            **SETTINGS,
            "dtype": str(first.dtype),
            "shard": shard,
            "shard_rows": shard_rows,
            **settings,
        },
        data=({"source": "text", "rows": len(texts), "digest": "\n".join(texts)},),
    )
    mine = part_from(shard).rows(len(texts))
    with claim(plan, root, saves=True) as work:
        for number, start in enumerate(range(mine.start, mine.stop, shard_rows)):
            rows = range(start, min(start + shard_rows, mine.stop))
            with publish_folder(shard_folder(work.directory, number)) as folder:
                for layer, values in vectors.items():
                    with (folder / layer_file(layer)).open("wb") as stream:
                        write_header(stream, (len(rows), values.shape[1]), values.dtype)
                        write_rows(stream, values[rows.start : rows.stop])
                ids = [str(row + 1) for row in rows]
                write_sentences(folder / SENTENCES, ids, [texts[row] for row in rows])
        return work.publish(
            {
                "rows": len(mine),
                "first_row": mine.start,
                "width": first.shape[1],
                "stored_layers": list(vectors),
                "encoder_layers": 12,
            }
        )


def some_vectors(rows: int, width: int = 5, dtype: type = np.float32) -> NDArray[Any]:
    """Different rows, so that any that is out of its place is seen."""
    return np.arange(rows * width, dtype=np.float32).reshape(rows, width).astype(dtype)


def some_texts(rows: int) -> list[str]:
    return [f"sentence {row} 😀" for row in range(rows)]
