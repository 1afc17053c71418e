"""What a run sends to TensorBoard or Weights & Biases, where `--track` asks for it.

Neither is part of xlit: the packages are imported when a run begins that wants them. What they are
told is what `log.jsonl` and the live line have. They change no result, and where one fails in the
middle of a run, the run goes on without it.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from xlit import console
from xlit.errors import MissingError, UsageError

FOLDER = ".track"
"""Below the run root, a folder a run: what is made for a tracker is no part of the artefact."""


class Tracker(Protocol):
    """One run in one tracker, open from its first step, or from where it goes on."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers that belong to step number `step`, from 1."""

    def close(self, exit_code: int) -> None:
        """The run ends, with 0 if all went well."""


@dataclass(frozen=True)
class TrackedRun:
    """A run as a tracker knows it: the same `id`, whenever the same command goes on."""

    name: str
    id: str
    directory: Path
    about: Mapping[str, Any] = field(default_factory=dict)


class TensorBoard:
    """Event files in the run's directory: `tensorboard --logdir RUNS/.track`."""

    def __init__(self, run: TrackedRun, done: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # an extra, slow to import

        # what an earlier process wrote of the steps to come is not shown
        self._writer: Any = SummaryWriter(
            log_dir=str(run.directory), purge_step=done + 1, flush_secs=30
        )
        if not done:
            text = json.dumps(run.about, ensure_ascii=False, indent=1)
            self._writer.add_text("about", f"```json\n{text}\n```", 0)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self, exit_code: int) -> None:
        self._writer.close()


class WandB:
    """A run of Weights & Biases; with `WANDB_MODE=offline` in the run's directory alone."""

    def __init__(self, run: TrackedRun, done: int) -> None:
        import wandb  # an extra

        self._run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "xlit"),
            id=run.id,
            name=run.name,
            resume="allow",
            dir=run.directory,
            config=dict(run.about),
            # stdout is for results; and nothing is sent but what is logged here
            settings=wandb.Settings(
                console="off", silent=True, disable_git=True, disable_code=True
            ),
        )
        if not self._run.offline:
            console.notice(f"wandb: {self._run.url}")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        # its steps only go up: of those that an earlier process sent, the first stay
        self._run.log(dict(values), step=step)

    def close(self, exit_code: int) -> None:
        self._run.finish(exit_code=exit_code)


@dataclass(frozen=True)
class _Known:
    open: Callable[[TrackedRun, int], Tracker]
    package: str


TRACKERS: Mapping[str, _Known] = {
    "tensorboard": _Known(TensorBoard, "tensorboard"),
    "wandb": _Known(WandB, "wandb"),
}


def tracker_names(text: str) -> tuple[str, ...]:
    """The trackers of `--track`. Raises UsageError for an unknown one, and MissingError for one
    whose package is not installed."""
    names = tuple(dict.fromkeys(item.strip() for item in text.split(",")))
    for name in names:
        if name not in TRACKERS:
            raise UsageError(
                f"--track {text}: {name!r} is no tracker", hint=f"known: {', '.join(TRACKERS)}"
            )
        package = TRACKERS[name].package
        found = find_spec(package)
        # a folder that is only called so, as wandb makes one, has no origin
        if found is None or found.origin is None:
            raise MissingError(
                f"--track {name}: the package {package} is not installed",
                hint=f"pip install {package}, or both trackers with pip install 'xlit[track]'",
            )
    return names


class Trackers:
    """The trackers of one run; with none of them everything here does nothing."""

    def __init__(self, names: Sequence[str] = (), run: TrackedRun | None = None) -> None:
        self._names, self._run = tuple(names) if run is not None else (), run
        self._open: dict[str, Tracker] = {}

    @contextmanager
    def following(self, done: int) -> Iterator[None]:
        """Open while the block trains from step `done` on. Raises UsageError where one of them
        cannot be opened."""
        exit_code = 1
        try:
            for name in self._names:
                self._open[name] = self._opened(name, done)
            yield
            exit_code = 0
        except BaseException as problem:
            exit_code = getattr(problem, "exit_code", 1)
            raise
        finally:
            for name in list(self._open):
                self._safely(name, lambda tracker: tracker.close(exit_code))
            self._open.clear()

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name in list(self._open):
            self._safely(name, lambda tracker: tracker.log(step, values))

    def _opened(self, name: str, done: int) -> Tracker:
        assert self._run is not None  # else there are no names
        self._run.directory.mkdir(parents=True, exist_ok=True)
        try:
            return TRACKERS[name].open(self._run, done)
        except Exception as problem:  # whatever another's library raises
            hint = "WANDB_MODE=offline needs no network and no login" if name == "wandb" else ""
            raise UsageError(f"--track {name}: it cannot begin: {problem}", hint=hint) from problem

    def _safely(self, name: str, use: Callable[[Tracker], None]) -> None:
        """Use a tracker, and give it up where that fails: a run is worth more than its picture."""
        try:
            use(self._open[name])
        except Exception as problem:  # whatever another's library raises
            del self._open[name]
            console.always(f"--track {name}: given up, the run goes on without it: {problem}")
