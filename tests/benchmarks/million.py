"""Search a million vectors for a million: time, memory, and that the neighbours are the true ones.

    python -m tests.benchmarks.million /scratch --rows 1000000 --limit 8
    python -m tests.benchmarks.million /scratch --rows 1000000 --index IVF4096,SQfp16:nprobe=128

Both sides are float16 files, memory-mapped, which are written first and kept: 768 MB each at
1,000,000 x 384. Half the sources have a translation among the targets. Real encoders' vectors
share a large mean and vary along far fewer directions than they have dimensions, and so do these;
it matters to an approximate index, which finds nothing among vectors that are spread evenly.
One JSON record goes to stdout, progress with the time left to stderr.
"""

import argparse
import json
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from xlit import console, device
from xlit.retrieval.rows import Neighbours, Rows, widened
from xlit.retrieval.search import is_exact, search_both
from xlit.retrieval.unscreened import best_unscreened

DIRECTIONS = 64  # that meanings vary along
SHARED = 1.9  # length of the shared mean, beside meanings of length 1: mean cosine 0.78
NOISE = 0.5  # what a language adds to a meaning
BLOCK = 65536
MEANINGS = 4096  # drawn at a time
SAMPLE = 500  # queries of each direction that are compared with brute force


def main() -> None:
    options = parser().parse_args()
    console.set_volume(quiet=False, verbose=True)
    if options.limit:
        # of private memory: what is mapped from files is the system's to drop
        resource.setrlimit(resource.RLIMIT_DATA, (int(options.limit * 2**30),) * 2)
    sides = [
        written(options.directory, name, options.rows, options.dimensions)
        for name in ("source", "target")
    ]
    record = measure(sides[0], sides[1], options.k, options.index)
    print(json.dumps(record, indent=1))
    check(record, options.index)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m tests.benchmarks.million", description=__doc__)
    top.add_argument("directory", type=Path, help="where the vectors are written, once")
    top.add_argument("--rows", type=int, default=1_000_000, help="of each side")
    top.add_argument("--dimensions", type=int, default=384)
    top.add_argument("--k", type=int, default=4)
    top.add_argument("--index", default="auto", help="as of xlit retrieve")
    top.add_argument("--limit", type=float, help="GiB of private memory that it may have")
    return top


def written(directory: Path, side: str, rows: int, dimensions: int) -> Rows:
    """The memory map of a side (rows, dimensions), written first where it is not there."""
    path = directory / f"{side}.{rows}x{dimensions}.npy"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        file = np.lib.format.open_memmap(
            partial, mode="w+", dtype=np.float16, shape=(rows, dimensions)
        )
        with console.progress(f"write {path.name}", total=rows, unit="rows") as advance:
            for start in range(0, rows, BLOCK):
                stop = min(start + BLOCK, rows)
                file[start:stop] = vectors_of(side, start, stop, rows, dimensions)
                advance(stop - start)
        file.flush()
        partial.rename(path)
    return np.load(path, mmap_mode="r")


def vectors_of(side: str, start: int, stop: int, rows: int, dimensions: int) -> NDArray[np.float32]:
    """Rows start to stop of a side, of length 1. The first half of the targets translates the
    first half of the sources, backwards, so that no neighbour has its query's number."""
    shape = np.random.default_rng(0)
    mean = shape.normal(size=dimensions)
    mean *= SHARED / np.linalg.norm(mean)
    spread = shape.normal(size=(DIRECTIONS, dimensions)).astype(np.float32)
    numbers = np.arange(start, stop)
    if side == "target":
        numbers = np.where(numbers < rows // 2, rows // 2 - 1 - numbers, numbers + rows)
    vectors = unit(meanings(numbers) @ spread)
    own = np.random.default_rng([start, side == "target"])
    vectors += NOISE * unit(own.standard_normal(vectors.shape, np.float32))
    return unit(unit(vectors) + mean.astype(np.float32))


def meanings(numbers: NDArray[np.int64]) -> NDArray[np.float32]:
    """What the sentences of these numbers mean, (numbers, `DIRECTIONS`)."""
    found = np.empty((len(numbers), DIRECTIONS), np.float32)
    drawn = numbers // MEANINGS
    for place in np.unique(drawn).tolist():
        block = np.random.default_rng([1, place]).standard_normal((MEANINGS, DIRECTIONS), "f4")
        here = drawn == place
        found[here] = block[numbers[here] % MEANINGS]
    return found


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, np.float32)


def measure(sources: Rows, targets: Rows, k: int, index: str) -> dict[str, object]:
    """Search both ways: what it took, and what share of a sample is as brute force has it."""
    began = time.perf_counter(), time.process_time()
    total = len(sources) + len(targets)
    with (
        watched_memory() as memory,
        console.progress("search", total=total, unit="vectors") as advance,
    ):
        forward, backward = search_both(sources, targets, k, index=index, advance=advance)
    seconds, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    true = rows_of_the_true_pairs(len(targets))
    found = forward.ids[: len(true), 0] == true
    return {
        "rows": len(sources),
        "dimensions": sources.shape[1],
        "dtype": str(sources.dtype),
        "k": k,
        "index": index,
        "threads": torch.get_num_threads(),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "ns_a_product": round(1e9 * seconds / len(sources) / len(targets), 4),
        "private_memory_gib": round(memory["RssAnon"] / 2**20, 2),
        "resident_with_files_gib": round(memory["VmRSS"] / 2**20, 2),
        "true_pairs_nearest": round(float(found.mean()), 4),
        "as_brute_force": [
            agreement(queries, others, neighbours)
            for queries, others, neighbours in (
                (sources, targets, forward),
                (targets, sources, backward),
            )
        ],
        "recall": [side.recall and side.recall.share for side in (forward, backward)],
    }


def check(record: dict[str, object], index: str) -> None:
    """Raises SystemExit where an exact search was none."""
    if is_exact(index) and record["as_brute_force"] != [1.0, 1.0]:
        raise SystemExit(f"{index}: the neighbours are not those of brute force")


def rows_of_the_true_pairs(rows: int) -> NDArray[np.int64]:
    return np.arange(rows // 2 - 1, -1, -1, dtype=np.int64)


def agreement(queries: Rows, index_vectors: Rows, found: Neighbours) -> float:
    """The share of ids and scores that are those of the plain search, on a sample of queries."""
    sample = np.unique(np.linspace(0, len(queries) - 1, SAMPLE).astype(np.int64))
    k = found.ids.shape[1]
    scores, ids = best_unscreened(widened(queries[sample]), index_vectors, k, device=device.pick())
    same = (found.ids[sample] == ids) & (found.scores[sample] == scores)
    return float(same.mean())


@contextmanager
def watched_memory() -> Iterator[dict[str, int]]:
    """The most that was resident while the block ran, in KiB, by the names of /proc/self/status."""
    most = {"RssAnon": 0, "VmRSS": 0}
    stop = threading.Event()

    def look() -> None:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name in most:
                most[name] = max(most[name], int(value.split()[0]))

    def watch() -> None:
        while not stop.wait(0.2):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield most
    finally:
        stop.set()
        watcher.join()
        look()


if __name__ == "__main__":
    main()
