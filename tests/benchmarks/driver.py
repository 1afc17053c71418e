"""Runs children one after the other, contestants interleaved, and keeps what each gave."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tests.benchmarks.records import Benchmark, Limits, Measured, Run
from tests.benchmarks.shapes import RANDOM

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def scratch(where: Path | None) -> Iterator[Path]:
    """An empty folder for artefacts and random encoders, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="xlit-bench-", dir=where) as directory:
        yield Path(directory)


def spawn(
    job: dict[str, Any], work: Path, *, stdin: str = ""
) -> tuple[Any, list[tuple[float, str]]]:
    """What a child gave, and the lines that it printed with the time of each.

    A child that fails ends the benchmark with what it said last.
    """
    paper, result, errors = work / "job.json", work / "result.json", work / "stderr.txt"
    result.unlink(missing_ok=True)
    paper.write_text(json.dumps({**job, "started": time.time()}), encoding="utf-8")
    command = [sys.executable, "-m", "tests.benchmarks.child", str(paper), str(result)]
    lines: list[tuple[float, str]] = []
    with (
        errors.open("w", encoding="utf-8") as said,
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as child,
    ):
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(stdin)
        child.stdin.close()
        lines.extend((time.time(), line.rstrip("\n")) for line in child.stdout)
    if child.returncode or not result.is_file():
        tail = "".join(errors.read_text(encoding="utf-8").splitlines(keepends=True)[-15:])
        raise SystemExit(f"{tail}a benchmark run failed: {job}")
    return json.loads(result.read_text(encoding="utf-8")), lines


def encoder_at(name: str, work: Path) -> str:
    """The encoder, or where the name is that of a shape, one of random weights below `work`."""
    if name not in RANDOM:
        return name
    directory = work / name
    if not directory.is_dir():
        spawn({"what": "encoder", "shape": name, "directory": str(directory)}, work)
    return str(directory)


def run_one(run: Run, work: Path) -> Measured:
    """One contestant's run; its artefacts are removed, as the next one must make its own."""
    runs = work / "runs"
    given, _ = spawn({"what": "run", "run": asdict(run), "runs": str(runs)}, work)
    shutil.rmtree(runs, ignore_errors=True)
    return Measured(**given)


def limits_one(run: Run, work: Path) -> Limits:
    given, _ = spawn({"what": "limits", "run": asdict(run)}, work)
    return Limits(**given)


def rotated(contestants: Sequence[str], round_: int) -> list[str]:
    """The order of a round: each contestant is first once in as many rounds as there are."""
    at = round_ % len(contestants)
    return [*contestants[at:], *contestants[:at]]


def interleave(
    template: Run,
    contestants: Sequence[str],
    rounds: int,
    bench: Benchmark,
    *,
    out: Path,
    work: Path,
    with_limits: bool,
) -> None:
    """Rounds of every contestant and the limits, added to `bench` and saved after each run.

    A round has one seed for everything, the next round the next one: rounds are seeds, too.
    """
    first = bench.next_round
    for number in range(rounds):
        of_round = replace(template, round=first + number, seed=template.seed + number)
        for contestant in rotated(contestants, number):
            run = replace(of_round, contestant=contestant)
            measured = run_one(run, work)
            bench.runs.append((run, measured))
            bench.save(out)
            say(line_of(run, measured))
        if with_limits:
            bench.limits.append(limits_one(of_round, work))
            bench.save(out)


def line_of(run: Run, got: Measured) -> str:
    score = "" if got.score is None else f", dev {got.metric} {got.score:.1f}"
    return (
        f"{run.workload} round {run.round} {run.contestant}: {got.rate:.2f} examples/s "
        f"({got.examples} in {got.seconds:.1f} s, {got.cpu_seconds:.1f} CPU s), "
        f"peak {got.peak_training / 2**20:.0f} MiB{score}"
    )


def say(text: str) -> None:
    """A line for whoever waits."""
    print(text, file=sys.stderr, flush=True)
