"""xlit as a contestant: its own command, whole, in this process, with the clock beside it."""

import json
import sys
from pathlib import Path
from statistics import mean

from tests.benchmarks.clock import Clock
from tests.benchmarks.records import OURS, Measured, Run
from tests.benchmarks.workloads import RECIPE, dev_score, features_of, load, tokens_of

NEVER = 10**9


def command(run: Run, runs: Path) -> list[str]:
    """The training stage with everything trained, one evaluation at the end, and a run's flags."""
    arguments = ["train-intermediate", run.task, "--from", run.encoder, "--recipe", RECIPE]
    arguments += ["--epochs", str(run.epochs), "--batch-size", str(run.batch_size)]
    arguments += ["--limit", str(run.rows), "--seed", str(run.seed), "--freeze", "none"]
    arguments += ["--eval-every", str(NEVER), "--runs", str(runs), "--quiet"]
    if run.max_length is not None:
        arguments += ["--max-length", str(run.max_length)]
    if run.learning_rate is not None:
        arguments += ["--lr", str(run.learning_rate)]
    return [*arguments, *run.flags]


def call(arguments: list[str]) -> None:
    """The command line of xlit. Raises SystemExit where it fails."""
    from xlit.__main__ import main

    sys.argv = [OURS, *arguments]
    try:
        main()
    except SystemExit as left:
        if left.code:
            raise


def measure(run: Run, runs: Path, started: float) -> Measured:
    """Train with the stage into `runs`, an empty folder, and score the checkpoint."""
    from xlit.models.encoders import load_with_head
    from xlit.models.references import resolve_encoder

    with Clock(run.warm, started=started, profile=run.profile) as clock:
        call(command(run, runs))
    peak = clock.peak()
    (log,) = runs.glob("checkpoint/*/log.jsonl")
    loaded = load(run)
    checkpoint = resolve_encoder(str(log.parent))
    trained = load_with_head(
        checkpoint,
        loaded.kind.auto_class,
        config=loaded.kind.head(loaded.card.labels),
        keep_head=True,
    )
    of_row: dict[int, list[int]] = {}
    for feature in features_of(loaded, trained.tokenizer):
        of_row.setdefault(feature.row, []).append(tokens_of([feature]))
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    timed = [line["rows"] for line in lines if "rows" in line and "loss" in line][run.warm :]
    losses = [line["loss"] for line in lines if "loss" in line]
    sizes = [size for rows in timed for row in rows for size in of_row[row]]
    measured = Measured(
        examples=len(sizes),
        steps=clock.steps,
        seconds=clock.seconds(),
        cpu_seconds=clock.cpu_seconds(),
        tokens=sum(sizes),
        tokens_each=mean(size for row in of_row.values() for size in row),
        first_step=clock.first_step,
        step_median=clock.step_median(),
        peak_training=clock.peak_training,
        peak=peak,
        loss=last_tenth(losses),
        tokens_profiled=sum(
            size for rows in timed[: run.profile] for row in rows for size in of_row[row]
        ),
        groups=clock.groups,
        others=clock.others,
    )
    if run.dev:
        measured.score, measured.metric = dev_score(
            loaded, trained.model, trained.tokenizer, run.dev
        )
    return measured


def last_tenth(losses: list[float]) -> float | None:
    """The mean loss of the last tenth of the steps."""
    last = losses[-max(1, len(losses) // 10) :]
    return sum(last) / len(last) if last else None
