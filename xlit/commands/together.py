"""What a stage does where several processes make its artefact: one claims it, all work on it."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlit.errors import InputError, StoppedError

if TYPE_CHECKING:
    import torch

    from xlit.artefacts.store import Plan, Work
    from xlit.training.processes import Processes


@dataclass(frozen=True)
class Share:
    """What one process has of a claimed artefact.

    The first has the `work` itself, the others a `directory` of their own that is thrown away.
    `path` is where the artefact is, or will be, `saves` the folder for saves, which all see.
    """

    path: Path
    directory: Path
    done: bool
    saves: Path | None = None
    work: "Work | None" = None


def runs_of_first(processes: "Processes", runs: Iterable[list[str]]) -> Iterator[list[str]]:
    """The runs that the first process reads, a line of stdin each, on all of them."""
    if processes.size == 1:
        yield from runs
        return
    reader = iter(runs)
    while True:
        with processes.together():
            read = next(reader, None) if processes.first else None
            run = json.loads(processes.of_first(json.dumps(read).encode()))
        if run is None:
            return
        yield run


@contextmanager
def claimed(
    processes: "Processes", plan: "Plan", root: Path, *, force: bool = False, saves: bool = False
) -> Iterator[Share]:
    """`store.claim` by the first process; the others wait for its word.

    Raises InputError where the processes do not see the same run.
    """
    from xlit.artefacts.store import claim

    _hold_the_same(processes, plan)
    if not processes.first:
        path, done, kept = json.loads(processes.of_first())
        with tempfile.TemporaryDirectory(prefix="xlit-") as directory:
            yield Share(Path(path), Path(directory), done, Path(kept) if kept else None)
        return
    with claim(plan, root, force=force, saves=saves) as work:
        done = work.done is not None
        path = work.target if work.done is None else work.done.path
        word = [str(path), done, str(work.saves) if work.saves is not None else None]
        processes.of_first(json.dumps(word).encode())
        yield Share(path, work.directory, done, work.saves, work)


def _hold_the_same(processes: "Processes", plan: "Plan") -> None:
    """Raise InputError where the plans of the processes differ."""
    ids = [told.decode() for told in processes.gather(plan.id.encode())]
    for rank, other in enumerate(ids):
        if other != ids[0]:
            raise InputError(
                f"rank {rank} would make {plan.name}.{other} and rank 0 {plan.name}.{ids[0]}",
                hint="data, models and versions must be the same on all machines",
            )


def publish(processes: "Processes", share: Share, results: Any, **about: Any) -> Path:
    """Publish what the first process holds. None goes on before: what comes next may read it."""
    if share.work is not None:
        share.work.publish(results, **about)
    processes.wait()
    return share.path


@contextmanager
def held(processes: "Processes", where: "torch.device", *, share: bool = False) -> Iterator[None]:
    """`device.hold` for every process, in an order that two runs on the same GPUs have too: so
    neither waits for what the other holds."""
    import torch

    from xlit import device

    own = "" if where.type == "cpu" else device.device_name(where)
    names = [name.decode() for name in processes.gather(own.encode())]
    with ExitStack() as stack:
        for name in sorted(set(names)):
            if name == own and names.index(name) == processes.rank:
                stack.enter_context(device.hold(where, share=share))
            processes.wait()
        try:
            yield
        except torch.OutOfMemoryError as problem:
            raise StoppedError(
                "the GPU has not enough memory for this model",
                hint="a larger GPU, or --gradient-checkpointing",
            ) from problem
