"""The numbers of encoding and mining as Markdown."""

from collections.abc import Sequence
from statistics import median

from tests.benchmarks.layout import MIB, spread, table_of
from tests.benchmarks.records import Benchmark, Ceiling, Check, Trial

AGAINST = {
    "encode": ("sentence-transformers", "sentence-transformers bf16", "xtreme"),
    "mine": ("faiss",),
}
GPU_AGAINST = "sentence-transformers fp16"


def sections(bench: Benchmark) -> list[str]:
    """Every table of trials, checks and profiles, in the order in which they came."""
    parts = []
    for about, size in dict.fromkeys((t.bench, t.size) for t in bench.trials if t.bench != "flat"):
        trials = [t for t in bench.trials if (t.bench, t.size) == (about, size)]
        rounds = {trial.round for trial in trials}
        ceilings = [c for c in bench.ceilings if c.round in rounds and c.bench == about]
        make = _encoding if about == "encode" else _mining
        parts.append(make(size, trials, ceilings, bench.checks))
    flat = [trial for trial in bench.trials if trial.bench == "flat"]
    if flat:
        parts.append(_flat(flat))
    for about, size in dict.fromkeys((c.bench, c.size) for c in bench.checks):
        parts.append(_checks([c for c in bench.checks if (c.bench, c.size) == (about, size)]))
    parts += [_profile(bench, at) for at in range(len(bench.profiles))]
    return parts


def ratios(trials: Sequence[Trial], contestant: str, against: str, step: str = "") -> list[float]:
    """How many times as fast as another, in the rounds that have both; of a step or in all."""
    seconds = {(t.contestant, t.round): t.steps[step] if step else t.seconds for t in trials}
    return [
        seconds[against, round_] / taken
        for (name, round_), taken in seconds.items()
        if name == contestant and (against, round_) in seconds
    ]


def shares(trials: Sequence[Trial], ceilings: Sequence[Ceiling], contestant: str) -> list[float]:
    """Percent of the speed that the bf16 product alone would have, as measured in the same round.

    Where there are steps it is the search's.
    """
    of_round = {ceiling.round: ceiling for ceiling in ceilings}
    found = []
    for trial in trials:
        ceiling = of_round.get(trial.round)
        if trial.contestant == contestant and ceiling is not None:
            taken = trial.steps.get("search", trial.seconds)
            found.append(100 * _least_seconds(ceiling) / taken)
    return found


def _least_seconds(ceiling: Ceiling) -> float:
    return ceiling.flops / ceiling.products["bf16"]


def _beyond(trial: Trial) -> float:
    """MiB at the peak, beyond what was there before and the result itself."""
    return max(0, trial.peak - trial.result) / MIB


def _against(
    trials: Sequence[Trial], name: str, others: Sequence[str], step: str = ""
) -> list[str]:
    """The cells of the ratios to others; of a contestant to itself it is 1."""
    return [
        "1" if name == other else spread(ratios(trials, name, other, step), 2) for other in others
    ]


def _names(trials: Sequence[Trial]) -> list[str]:
    return list(dict.fromkeys(trial.contestant for trial in trials))


def _encoding(
    size: int, trials: Sequence[Trial], ceilings: Sequence[Ceiling], checks: Sequence[Check]
) -> str:
    names = _names(trials)
    against = [name for name in (*AGAINST["encode"], GPU_AGAINST) if name in names]
    rows = []
    for name in names:
        own = [trial for trial in trials if trial.contestant == name]
        distances = [
            check.values["largest 1 - cosine"]
            for check in checks
            if (check.bench, check.contestant, check.size) == ("encode", name, size)
        ]
        rows.append(
            [
                f"`{name}`",
                spread((trial.size / trial.seconds for trial in own), 1),
                *_against(trials, name, against),
                spread((1e6 * trial.cpu_seconds / trial.tokens for trial in own), 0),
                spread(shares(trials, ceilings, name), 0),
                spread((_beyond(trial) for trial in own), 0),
                f"{max(distances):.1e}" if distances else "-",
                str(len(own)),
            ]
        )
    head = ["contestant", "sentences/s", *(f"x {name}" for name in against)]
    head += ["CPU microseconds a token", "% of the limit", "MiB", "largest 1 - cosine", "rounds"]
    tokens = median(trial.tokens / trial.size for trial in trials)
    title = f"### encode: {size} sentences a round, {tokens:.1f} tokens each"
    return "\n\n".join([title, *_limit_lines(ceilings, "sentences"), table_of(head, rows)])


def _mining(
    size: int, trials: Sequence[Trial], ceilings: Sequence[Ceiling], checks: Sequence[Check]
) -> str:
    names = _names(trials)
    against = [name for name in AGAINST["mine"] if name in names]
    rows = []
    for name in names:
        own = [trial for trial in trials if trial.contestant == name]
        verdicts = [
            check.holds
            for check in checks
            if (check.bench, check.contestant, check.size) == ("mine", name, size)
        ]
        rows.append(
            [
                f"`{name}`",
                spread((trial.seconds for trial in own), 2),
                *_against(trials, name, against),
                *_against(trials, name, against, "search"),
                spread((trial.steps["margins"] for trial in own), 3),
                spread((100 * t.steps["margins"] / t.steps["search"] for t in own), 1),
                spread(shares(trials, ceilings, name), 0),
                spread((_beyond(trial) for trial in own), 0),
                ("yes" if all(verdicts) else "NO") if verdicts else "-",
                str(len(own)),
            ]
        )
    head = ["contestant", "s", *(f"x {name}" for name in against)]
    head += [f"search x {name}" for name in against]
    head += ["margins, s", "margins, % of search", "search, % of the limit", "MiB"]
    head += ["same pairs", "rounds"]
    title = f"### mine: {size} x {size}"
    return "\n\n".join([title, *_limit_lines(ceilings, "searches"), table_of(head, rows)])


def _limit_lines(ceilings: Sequence[Ceiling], what: str) -> list[str]:
    if not ceilings:
        return []
    bf16 = median(c.products["bf16"] for c in ceilings)
    float32 = median(c.products["float32"] for c in ceilings)
    one = ceilings[0]
    least = median(_least_seconds(ceiling) for ceiling in ceilings)
    limit = (
        f"at most {one.size / least:.0f} {what}/s"
        if what == "sentences"
        else f"at least {least:.2f} s a search both ways"
    )
    peak = f" (maker's peak {one.peak / 1e12:.0f} TFLOP/s)" if one.peak else ""
    return [
        f"{one.flops / 1e9:.0f} GFLOP a round; products of these shapes {bf16 / 1e9:.0f} GFLOP/s "
        f"in bf16 and {float32 / 1e9:.0f} in float32{peak}: {limit}. {one.device}."
    ]


def _flat(trials: Sequence[Trial]) -> str:
    rows = []
    for size in dict.fromkeys(trial.size for trial in trials):
        own = [trial for trial in trials if trial.size == size]
        rows.append(
            [
                f"{size}",
                spread((trial.tokens / trial.size for trial in own), 1),
                spread((1e6 * trial.seconds / trial.tokens for trial in own), 1),
                spread((1e6 * trial.cpu_seconds / trial.tokens for trial in own), 1),
                spread((_beyond(trial) for trial in own), 0),
                str(len(own)),
            ]
        )
    head = ["sentences", "tokens each", "microseconds a token", "CPU microseconds a token", "MiB"]
    title = f"### cost of a token: `{trials[0].contestant}`"
    return f"{title}\n\n{table_of([*head, 'times'], rows)}"


def _checks(checks: Sequence[Check]) -> str:
    """One row for a contestant: the worst of every value over the rounds."""
    keys = list(dict.fromkeys(key for check in checks for key in check.values))
    rows = []
    for name, against in dict.fromkeys((check.contestant, check.against) for check in checks):
        own = [c for c in checks if (c.contestant, c.against) == (name, against)]
        cells = []
        for key in keys:
            values = [check.values[key] for check in own if key in check.values]
            cells.append(f"{max(values):.4g}" if values else "-")
        rows.append([f"`{name}`", f"`{against}`", *cells, _verdict(own)])
    title = f"### what was found: {checks[0].bench}, {checks[0].size}"
    return f"{title}\n\n{table_of(['contestant', 'against', *keys, 'holds'], rows)}"


def _verdict(checks: Sequence[Check]) -> str:
    return "yes" if all(check.holds for check in checks) else "NO"


def _profile(bench: Benchmark, at: int) -> str:
    one = bench.profiles[at]
    whole = sum(one.groups.values())
    rows = [
        [group, f"{seconds:.3f}", f"{100 * seconds / whole:.1f}"]
        for group, seconds in sorted(one.groups.items(), key=lambda entry: -entry[1])
        if seconds >= 0.001 * whole
    ]
    title = f"### profile of {one.bench}: `{one.contestant}`, {one.size}"
    others = ", ".join(f"{op} {seconds:.3f}" for op, seconds in one.others.items())
    last = [f"The largest of other: {others}"] if others else []
    return "\n\n".join([title, table_of(["", "s", "%"], rows), *last])
