"""How fast real sentence vectors are mined, whether the same pairs are found, and at what cost.

All in one process, the contestants of a round one after another and rotated from round to round.
Everybody gets the same float32 arrays in memory.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tests.benchmarks import laser
from tests.benchmarks.driver import rotated, say
from tests.benchmarks.encoders import load
from tests.benchmarks.flops import peak_of
from tests.benchmarks.found import Found, Neighbours, compared, equal
from tests.benchmarks.profiling import SEARCH_RULES, grouped
from tests.benchmarks.records import Benchmark, Ceiling, Check, Profile, Trial
from tests.benchmarks.sentences import SETS, pairs, read_sets
from tests.benchmarks.stopwatch import product_speed, timed
from xlit import console, device
from xlit.artefacts.root import run_root
from xlit.models.references import resolve_encoder
from xlit.retrieval.cut import cut
from xlit.retrieval.encode import encode
from xlit.retrieval.search import search_both

Vectors = NDArray[np.float32]
Mine = Callable[[Vectors, Vectors], tuple[Found, dict[str, float]]]

MINE = "mine"
FAISS = "faiss"
EXACT, FLAT = "xlit exact", "xlit Flat"
K = 4  # LASER's and XTREME's
WARM = 2000  # vectors a side that a contestant mines before the first round
TILE = {"cpu": (2048, 4096), "cuda": (16384, 16384)}  # rows and columns of the ceiling's product


def sides(encoder: str, size: int) -> tuple[Vectors, Vectors]:
    """Real vectors of `size` sentences a side, half of which have their translation there.

    Fewer than half are without one where there are not so many pairs. The vectors are encoded at
    the first call and kept below the run root.
    """
    sources, targets = _kept(encoder)
    if len(sources) < size:
        raise SystemExit(f"{size} sentences a side were asked for: there are {len(sources)} pairs")
    start = min(size // 2, len(targets) - size)
    return np.array(sources[:size]), np.array(targets[start : start + size])


def contestant(name: str) -> Mine:
    """`faiss`, or `xlit` and an index as `--index` takes it."""
    if name == FAISS:
        return partial(laser.mine, k=K)
    return partial(_xlit, index=name.split(" ", 1)[1])


def _xlit(sources: Vectors, targets: Vectors, *, index: str) -> tuple[Found, dict[str, float]]:
    began = time.perf_counter()
    forward, backward = search_both(sources, targets, K, index=index)
    searched = time.perf_counter()
    kept = cut(forward, backward, margin="ratio", retrieval="max")
    ended = time.perf_counter()
    found = Found(
        Neighbours(forward.scores, forward.ids),
        Neighbours(backward.scores, backward.ids),
        kept.scores,
        kept.sources,
        kept.targets,
    )
    return found, {"search": searched - began, "margins": ended - searched}


def speed(
    bench: Benchmark,
    names: Sequence[str],
    *,
    encoder: str,
    size: int,
    rounds: int,
    save: Callable[[], None],
) -> None:
    """Rounds of all contestants; in the first one what they found is compared."""
    sources, targets = sides(encoder, size)
    for name in names:
        contestant(name)(sources[:WARM], targets[:WARM])
    first = bench.next_round
    for number in range(rounds):
        bench.ceilings.append(ceiling(sources, targets, first + number))
        found: dict[str, Found] = {}
        for name in rotated(names, number):
            (given, steps), taken = timed(partial(contestant(name), sources, targets))
            if number == 0:
                found[name] = given
            bench.trials.append(
                Trial(
                    MINE,
                    name,
                    size,
                    first + number,
                    taken.seconds,
                    taken.cpu_seconds,
                    taken.peak,
                    steps=steps,
                )
            )
            say(
                f"round {number}: {size} x {size}, {name}: search {steps['search']:.2f} s, "
                f"margins {steps['margins']:.3f} s"
            )
        bench.checks += checks_of(found, size)
        save()


def checks_of(found: dict[str, Found], size: int) -> list[Check]:
    """Everybody against FAISS, ties aside; the exact back end against Flat, bit by bit."""
    checks = [
        Check(MINE, name, FAISS, size, *compared(given, found[FAISS]))
        for name, given in found.items()
        if name != FAISS and FAISS in found
    ]
    if EXACT in found and FLAT in found:
        same = equal(found[EXACT], found[FLAT])
        checks.append(Check(MINE, EXACT, FLAT, size, same, {"the same arrays": float(same)}))
    return checks


def ceiling(sources: Vectors, targets: Vectors, round_: int) -> Ceiling:
    """One product of both sides, and the speed of its tiles, measured now."""
    where = device.pick()
    rows, columns = TILE[where.type]
    shapes = [(rows, sources.shape[1], columns, 1)]
    name = device.describe(where)
    return Ceiling(
        MINE,
        len(sources),
        round_,
        2.0 * len(sources) * len(targets) * sources.shape[1],
        {
            "bf16": product_speed(shapes, torch.bfloat16),
            "float32": product_speed(shapes, torch.float32),
        },
        peak_of(name) if where.type == "cuda" else None,
        name,
    )


def profile(bench: Benchmark, name: str, *, encoder: str, size: int) -> None:
    """Where the time of one contestant's search and margins goes."""
    sources, targets = sides(encoder, size)
    run = contestant(name)
    run(sources[:WARM], targets[:WARM])
    cuda = torch.cuda.is_available()
    activities = [torch.profiler.ProfilerActivity.CPU]
    if cuda:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profiler:
        began = time.perf_counter()
        run(sources, targets)
        if cuda:
            torch.cuda.synchronize()
        took = time.perf_counter() - began
    groups, others = grouped(profiler.events(), took, cuda=cuda, rules=SEARCH_RULES)
    bench.profiles.append(Profile(MINE, name, size, groups, others))


def _kept(encoder: str) -> tuple[Vectors, Vectors]:
    """The vectors of all pairs' sources and targets, memory-mapped from below the run root."""
    every = pairs(read_sets(SETS), seed=0)
    identity = resolve_encoder(encoder).identity
    digest = hashlib.sha256(repr((identity, every)).encode()).hexdigest()[:16]
    folder = run_root() / "benchmarks"
    files = [folder / f"{side}.{digest}.npy" for side in ("sources", "targets")]
    if not all(file.is_file() for file in files):
        folder.mkdir(parents=True, exist_ok=True)
        loaded = load(encoder)
        precision = device.precision("auto")
        for file, texts in zip(files, zip(*every, strict=True), strict=True):
            say(f"encoding {len(texts)} sentences, once: {file}")
            with console.progress("encode", total=len(texts), unit="sentences") as advance:
                _write(file, encode(loaded, texts, precision=precision, advance=advance))
    return np.load(files[0], mmap_mode="r"), np.load(files[1], mmap_mode="r")


def _write(file: Path, vectors: Vectors) -> None:
    partial_file = file.with_suffix(".partial.npy")
    np.save(partial_file, vectors)
    partial_file.replace(file)
