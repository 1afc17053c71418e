"""The numbers of a benchmark as Markdown."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median, stdev

from tests.benchmarks import retrieval_table
from tests.benchmarks.layout import MIB, spread, table_of
from tests.benchmarks.records import BEST, DEFAULTS, Benchmark, Limits, Measured, Run

Key = tuple[str, str, int, float]


def markdown(bench: Benchmark) -> str:
    """Every table that the numbers make, with machine and commands above them."""
    parts = [_machine(bench)]
    for key in dict.fromkeys(key_of(run) for run, _ in bench.runs if not run.profile):
        parts.append(_throughput(bench, key))
    for key in dict.fromkeys(key_of(run) for run, _ in bench.runs if run.profile):
        parts.append(_profile(bench, key))
    if bench.starts:
        parts.append(_starts(bench))
    parts += retrieval_table.sections(bench)
    return "\n\n".join(parts) + "\n"


def key_of(run: Run) -> Key:
    """What runs must share to be held against each other."""
    return run.workload, Path(run.encoder).name, run.rows, run.epochs


def ratios(runs: Sequence[tuple[Run, Measured]], contestant: str, against: str) -> list[float]:
    """Rates over those of another contestant, in the rounds that have both."""
    rates = {(run.contestant, run.round): got.rate for run, got in runs}
    return [
        rate / rates[against, round_]
        for (name, round_), rate in rates.items()
        if name == contestant and rates.get((against, round_))
    ]


def reached(limits: Limits, got: Measured) -> float:
    """The share of the limit of the matrix product that a run reached.

    The limit is what the machine does in the same round: of a known GPU the maker's figure, else
    the measured product, in bf16. A run's work is that of its own pieces.
    """
    speed = limits.peak or limits.products["bf16"]
    return got.rate * limits.flops / speed


def _throughput(bench: Benchmark, key: Key) -> str:
    runs = [(run, got) for run, got in bench.runs if not run.profile and key_of(run) == key]
    rounds = {run.round for run, _ in runs}
    limits = {one.round: one for one in bench.limits if one.round in rounds}
    rows = []
    for name in dict.fromkeys(run.contestant for run, _ in runs):
        own = [(run, got) for run, got in runs if run.contestant == name]
        scores = [got.score for _, got in own if got.score is not None]
        shares = [100 * reached(limits[r.round], g) for r, g in own if r.round in limits]
        padding = [100 * got.padding for _, got in own if got.padding is not None]
        rows.append(
            [
                f"`{name}`",
                spread((got.rate for _, got in own), 1),
                spread(ratios(runs, name, BEST), 2),
                spread(ratios(runs, name, DEFAULTS), 2),
                spread((1000 * got.cpu_seconds / got.examples for _, got in own), 1),
                spread(shares, 0),
                spread((got.peak_training / MIB for _, got in own), 0),
                spread((got.peak / MIB for _, got in own), 0),
                f"{median(padding):.0f}" if padding else "-",
                _mean(scores),
                str(len(own)),
            ]
        )
    metric = next((got.metric for _, got in runs if got.metric), "score")
    head = [
        "contestant",
        "examples/s",
        f"x {BEST}",
        f"x {DEFAULTS}",
        "CPU ms each",
        "% of the limit",
        "MiB in training",
        "MiB in all",
        "% padding",
        f"dev {metric}",
        "rounds",
    ]
    workload, encoder, size, epochs = key
    title = f"### {workload}: {encoder}, {size} rows, {epochs:g} epoch{'s' * (epochs > 1)}"
    return "\n\n".join([title, *_limit_lines(list(limits.values())), table_of(head, rows)])


def _limit_lines(limits: Sequence[Limits]) -> list[str]:
    if not limits:
        return []
    one = limits[0]
    bf16 = median(x.products["bf16"] for x in limits)
    float32 = median(x.products["float32"] for x in limits)
    speed = one.peak or bf16
    peak = f", maker's peak {one.peak / 1e12:.0f} TFLOP/s" if one.peak else ""
    return [
        f"{one.tokens:.1f} pieces and {one.flops / 1e9:.2f} GFLOP an example "
        f"({one.least / 1e9:.2f} without what the last layer computes for nobody); products of "
        f"these shapes {bf16 / 1e9:.0f} GFLOP/s in bf16 and {float32 / 1e9:.0f} in float32{peak}: "
        f"at most {speed / one.flops:.1f} examples/s. {one.device}."
    ]


def _profile(bench: Benchmark, key: Key) -> str:
    runs = [(run, got) for run, got in bench.runs if run.profile and key_of(run) == key]
    groups = dict.fromkeys(group for _, got in runs for group in got.groups)
    rows = []
    for group in groups:
        cells = [group]
        for _, got in runs:
            share = got.groups.get(group, 0.0) / sum(got.groups.values())
            each = 1000 * got.groups.get(group, 0.0) / got.examples_profiled
            cells.append(f"{each:.2f} ({100 * share:.0f} %)")
        rows.append(cells)
    whole = [f"{1000 * sum(got.groups.values()) / got.examples_profiled:.2f}" for _, got in runs]
    rows.append(["**all**", *whole])
    title = f"### profile of {key[0]}: {key[1]}, milliseconds an example of the mean length"
    others = [
        f"`{run.contestant}`, the largest of other: "
        + ", ".join(f"{op} {1000 * s / got.examples_profiled:.2f}" for op, s in got.others.items())
        for run, got in runs
        if got.others
    ]
    head = ["", *(f"`{run.contestant}`" for run, _ in runs)]
    return "\n\n".join([title, table_of(head, rows), *others])


def _starts(bench: Benchmark) -> str:
    rows = [
        [s["what"], s["workload"], f"{s['seconds']:.1f}", f"{s['step']:.2f}"] for s in bench.starts
    ]
    head = ["", "workload", "s to the end of the first step", "a median step, s"]
    return "### start\n\n" + table_of(head, rows)


def _machine(bench: Benchmark) -> str:
    machine = bench.machine
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    environment = " ".join(f"{k}={v}" for k, v in machine["environment"].items()) or "unset"
    loads = [got.load for _, got in bench.runs]
    load = f"; load before the runs {spread(loads, 1)}" if loads else ""
    commands = "\n".join(f"    {command}" for command in bench.commands)
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}; Python {machine['python']}, {versions}; threads: {environment}{load}"
        f"\n\n{commands}"
    )


def _mean(scores: Sequence[float]) -> str:
    if not scores:
        return "-"
    mean = sum(scores) / len(scores)
    return f"{mean:.1f} ± {stdev(scores):.1f}" if len(scores) > 1 else f"{mean:.1f}"
