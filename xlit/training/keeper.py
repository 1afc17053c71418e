"""Saving a run while it goes on, stopping it when a signal asks, and taking it up again."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from xlit import console, device
from xlit.artefacts.manifest import environment
from xlit.errors import DamagedError, SignalledError, StoppedError
from xlit.training.interval import Interval, Saving
from xlit.training.processes import Processes
from xlit.training.saves import Save, Saves
from xlit.training.state import (
    State,
    as_tensors,
    as_values,
    optimiser_steps,
    restore,
    shapes,
    trained,
)
from xlit.training.stopping import Stop, listening
from xlit.training.task import TrainTask

GO_ON, SAVE, STOP = range(3)
WORTH_SAVING = 60.0  # seconds of work


class Keeper:
    """Keeps what a run has come to: `state`, and what is trained. Without a `saving` it keeps
    nothing, and signals do what they do elsewhere.

    Where several processes train together they save and stop at the same step, and only the first
    writes: all must see its folder.
    """

    def __init__(
        self,
        saving: Saving | None,
        state: State,
        tasks: Sequence[TrainTask],
        optimiser: torch.optim.Optimizer,
        *,
        log: Path,
        where: torch.device,
        processes: Processes,
    ) -> None:
        self.state = state
        self._saves = Saves(saving.folder, log) if saving is not None else None
        self._every = saving.every if saving is not None else Interval()
        self._optimiser = optimiser
        self._parameters = trained(tasks)
        self._made_by = made_by(where)
        self._processes = processes
        self._stop = Stop()
        self._saved, self._saved_at = 0, monotonic()  # the step of the last save, and when

    def resume(self) -> int:
        """Take the run up at its newest save that is whole. Gives the bytes that its log has until
        there; 0 for a run that begins.

        Says where it goes on, and why its numbers may not be those of an undisturbed run.
        """
        if self._saves is None:
            return 0
        logged = 0
        for save in self._saves.whole() if self._processes.first else ():
            if reason := self._take_up(save):
                save.refuse(reason)
                continue
            self._tell(save)
            logged = save.log
            break
        step = self._processes.largest(self._saved)
        if step != self._saved and (reason := self._take_up(self._saves.at(step))):
            # the first process used it: what one does with it all must do
            raise DamagedError(f"the save of step {step} cannot be used: {reason}")
        return logged

    def _take_up(self, save: Save) -> str:
        """Give the run the state of a save. Gives the reason where it is not one of this run."""
        tensors, best = save.tensors(), save.best_tensors()
        if reason := self._misfit(save, tensors, best):
            return reason
        restore(self.state, self._parameters, self._optimiser, save.values, tensors, best)
        self._saved = save.step
        return ""

    def _tell(self, save: Save) -> None:
        console.always(f"going on from step {save.step}")
        if changes := differences(save.made_by, self._made_by):
            console.always(
                "the last digits may differ from those of an undisturbed run: step"
                f" {save.step} was saved with {', '.join(changes)}"
            )

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let signals ask for a stop while the block runs."""
        with listening(listens=self._saves is not None) as self._stop:
            self._saved_at = monotonic()
            yield

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """For work that is repeated when the run goes on: a signal ends it where it is, and the
        last step is saved. Raises StoppedError then."""
        if self._processes.size > 1:  # the others would wait for this process
            yield
            return
        try:
            with self._stop.at_once():
                yield
        except SignalledError:
            self._save()
            raise self._stopped() from None

    def save_or_stop(self) -> None:
        """Save if it is time to. Where a signal has asked to stop, save and raise StoppedError."""
        if self._saves is None:
            return
        due = self._every.is_over(self.state.step - self._saved, monotonic() - self._saved_at)
        decision = STOP if self._stop.signal else SAVE if due else GO_ON
        decision = self._processes.largest(decision)
        if decision != GO_ON:
            self._save()
        if decision == STOP:
            raise self._stopped()

    def save_end(self) -> None:
        """Save the last step, unless the last save is a minute old at most: what comes now, writing
        the files, can be stopped too.

        Where there is no room for it the run ends without.
        """
        late = int(monotonic() - self._saved_at > WORTH_SAVING)
        if self._saves is None or not self._processes.largest(late):
            return
        try:
            self._save()
        except (OSError, SafetensorError) as problem:
            console.notice(f"the last step was not saved: {problem}")
            self._processes.wait()  # the others do, as only the first writes

    def _save(self) -> None:
        state, best = self.state, self.state.best
        if self._saves is None or state.step == self._saved:
            return
        if self._processes.first:
            self._saves.write(
                as_values(state, optimiser_steps(self._parameters, self._optimiser)),
                as_tensors(state, self._parameters, self._optimiser),
                (best.step, best.parameters),
                self._made_by,
            )
        self._processes.wait()  # nobody goes on, or leaves, before it is written
        self._saved, self._saved_at = state.step, monotonic()

    def _stopped(self) -> StoppedError:
        return StoppedError(
            f"stopped by {self._stop.signal or 'a signal to another process'}",
            hint=f"step {self._saved} is saved: the same command goes on from there"
            if self._saved
            else "the same command starts this one again",
        )

    def _misfit(self, save: Save, tensors: Mapping[str, Tensor], best: Mapping[str, Tensor]) -> str:
        """Why a whole save is not one of this run; empty if it is."""
        unknown = save.values["optimiser_steps"].keys() - self._parameters.keys()
        if unknown:
            return f"this run does not train {min(unknown)}"
        expected = shapes(self.state, self._parameters, save.values)
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        odd = {name for name, _ in found.items() ^ expected.items()}
        own = {name: tuple(value.shape) for name, value in self._parameters.items()}
        odd |= {name for name, tensor in best.items() if own.get(name) != tuple(tensor.shape)}
        return f"{min(odd)} has another shape in this run, or is not in it" if odd else ""


def made_by(where: torch.device) -> dict[str, Any]:
    """What the last digits of a number depend on."""
    about = environment(
        device=device.describe(where), processor=processor(), threads=torch.get_num_threads()
    )
    return {**about.pop("packages"), **{key: about[key] for key in about if key != "cpus"}}


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's model, where the system tells."""
    if not cpuinfo.exists():
        return ""
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is not as it was, for people."""
    return [
        f"{name} {then.get(name, 'none')} (now {now.get(name, 'none')})"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]
