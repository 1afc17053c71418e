"""How fast texts are encoded, how true, at what cost as they become more, and where the time goes.

All in one process: the contestants of a round encode the same texts one after another, the order
is rotated from round to round, and every round has texts of its own. So shapes that a library has
met before help nobody.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tests.benchmarks.driver import rotated, say
from tests.benchmarks.encoders import MAX_LENGTH, REFERENCE, Encode, Vectors, contestant, load
from tests.benchmarks.flops import peak_of
from tests.benchmarks.profiling import OUTSIDE, grouped
from tests.benchmarks.records import Benchmark, Ceiling, Check, Profile, Trial
from tests.benchmarks.sentences import SETS, mixed, read_sets, tatoeba_languages
from tests.benchmarks.stopwatch import product_speed, timed
from xlit import device

ENCODE, FLAT = "encode", "flat"
WARM = 64  # texts that a contestant encodes before the first round
ROWS = {"cpu": 4096, "cuda": 65536}  # tokens of a product of the ceiling
CLOSE = {"xlit": 1e-4, "xlit padded": 1e-4, "xlit float32": 1e-6}  # the largest 1 - cosine
POINTS, SENTENCES = 0.2, 2  # that an accuracy may differ by: either is enough


@dataclass(frozen=True)
class Lengths:
    """Tokens of texts, with the special ones."""

    tokens: NDArray[np.int64]

    @property
    def all(self) -> int:
        return int(self.tokens.sum())

    @property
    def squares(self) -> float:
        return float((self.tokens.astype(np.float64) ** 2).sum())


def lengths_of(tokenizer: Any, texts: Sequence[str]) -> Lengths:
    found = tokenizer(list(texts), truncation=True, max_length=MAX_LENGTH)["input_ids"]
    return Lengths(np.asarray([len(ids) for ids in found]))


def flops_of(config: Any, lengths: Lengths) -> float:
    """FLOPs of the products that encoding needs: linear maps, attention scores and their sums."""
    hidden, layers = config.hidden_size, config.num_hidden_layers
    each = 2 * sum(inputs * outputs for inputs, outputs in _maps(config))
    return float(layers * (each * lengths.all + 4 * hidden * lengths.squares))


def _maps(config: Any) -> list[tuple[int, int]]:
    """(inputs, outputs) of a layer's linear maps, those of query, key and value as one."""
    hidden, inner = config.hidden_size, config.intermediate_size
    return [(hidden, 3 * hidden), (hidden, hidden), (hidden, inner), (inner, hidden)]


def ceiling(config: Any, lengths: Lengths, size: int, round_: int) -> Ceiling:
    """The work of these texts and the speed of the model's linear maps, measured now."""
    where = device.pick()
    shapes = [(ROWS[where.type], inputs, outputs, 1) for inputs, outputs in _maps(config)]
    name = device.describe(where)
    return Ceiling(
        ENCODE,
        size,
        round_,
        flops_of(config, lengths),
        {
            "bf16": product_speed(shapes, torch.bfloat16),
            "float32": product_speed(shapes, torch.float32),
        },
        peak_of(name) if where.type == "cuda" else None,
        name,
    )


def speed(
    bench: Benchmark,
    names: Sequence[str],
    *,
    encoder: str,
    size: int,
    rounds: int,
    sets: Sequence[str],
    work: Path,
    save: Callable[[], None],
) -> None:
    """Rounds of all contestants over `size` texts, each held against the reference if it is one."""
    texts = mixed(read_sets(sets), seed=0)
    if len(texts) < WARM + size * rounds:
        raise SystemExit(f"{rounds} rounds of {size} need more than the {len(texts)} texts there")
    loaded = load(encoder)
    encoders = {name: contestant(name, encoder, work) for name in names}
    for run in encoders.values():
        run(texts[:WARM])
    first = bench.next_round
    for number in range(rounds):
        block = texts[WARM + number * size :][:size]
        lengths = lengths_of(loaded.tokenizer, block)
        bench.ceilings.append(ceiling(loaded.model.config, lengths, size, first + number))
        found: dict[str, Vectors] = {}
        for name in rotated(names, number):
            found[name], taken = timed(lambda run=encoders[name], block=block: run(block))  # type: ignore[misc]  # mypy infers no lambda with defaults
            trial = Trial(
                ENCODE,
                name,
                size,
                first + number,
                taken.seconds,
                taken.cpu_seconds,
                taken.peak,
                tokens=lengths.all,
                result=found[name].nbytes,
            )
            bench.trials.append(trial)
            say(f"round {number}: {name} {size / taken.seconds:.1f} sentences/s")
        if REFERENCE in found:
            bench.checks += [
                _distance(name, vectors, found[REFERENCE])
                for name, vectors in found.items()
                if name != REFERENCE
            ]
        save()


def _distance(name: str, vectors: Vectors, reference: Vectors) -> Check:
    ours, others = vectors.astype(np.float64), reference.astype(np.float64)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(others, axis=1)
    distances = 1 - np.einsum("nd,nd->n", ours, others) / lengths
    values = {"largest 1 - cosine": float(distances.max()), "mean": float(distances.mean())}
    holds = bool(distances.max() <= CLOSE.get(name, 2))
    return Check(ENCODE, name, REFERENCE, len(vectors), holds, values)


def accuracy(
    bench: Benchmark,
    names: Sequence[str],
    *,
    encoder: str,
    limit: int | None,
    work: Path,
    save: Callable[[], None],
) -> None:
    """Tatoeba by every contestant, both ways, and by how much a language differs at most."""
    languages = tatoeba_languages(limit)
    reference: dict[str, float] = {}
    for name in (REFERENCE, *(name for name in names if name != REFERENCE)):
        say(f"Tatoeba, {len(languages)} languages: {name}")
        found = _tatoeba(contestant(name, encoder, work), languages)
        reference = reference or found
        # in points, of each language and direction
        differences = {key: abs(value - reference[key]) for key, value in found.items()}
        by_sentences = {
            key: round(value * len(languages[key.split()[0]][0]) / 100)
            for key, value in differences.items()
        }
        holds = all(
            differences[key] <= POINTS or by_sentences[key] <= SENTENCES for key in differences
        )
        values = {
            "mean accuracy": float(np.mean(list(found.values()))),
            "largest difference, points": max(differences.values()),
            "largest difference, sentences": float(max(by_sentences.values())),
        }
        size = sum(len(texts) for texts, _ in languages.values())
        bench.checks.append(Check("tatoeba", name, REFERENCE, size, holds, values, found))
        save()


def _tatoeba(run: Encode, languages: dict[str, tuple[list[str], list[str]]]) -> dict[str, float]:
    """Percent of sentences whose nearest one is their translation, of each language both ways.

    Every different text is encoded once; of equally near sentences the first counts.
    """
    texts = list(
        dict.fromkeys(text for pair in languages.values() for side in pair for text in side)
    )
    place = {text: i for i, text in enumerate(texts)}
    vectors = run(texts)
    found = {}
    for language, (foreign, english) in languages.items():
        ours = vectors[[place[text] for text in foreign]]
        others = vectors[[place[text] for text in english]]
        scores = ours @ others.T
        aligned = np.arange(len(ours))
        found[f"{language} to English"] = 100 * float((scores.argmax(1) == aligned).mean())
        found[f"{language} from English"] = 100 * float((scores.argmax(0) == aligned).mean())
    return found


def flat(
    bench: Benchmark,
    name: str,
    *,
    encoder: str,
    sizes: Sequence[int],
    work: Path,
    save: Callable[[], None],
) -> None:
    """The cost of a token for more and more texts out of the same pool.

    A size is measured as often as the largest one has room for it, three times at most, on other
    texts each time.
    """
    texts = mixed(read_sets(SETS), seed=1)
    if len(texts) < max(sizes):
        raise SystemExit(f"{max(sizes)} texts were asked for: there are {len(texts)}")
    tokenizer = load(encoder).tokenizer
    run = contestant(name, encoder, work)
    run(texts[-WARM:])
    first = bench.next_round
    for number in range(3):
        for size in sizes:
            if number * size >= max(sizes):
                continue
            block = texts[number * size : (number + 1) * size]
            vectors, taken = timed(lambda block=block: run(block))  # type: ignore[misc]  # as above
            tokens = lengths_of(tokenizer, block).all
            bench.trials.append(
                Trial(
                    FLAT,
                    name,
                    size,
                    first + number,
                    taken.seconds,
                    taken.cpu_seconds,
                    taken.peak,
                    tokens=tokens,
                    result=vectors.nbytes,
                )
            )
            say(f"{size} sentences: {1e6 * taken.seconds / tokens:.1f} microseconds a token")
            save()


def profile(
    bench: Benchmark, name: str, *, encoder: str, size: int, sets: Sequence[str], work: Path
) -> None:
    """Where the time of one contestant goes. Its tokenising is timed by itself."""
    texts = mixed(read_sets(sets), seed=2)[: WARM + size]
    run = contestant(name, encoder, work)
    tokenizer = load(encoder).tokenizer
    run(texts[:WARM])
    block = texts[WARM:]
    began = time.perf_counter()
    tokenizer.backend_tokenizer.encode_batch_fast(block)
    tokenising = time.perf_counter() - began
    cuda = torch.cuda.is_available()
    activities = [torch.profiler.ProfilerActivity.CPU]
    if cuda:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profiler:
        began = time.perf_counter()
        run(block)
        if cuda:
            torch.cuda.synchronize()
        took = time.perf_counter() - began
    groups, others = grouped(profiler.events(), took, cuda=cuda)
    if OUTSIDE in groups:
        groups["tokenising"] = min(tokenising, groups[OUTSIDE])
        groups[OUTSIDE] -= groups["tokenising"]
    bench.profiles.append(Profile(ENCODE, name, size, groups, others))
