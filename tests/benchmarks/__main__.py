"""The benchmarks' command line: `python -m tests.benchmarks train --workload pairs`.

Prints what it is going to run and about how long that takes, runs it, prints a table on stdout and
writes every number to a JSON file, which `join` puts together with others.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from tests.benchmarks import retrieving, table
from tests.benchmarks.driver import encoder_at, interleave, run_one, say, scratch
from tests.benchmarks.records import (
    BEST,
    DEFAULTS,
    OURS,
    Benchmark,
    Run,
    describe_machine,
    join,
    read,
    this_command,
)
from tests.benchmarks.shapes import RANDOM
from tests.benchmarks.workloads import WORKLOADS

OVERHEAD = 25.0  # seconds of a run besides its steps: imports, loading, evaluation


def main() -> None:
    options = parser().parse_args()
    options.act(options)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    acts = top.add_subparsers(required=True)
    train = acts.add_parser("train", help="examples/s, memory and dev score of the contestants")
    _shared(train)
    train.add_argument("--rounds", type=int, default=3)
    train.add_argument("--rows", type=int, nargs="+", help="training rows; several: one after one")
    train.add_argument("--epochs", type=float, default=1)
    train.add_argument("--dev", type=int, help="dev rows to score on, 0 for none")
    train.add_argument("--warm", type=int, default=10, help="first steps that are not timed")
    train.add_argument(
        "--no-limits", dest="limits", action="store_false", help="do not measure plain products"
    )
    train.set_defaults(act=_train)
    profile = acts.add_parser("profile", help="where the time of a step goes, by kind of work")
    _shared(profile)
    profile.add_argument("--steps", type=int, default=8, help="steps to profile")
    profile.add_argument("--warm", type=int, default=4, help="steps before them")
    profile.set_defaults(act=_profile)
    start = acts.add_parser("start", help="from the start of a stage to its first step")
    _shared(start)
    start.add_argument("--rows", type=int, nargs=1, help="training rows")
    start.set_defaults(act=_start)
    retrieving.add_parsers(acts)
    joined = acts.add_parser("join", help="one table of several files")
    joined.add_argument("files", type=Path, nargs="+")
    joined.add_argument("--out", type=Path)
    joined.set_defaults(act=_join)
    price = acts.add_parser("price", help="GPU hours of the paper's grid")
    price.add_argument("--utilisation", type=float, default=0.45, help="of the peak, 0 to 1")
    price.add_argument("--peak", type=float, default=989.0, help="TFLOP/s of dense bf16")
    price.add_argument("--seeds", type=int, default=1)
    price.set_defaults(act=_price)
    return top


def _shared(one: argparse.ArgumentParser) -> None:
    one.add_argument("--workload", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    one.add_argument("--task", help="another card than the workload's, by name or file")
    one.add_argument(
        "--encoder", default="e5-small", help=f"{', '.join(RANDOM)} have random weights"
    )
    one.add_argument(
        "--contestants",
        nargs="+",
        type=_contestant,
        default=[DEFAULTS, BEST, OURS],
        help='flags may stand behind xlit: "xlit --precision float32"',
    )
    one.add_argument("--batch-size", type=int, default=32)
    one.add_argument("--max-length", type=int)
    one.add_argument("--lr", type=float)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--out", type=Path, default=Path("benchmark.json"))
    one.add_argument("--scratch", type=Path, help="where artefacts go while it runs")
    one.add_argument("--dry-run", action="store_true", help="print what would be run, and leave")


def _contestant(text: str) -> str:
    if text.split()[:1] == [OURS] or text in (DEFAULTS, BEST):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is none of {DEFAULTS}, {BEST}, {OURS} and flags")


def _template(options: argparse.Namespace, workload: str, rows: int | None) -> Run:
    about = WORKLOADS[workload]
    dev = getattr(options, "dev", 0)
    return Run(
        contestant=OURS,
        workload=workload,
        task=options.task or about.task,
        encoder=options.encoder,
        rows=about.rows if rows is None else rows,
        epochs=getattr(options, "epochs", 1),
        seed=options.seed,
        batch_size=options.batch_size,
        max_length=options.max_length,
        learning_rate=options.lr,
        dev=about.dev if dev is None else dev,
        warm=getattr(options, "warm", 1),
    )


def _train(options: argparse.Namespace) -> None:
    templates = [
        _template(options, workload, rows)
        for workload in options.workload
        for rows in options.rows or [None]
    ]
    seconds = 0.0
    for template in templates:
        if template.rows * template.epochs <= template.warm * template.batch_size:
            raise SystemExit(f"{template.rows} rows have no step behind --warm {template.warm}")
        one = sum(_seconds(template, name) for name in options.contestants)
        say(
            f"{template.workload}: {options.rounds} rounds of {', '.join(options.contestants)} on "
            f"{template.rows} rows, about {options.rounds * one / 60:.0f} min on two CPU cores"
        )
        seconds += options.rounds * one
    say(f"about {seconds / 60:.0f} min in all")
    if options.dry_run:
        return
    bench = _new(options)
    with scratch(options.scratch) as work:
        for template in templates:
            interleave(
                _with_encoder(template, work),
                options.contestants,
                options.rounds,
                bench,
                out=options.out,
                work=work,
                with_limits=options.limits,
            )
    print(table.markdown(bench), end="")


def _seconds(run: Run, contestant: str) -> float:
    """About how long a run takes; not known for other encoders than the small one."""
    of = dict(zip((DEFAULTS, BEST, OURS), WORKLOADS[run.workload].seconds, strict=True))
    each = of[contestant.split()[0]]
    return OVERHEAD + run.rows * run.epochs * each + 0.25 * run.dev * each


def _profile(options: argparse.Namespace) -> None:
    for workload in options.workload:
        who = ", ".join(options.contestants)
        say(f"{workload}: a profile of {options.steps} steps of each of {who}, some minutes")
    if options.dry_run:
        return
    bench = _new(options)
    with scratch(options.scratch) as work:
        for workload in options.workload:
            template = _with_encoder(_template(options, workload, None), work)
            # a share of an epoch and not fewer rows: batches are those of the whole set
            steps = options.warm + options.steps + 1
            epochs = steps * options.batch_size / template.rows
            template = replace(template, epochs=epochs, profile=options.steps)
            for contestant in options.contestants:
                run = replace(template, contestant=contestant)
                bench.runs.append((run, run_one(run, work)))
                bench.save(options.out)
    print(table.markdown(bench), end="")


def _start(options: argparse.Namespace) -> None:
    from tests.benchmarks.starting import measure_starts

    for workload in options.workload:
        say(f"{workload}: cold start, warm start and the next line of a pipe, some minutes")
    if options.dry_run:
        return
    bench = _new(options)
    with scratch(options.scratch) as work:
        for workload in options.workload:
            rows = options.rows[0] if options.rows else None
            template = _with_encoder(_template(options, workload, rows), work)
            bench.starts += measure_starts(template, work)
            bench.save(options.out)
    print(table.markdown(bench), end="")


def _join(options: argparse.Namespace) -> None:
    bench = join([read(path) for path in options.files])
    if options.out is not None:
        bench.save(options.out)
    print(table.markdown(bench), end="")


def _price(options: argparse.Namespace) -> None:
    from tests.benchmarks.price import grid

    print(grid(options.utilisation, options.peak * 1e12, options.seeds), end="")


def _new(options: argparse.Namespace) -> Benchmark:
    return Benchmark(machine=describe_machine(), commands=[this_command()])


def _with_encoder(run: Run, work: Path) -> Run:
    """The run with a random encoder written where its name is that of a shape."""
    return replace(run, encoder=encoder_at(run.encoder, work))


if __name__ == "__main__":
    main()
