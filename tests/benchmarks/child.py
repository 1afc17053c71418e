"""One run in a process of its own: `python -m tests.benchmarks.child JOB.json RESULT.json`."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.benchmarks.records import OURS, Run


def main(job: Path, result: Path) -> None:
    """Do what the file `job` says and write what it gave."""
    values = json.loads(job.read_text(encoding="utf-8"))
    load = os.getloadavg()[0]
    given = {
        "run": _run,
        "limits": _limits,
        "steps": _steps,
        "encoder": _encoder,
    }[values["what"]](values)
    if values["what"] == "run":
        given["load"] = load
    result.write_text(json.dumps(given), encoding="utf-8")


def _run(values: dict[str, Any]) -> dict[str, Any]:
    run = Run(**values["run"])
    if run.sort == OURS:
        from tests.benchmarks import with_xlit

        measured = with_xlit.measure(run, Path(values["runs"]), values["started"])
    else:
        from tests.benchmarks import with_trainer

        measured = with_trainer.measure(run, values["started"])
    import torch

    from xlit import device

    measured.device = device.describe()
    measured.threads = torch.get_num_threads()
    return asdict(measured)


def _limits(values: dict[str, Any]) -> dict[str, Any]:
    from tests.benchmarks.flops import limits_of

    return asdict(limits_of(Run(**values["run"])))


def _steps(values: dict[str, Any]) -> dict[str, Any]:
    """When the steps of any xlit command end, in seconds since the epoch."""
    from tests.benchmarks.clock import Clock
    from tests.benchmarks.with_xlit import call

    with Clock(1, started=values["started"]) as clock:
        call(values["arguments"])
    began = {"started": values["started"]}
    return {**began, "ended": clock.ended, "step_median": clock.step_median()}


def _encoder(values: dict[str, Any]) -> dict[str, Any]:
    from tests.benchmarks.shapes import write_random

    write_random(values["shape"], Path(values["directory"]))
    return {}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
