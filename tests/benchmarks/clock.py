"""Time and memory of training steps, read at the one place that every contestant passes.

torch calls a hook after each step of each optimiser. xlit's loop and the Trainer are both timed by
it, neither knows of it, and neither is changed.
"""

import re
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from tests.benchmarks.profiling import grouped

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")


class Clock:
    """Begin with `with Clock(...) as clock:`; the numbers are there when training is done.

    On a GPU the times are those of events in its queue, so that no step waits to be timed.
    """

    def __init__(self, warm: int, *, started: float, profile: int = 0) -> None:
        self.warm = warm
        self.started = started
        self.first_step = 0.0
        self.peak_before = 0  # up to the first timed step
        self.peak_training = 0
        self.groups: dict[str, float] = {}
        self.others: dict[str, float] = {}
        self.ended: list[float] = []  # seconds since the epoch, of every step
        self._cuda = torch.cuda.is_available()
        self._wall: list[float] = []
        self._cpu: list[float] = []
        self._events: list[Any] = []
        self._steps_to_profile = profile
        self._profiler: Any = None
        self._profiled_from = (0.0, 0.0)

    def __enter__(self) -> "Clock":
        self._hook = register_optimizer_step_post_hook(self._stepped)
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()
        if self._profiler is not None:
            raise RuntimeError("training ended before all the steps to profile were done")

    @property
    def steps(self) -> int:
        """The steps that were timed."""
        return max(0, len(self._wall) - self.warm)

    def seconds(self) -> float:
        """Wall clock from the end of the last warm-up step to that of the last step."""
        return sum(self._durations())

    def cpu_seconds(self) -> float:
        return self._cpu[-1] - self._cpu[self.warm - 1] if self.steps else 0.0

    def step_median(self) -> float:
        durations = sorted(self._durations())
        return durations[len(durations) // 2] if durations else 0.0

    def peak(self) -> int:
        """The largest memory of the process so far, in bytes."""
        return max(self.peak_before, self.peak_training, self._memory())

    def _durations(self) -> list[float]:
        if self._cuda:
            torch.cuda.synchronize()
            marks = self._events[self.warm - 1 :]
            return [one.elapsed_time(other) / 1000 for one, other in pairwise(marks)]
        return [after - before for before, after in pairwise(self._wall[self.warm - 1 :])]

    def _stepped(self, *_: object) -> None:
        if self._cuda:
            event: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch's own
            event.record()
            self._events.append(event)
        self._wall.append(time.perf_counter())
        self._cpu.append(time.process_time())
        self.ended.append(time.time())
        done = len(self._wall)
        if done == 1:
            if self._cuda:
                torch.cuda.synchronize()
            self.first_step = time.time() - self.started
        if done == self.warm:
            self._forget_peak()
            if self._steps_to_profile:
                self._begin_profile()
        elif done > self.warm:
            self.peak_training = self._memory()
        if self._profiler is not None and done == self.warm + self._steps_to_profile:
            self._end_profile()

    def _memory(self) -> int:
        if self._cuda:
            return torch.cuda.max_memory_allocated()
        return peak_resident()

    def _forget_peak(self) -> None:
        self.peak_before = self._memory()
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
        elif RESET.exists():
            RESET.write_text("5")  # the peak of the resident memory (man 5 proc)

    def _begin_profile(self) -> None:
        activities = [torch.profiler.ProfilerActivity.CPU]
        if self._cuda:
            activities.append(torch.profiler.ProfilerActivity.CUDA)
        self._profiler = torch.profiler.profile(activities=activities)
        self._profiler.__enter__()
        self._profiled_from = (time.perf_counter(), time.process_time())

    def _end_profile(self) -> None:
        if self._cuda:
            torch.cuda.synchronize()
        took = time.perf_counter() - self._profiled_from[0]
        profiler, self._profiler = self._profiler, None
        profiler.__exit__(None, None, None)
        self.groups, self.others = grouped(profiler.events(), took, cuda=self._cuda)


def peak_resident() -> int:
    """The peak of this process's resident memory in bytes, 0 where the system does not tell.

    Not `getrusage`: its peak is passed on to a child process, this one belongs to the program.
    """
    if not STATUS.exists():
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", STATUS.read_text(encoding="utf-8"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
