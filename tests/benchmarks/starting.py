"""How long a training stage takes from its start to the end of its first step."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.benchmarks.driver import say, spawn
from tests.benchmarks.records import Run
from tests.benchmarks.with_xlit import command

STEPS = 4
ROWS_OF_PARENTS = 64  # enough for checkpoints that a pipe can go on from


def measure_starts(run: Run, work: Path) -> list[dict[str, Any]]:
    """Cold (an empty run root), warm (the same with another seed), and the next line of a pipe.

    The system's own cache of files is as it is: after the first run they are all in it. For the
    pipe two checkpoints are made beforehand and go in as two lines; the second line's clock starts
    when the first line's result is printed.
    """
    runs = work / "starts"
    run = replace(run, epochs=STEPS * run.batch_size / run.rows)  # all rows are read, few trained
    found = []
    for what, seed in (("cold", 0), ("warm", 1)):
        job = {"what": "steps", "arguments": command(replace(run, seed=seed), runs)}
        given, _ = spawn(job, work)
        found.append(_start(what, run, given["ended"][0] - given["started"], given))
    lines = _two_checkpoints(run, runs, work)
    arguments = command(replace(run, seed=2), runs)
    at = arguments.index("--from")
    job = {"what": "steps", "arguments": arguments[:at] + arguments[at + 2 :]}
    given, printed = spawn(job, work, stdin=lines)
    first_line = printed[0][0]
    after = next(moment for moment in given["ended"] if moment > first_line)
    found.append(_start("next line of a pipe", run, after - first_line, given))
    shutil.rmtree(runs, ignore_errors=True)
    for one in found:
        say(f"{run.workload} {one['what']}: {one['seconds']:.1f} s to the end of the first step")
    return found


def _two_checkpoints(run: Run, runs: Path, work: Path) -> str:
    """The paths of two checkpoints of a few steps, a line each."""
    lines = []
    for seed in (0, 1):
        arguments = command(replace(run, seed=seed), runs)
        arguments[arguments.index("--limit") + 1] = str(ROWS_OF_PARENTS)
        arguments[arguments.index("--epochs") + 1] = "1"
        _, printed = spawn({"what": "steps", "arguments": arguments}, work)
        lines.append(printed[-1][1])
    return "".join(f"{line}\n" for line in lines)


def _start(what: str, run: Run, seconds: float, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "what": what,
        "workload": run.workload,
        "encoder": run.encoder,
        "rows": run.rows,
        "seconds": seconds,
        "step": given["step_median"],
    }
