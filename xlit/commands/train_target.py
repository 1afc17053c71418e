"""Train an encoder or an intermediate checkpoint on a target task's English data.

xlit train-target xcopa --from runs/checkpoint/siqa.3fa9c1d07b2e
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xlit.commands.checkpoints import TrainOptions, make_checkpoint
from xlit.commands.flags import argument, flag
from xlit.commands.running import each, names_an_artefact, print_paths, stdin_runs
from xlit.commands.together import runs_of_first
from xlit.commands.train_intermediate import sort_inputs
from xlit.commands.training_inputs import Splits, load_input
from xlit.errors import UsageError

if TYPE_CHECKING:
    from xlit.training.processes import Processes

REVISION = 2
EXAMPLES = (
    "xlit train-target xnli --from e5-small",
    "xlit train-intermediate siqa --from e5-small | xlit train-target xcopa | xlit eval-xtreme",
    "xlit train-target xnli --from e5-small --limit 6000 --epochs 2",
)


@dataclass(frozen=True, kw_only=True)
class TrainTargetOptions(TrainOptions):
    """Train an encoder on the English data of a target task: a checkpoint with one head."""

    task: str = argument(..., "The target task: a name or a card (./my.toml).", metavar="TASK")
    data: str | None = flag(
        None, "Train on this data artefact instead of the card's training split; - is stdin."
    )


def train_target(options: TrainTargetOptions) -> Iterator[Path]:
    """The checkpoints, one a run."""
    from xlit.training.processes import started

    splits = Splits()
    with started() as processes:

        def one(line: list[str]) -> Path | None:
            with processes.together():
                return _one(options, processes, splits, *_inputs(options, line))

        if options.from_ and options.data != "-":
            made = one([])
            if made is not None:
                yield made
            return
        lines = stdin_runs("data to train on (--data)" if options.from_ else "an encoder (--from)")
        yield from each(one, runs_of_first(processes, lines))


def _inputs(options: TrainTargetOptions, line: list[str]) -> tuple[str | None, str]:
    """The data artefact, if any, and the encoder of one run."""
    data, encoders = sort_inputs(line)
    data += [options.data] if options.data not in (None, "-") else []
    encoders += [options.from_] if options.from_ else []
    if len(data) > 1 or len(encoders) > 1:
        raise UsageError(f"one encoder and one data artefact a run, not {' and '.join(line)}")
    if not encoders:
        raise UsageError("no encoder", hint="name one: --from e5-small")
    return (data[0] if data else None), encoders[0]


def _one(
    options: TrainTargetOptions,
    processes: "Processes",
    splits: Splits,
    data: str | None,
    encoder: str,
) -> Path | None:
    from xlit.tasks.card import find_card

    card = find_card(options.task)
    # a card that names no other task trains on itself, wherever it was found
    source = data or card.trains_on or options.task
    if data is not None and not names_an_artefact(data):
        raise UsageError(
            f"--data {data}: not a data artefact", hint=f"xlit subsample {data} makes one"
        )
    entry = load_input(options, splits, source, card)
    positional = [options.task, *(["--data", "{parent:data0}"] if entry.parent else [])]
    return make_checkpoint(
        options,
        stage="train-target",
        revision=REVISION,
        inputs=[entry],
        encoder=encoder,
        positional=positional,
        processes=processes,
    )


def run(options: TrainTargetOptions) -> None:
    print_paths(train_target(options))
