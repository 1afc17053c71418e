"""What a benchmark run is, what is measured of it, and the JSON file of both.

Nothing here imports torch: the parent process stays small, and a child's numbers are its own.
"""

import json
import os
import platform
import shlex
import sys
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FORMAT = 1
PACKAGES = (
    "xlit",
    "torch",
    "transformers",
    "accelerate",
    "tokenizers",
    "datasets",
    "numpy",
    "sentence-transformers",
    "faiss-cpu",
    "faiss-gpu-cu12",
)
THREADS = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "MKL_NUM_THREADS", "MALLOC_CONF", "LD_PRELOAD")

DEFAULTS = "trainer"
BEST = "trainer-best"
OURS = "xlit"


@dataclass(frozen=True)
class Run:
    """One training run of one contestant, in a process of its own.

    `contestant` is `trainer`, `trainer-best` or `xlit`; flags of the training stage may stand
    behind `xlit`. `task` is a card's name or file. `rows` counts training rows, `dev` those that
    the trained model is scored on, 0 for none. The first `warm` steps are not timed. With
    `profile` that many steps behind them are profiled, and nothing of such a run is a timing.
    """

    contestant: str
    workload: str
    task: str
    encoder: str
    rows: int
    epochs: float = 1
    seed: int = 0
    batch_size: int = 32
    max_length: int | None = None
    learning_rate: float | None = None
    dev: int = 0
    warm: int = 10
    profile: int = 0
    round: int = 0

    @property
    def sort(self) -> str:
        return shlex.split(self.contestant)[0]

    @property
    def flags(self) -> list[str]:
        return shlex.split(self.contestant)[1:]


@dataclass
class Measured:
    """What one run gave. Bytes, seconds, percent; an example is a row, of span QA a window.

    `first_step` is the time from the start of the process to the end of the first step.
    `peak_training` is the largest memory between the first and the last timed step, and
    `peak` that of the whole process up to the end of training: resident on a CPU, allocated on
    a GPU. `padding` is the share of the computed pieces that are padding, where it is known.
    """

    examples: int = 0  # timed
    steps: int = 0  # timed
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    tokens: int = 0  # of the timed examples, padding not counted
    tokens_each: float = 0.0  # of an example, mean over all of the run's
    padding: float | None = None
    first_step: float = 0.0
    step_median: float = 0.0
    peak_training: int = 0
    peak: int = 0
    score: float | None = None
    metric: str = ""
    loss: float | None = None
    device: str = ""
    threads: int = 0
    load: float = 0.0  # of the machine, over the minute before
    tokens_profiled: int = 0
    groups: dict[str, float] = field(default_factory=dict)  # seconds of the profiled steps
    others: dict[str, float] = field(default_factory=dict)  # the largest ops of no group

    @property
    def rate(self) -> float:
        """Examples of the mean length a second.

        Which examples fall into the warm-up differs between contestants, and with batches of one
        length it matters: so the pieces are counted and divided by those of a mean example.
        """
        return self.tokens / self.tokens_each / self.seconds if self.seconds else 0.0

    @property
    def examples_profiled(self) -> float:
        """Examples of the mean length in the profiled steps."""
        return self.tokens_profiled / self.tokens_each


@dataclass
class Limits:
    """The work of an example and the machine's speed at it, of one round.

    `flops` are those of the matrix products of one example, forward and backward. `least` leaves
    out what the last layer computes for nobody, where the head reads the first token alone.
    Speeds are in FLOP a second: `products` by precision, over the shapes of the model, weighted by
    their FLOPs; `peak` is the maker's figure, of a GPU known by name.
    """

    workload: str
    flops: float
    least: float
    tokens: float  # pieces of an example
    products: dict[str, float]
    peak: float | None = None
    device: str = ""
    round: int = 0


@dataclass(frozen=True)
class Trial:
    """One contestant's timed work on `size` sentences, or vectors a side, in a round.

    `bench` is `encode`, `flat` or `mine`. `peak` is the memory in bytes that the work had beyond
    what the process had before it: its result (of `result` bytes) and whatever it needed meanwhile,
    resident on a CPU, allocated by torch on a GPU. `tokens` are those of the sentences, padding not
    counted. `steps` are the seconds of its parts, where there are some.
    """

    bench: str
    contestant: str
    size: int
    round: int
    seconds: float
    cpu_seconds: float
    peak: int
    tokens: int = 0
    result: int = 0
    steps: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """What a contestant found, held against what another did.

    `values` are told as they are; `details` are in the file alone.
    """

    bench: str
    contestant: str
    against: str
    size: int
    holds: bool
    values: dict[str, float]
    details: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ceiling:
    """The products of the work of a round, and the machine's speed at them in that round.

    `flops` are all that the work needs, padding left out, `products` FLOP/s by precision, `peak`
    the maker's figure of a GPU known by name.
    """

    bench: str
    size: int
    round: int
    flops: float
    products: dict[str, float]
    peak: float | None = None
    device: str = ""


@dataclass(frozen=True)
class Profile:
    """Seconds by kind of work; `others` are the largest ops of no kind."""

    bench: str
    contestant: str
    size: int
    groups: dict[str, float]
    others: dict[str, float]


@dataclass
class Benchmark:
    """Everything of one call, or of several joined."""

    machine: dict[str, Any] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    runs: list[tuple[Run, Measured]] = field(default_factory=list)
    limits: list[Limits] = field(default_factory=list)
    starts: list[dict[str, Any]] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    ceilings: list[Ceiling] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)

    @property
    def next_round(self) -> int:
        """A round's number is its own in the whole benchmark, for ratios are taken within one."""
        rounds = [run.round for run, _ in self.runs] + [trial.round for trial in self.trials]
        return 1 + max(rounds, default=-1)

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "machine": self.machine,
            "commands": self.commands,
            "runs": [
                {"run": asdict(run), "measured": {**asdict(got), "rate": got.rate}}
                for run, got in self.runs
            ],
            "limits": [asdict(limits) for limits in self.limits],
            "starts": self.starts,
            "trials": [asdict(trial) for trial in self.trials],
            "checks": [asdict(check) for check in self.checks],
            "ceilings": [asdict(ceiling) for ceiling in self.ceilings],
            "profiles": [asdict(profile) for profile in self.profiles],
        }

    def save(self, path: Path) -> None:
        """Write whole or not at all: a benchmark that is stopped keeps its finished runs."""
        partial = path.with_name(f"{path.name}.partial")
        partial.write_text(json.dumps(self.as_json(), indent=1) + "\n", encoding="utf-8")
        partial.replace(path)


def read(path: Path) -> Benchmark:
    """A saved benchmark."""
    values = json.loads(path.read_text(encoding="utf-8"))
    if values.get("format") != FORMAT:
        raise SystemExit(f"{path}: not a benchmark of format {FORMAT}")
    runs = []
    for entry in values["runs"]:
        measured = dict(entry["measured"])
        measured.pop("rate")
        runs.append((Run(**entry["run"]), Measured(**measured)))
    return Benchmark(
        machine=values["machine"],
        commands=values["commands"],
        runs=runs,
        limits=[Limits(**limits) for limits in values["limits"]],
        starts=values["starts"],
        # files of before encoding and mining were measured have none of these
        trials=[Trial(**trial) for trial in values.get("trials", [])],
        checks=[Check(**check) for check in values.get("checks", [])],
        ceilings=[Ceiling(**ceiling) for ceiling in values.get("ceilings", [])],
        profiles=[Profile(**profile) for profile in values.get("profiles", [])],
    )


def join(parts: list[Benchmark]) -> Benchmark:
    """Several benchmarks of one machine as one; the rounds of a later one are numbered on."""
    whole = Benchmark(machine=parts[0].machine)
    for part in parts:
        if part.machine != whole.machine:
            raise SystemExit("these were measured on different machines, or with other versions")
        start = whole.next_round
        whole.commands += part.commands
        whole.runs += [(replace(run, round=run.round + start), got) for run, got in part.runs]
        whole.limits += [replace(one, round=one.round + start) for one in part.limits]
        whole.starts += part.starts
        whole.trials += [replace(one, round=one.round + start) for one in part.trials]
        whole.checks += part.checks
        whole.ceilings += [replace(one, round=one.round + start) for one in part.ceilings]
        whole.profiles += part.profiles
    return whole


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory, system, versions and the variables that set the threads."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "environment": {name: os.environ[name] for name in THREADS if name in os.environ},
    }


def this_command() -> str:
    return shlex.join(["python", "-m", "tests.benchmarks", *sys.argv[1:]])


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
