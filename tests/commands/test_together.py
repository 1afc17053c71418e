"""What several processes do together, played by threads."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from xlit import device
from xlit.artefacts.store import Plan
from xlit.commands.together import claimed, held, publish, runs_of_first
from xlit.errors import InputError
from xlit.training.processes import Processes


class Threads(Processes):
    """One of several threads that stand for processes."""

    def __init__(self, rank: int, size: int, place: threading.Barrier, said: list[bytes]) -> None:
        self.rank, self.size = rank, size
        self._place, self._said = place, said

    def gather(self, data: bytes) -> list[bytes]:
        self._said[self.rank] = data
        self._place.wait(20)
        found = list(self._said)
        self._place.wait(20)
        return found

    def largest(self, number: int) -> int:
        return max(int(told) for told in self.gather(str(number).encode()))


def play(part: Callable[[Threads], object], size: int = 3) -> list[object]:
    """What each of the processes came to: its result, or what it raised."""
    place = threading.Barrier(size)
    said = [b""] * size
    results: list[object] = [None] * size

    def run(rank: int) -> None:
        try:
            results[rank] = part(Threads(rank, size, place, said))
        except Exception as problem:
            results[rank] = problem

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def plan_of(processes: Processes, seed: int = 0) -> Plan:
    return Plan("checkpoint", "train-target", 1, "toy", {"seed": seed})


def test_one_claims_and_publishes_and_all_have_the_path(tmp_path: Path) -> None:
    def part(processes: Threads) -> tuple[Path, bool]:
        with claimed(processes, plan_of(processes), tmp_path) as share:
            if share.done:
                return share.path, True
            (share.directory / "who").write_text(str(processes.rank))
            return publish(processes, share, {}), False

    made = play(part)
    path = next((tmp_path / "checkpoint").iterdir())
    assert made == [(path, False)] * 3
    assert (path / "who").read_text() == "0"
    assert sorted(file.name for file in path.iterdir()) == ["manifest.json", "who"]
    assert play(part) == [(path, True)] * 3


def test_processes_that_see_other_data_make_nothing(tmp_path: Path) -> None:
    def part(processes: Threads) -> None:
        with claimed(processes, plan_of(processes, seed=processes.rank // 2), tmp_path):
            pytest.fail("claimed")

    for problem in play(part):
        assert isinstance(problem, InputError)
        assert problem.message.startswith("rank 2 would make toy.")
    assert list(tmp_path.iterdir()) == []


def test_only_the_first_reads_and_all_have_what_it_read() -> None:
    lines = iter([["a", "b"], ["c"]])

    def part(processes: Threads) -> list[list[str]]:
        return list(runs_of_first(processes, lines))

    assert play(part) == [[["a", "b"], ["c"]]] * 3


def test_gpus_are_taken_in_one_order_by_all_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    @contextmanager
    def hold(where: torch.device, *, share: bool = False) -> Iterator[None]:
        taken.append(device.device_name(where))
        yield

    # there may be no GPU here, and never three
    monkeypatch.setattr(device, "device_name", lambda where: "cab"[where.index or 0])
    monkeypatch.setattr(device, "hold", hold)

    def part(processes: Threads) -> None:
        with held(processes, torch.device("cuda", processes.rank)):
            assert sorted(taken) == ["a", "b", "c"]

    assert play(part) == [None] * 3
    assert taken == ["a", "b", "c"]
