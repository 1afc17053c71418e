"""Train an encoder on one or several intermediate tasks.

xlit subsample mnli --size 8000 | xlit train-intermediate --from e5-small
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlit.commands.checkpoints import TrainOptions, load_input, make_checkpoint
from xlit.commands.flags import argument
from xlit.commands.running import each, looks_like_path, print_paths, stdin_runs
from xlit.errors import UsageError

REVISION = 1
EXAMPLES = (
    "xlit train-intermediate mnli --from e5-small",
    "xlit subsample mnli --sizes 500,2000 | xlit train-intermediate --from e5-small",
    "xlit train-intermediate mnli --from e5-small | xlit train-intermediate siqa",
)


@dataclass(frozen=True, kw_only=True)
class TrainIntermediateOptions(TrainOptions):
    """Train an encoder on one or several intermediate tasks: a checkpoint with one head a task."""

    tasks: list[str] = argument(
        list,
        "Tasks, cards or data artefacts of one run. If not given, read from stdin, a line a run.",
        metavar="[TASK...]",
    )


def train_intermediate(options: TrainIntermediateOptions) -> Iterator[Path]:
    """The checkpoints, one a run."""
    yield from each(lambda run: _one(options, *run), _runs(options))


def _runs(options: TrainIntermediateOptions) -> Iterator[tuple[list[str], str]]:
    """(tasks, encoder) of every run; what is piped in is told apart by its sort."""
    named = [task for task in options.tasks if task != "-"]
    if named and options.from_ and "-" not in options.tasks:
        yield named, options.from_
        return
    for line in stdin_runs("an encoder (--from)" if named else "a task to train on"):
        data, encoders = sort_inputs(line)
        encoder = options.from_ or (encoders[0] if encoders else None)
        if encoder is None:
            raise UsageError("no encoder", hint="name one: --from e5-small")
        if len(encoders) > (0 if options.from_ else 1):
            raise UsageError(f"two encoders for one run: {encoder} and {encoders[-1]}")
        if not named and not data:
            raise UsageError(
                f"nothing to train on with {encoder}", hint="name a task, or pipe data"
            )
        yield named + data, encoder


def sort_inputs(line: list[str]) -> tuple[list[str], list[str]]:
    """The data and the encoders among a run's inputs."""
    from xlit.artefacts.store import is_artefact, open_artefact

    data, encoders = [], []
    for item in line:
        if is_artefact(item) and open_artefact(item, check=False).manifest.sort == "data":
            data.append(item)
        elif looks_like_path(item):
            encoders.append(str(open_artefact(item, check=False).path))
        else:
            raise UsageError(f"stdin: {item!r} is not the path of an artefact")
    return data, encoders


def _one(options: TrainIntermediateOptions, tasks: list[str], encoder: str) -> Path | None:
    inputs = [load_input(options, task) for task in tasks]
    names = [entry.card.name for entry in inputs]
    if len(set(names)) < len(names):
        raise UsageError(f"a task occurs twice in one run: {', '.join(names)}")
    return make_checkpoint(
        options,
        stage="train-intermediate",
        revision=REVISION,
        inputs=inputs,
        encoder=encoder,
        positional=[
            f"{{parent:data{i}}}" if entry.parent else entry.typed for i, entry in enumerate(inputs)
        ],
    )


def run(options: TrainIntermediateOptions) -> None:
    print_paths(train_intermediate(options))
