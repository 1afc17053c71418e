"""Train an encoder on one or several intermediate tasks.

xlit subsample mnli --size 8000 | xlit train-intermediate --from e5-small
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xlit.commands.checkpoints import TrainOptions, make_checkpoint
from xlit.commands.flags import argument, flag
from xlit.commands.running import each, print_paths, split_list, stdin_runs
from xlit.commands.together import runs_of_first
from xlit.commands.training_inputs import Splits, load_input, load_texts_input, text_arguments
from xlit.errors import UsageError

if TYPE_CHECKING:
    from xlit.training.mixing import Mix
    from xlit.training.processes import Processes

REVISION = 2
MLM = "mlm"  # the task of --with-mlm; named as a task, it can be trained alone
EXAMPLES = (
    "xlit train-intermediate mnli --from e5-small",
    "xlit subsample mnli --sizes 500,2000 | xlit train-intermediate --from e5-small",
    "xlit train-intermediate mnli --from e5-small | xlit train-intermediate siqa",
    "xlit train-intermediate mnli siqa ./my.toml --from e5-small --mixing uniform",
    "xlit train-intermediate mnli --from e5-small --with-mlm 'texts/*.txt'",
)


@dataclass(frozen=True, kw_only=True)
class TrainIntermediateOptions(TrainOptions):
    """Train an encoder on one or several intermediate tasks: a checkpoint with one head a task."""

    tasks: list[str] = argument(
        list,
        "Tasks, cards or data artefacts of one run. If not given, read from stdin, a line a run.",
        metavar="[TASK...]",
    )
    mixing: Literal["proportional", "uniform", "temperature"] = flag(
        "proportional",
        "How often each of several tasks is drawn: by its rows up to --cap, all alike, or between.",
        panel="Several tasks",
    )
    cap: int = flag(
        2**17,
        "Rows above which a task weighs no more. It cuts no data: subsample and --limit do.",
        panel="Several tasks",
    )
    temperature: float = flag(
        2.0,
        "With --mixing temperature: 1 is proportional, a large one is uniform.",
        panel="Several tasks",
    )
    share_heads: bool = flag(
        False,
        "One head for all tasks of one kind with the same labels.",
        panel="Several tasks",
    )
    with_mlm: list[str] = flag(
        list,
        "Text files for masked language modelling beside the tasks: de.txt, sw=wiki.txt.gz, several"
        " with commas, or a quoted pattern.",
        panel="Several tasks",
    )
    mlm_exponent: float = flag(
        0.3,
        "Languages of --with-mlm are drawn in proportion to their sentences to the power of this.",
        panel="Several tasks",
    )
    train_lang: str | None = flag(
        None,
        "Language of the training rows, or several joined (en,de); dev stays English.",
        panel="Training",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("cap", "temperature"):
            if not 0 < getattr(self, option) < math.inf:
                raise UsageError(f"--{option} {getattr(self, option)}: not a number above 0")
        if self.temperature != 2.0 and self.mixing != "temperature":
            raise UsageError("--temperature is for --mixing temperature")
        if not 0 <= self.mlm_exponent <= 1:
            raise UsageError(f"--mlm-exponent {self.mlm_exponent}: not a number from 0 to 1")
        if self.mlm_exponent != 0.3 and not self.with_mlm:
            raise UsageError("--mlm-exponent is for --with-mlm")

    def languages(self) -> list[str]:
        """The languages of --train-lang; none for the card's own."""
        return [] if self.train_lang is None else split_list(self.train_lang, "--train-lang")


def train_intermediate(options: TrainIntermediateOptions) -> Iterator[Path]:
    """The checkpoints, one a run."""
    from xlit.training.processes import started

    options = _texts_apart(options)
    named = [task for task in options.tasks if task != "-"]
    splits = Splits()
    with started() as processes:

        def one(line: list[str]) -> Path | None:
            with processes.together():
                return _one(options, processes, splits, *_inputs(options, named, line))

        if named and options.from_ and "-" not in options.tasks:
            made = one([])
            if made is not None:
                yield made
            return
        lines = stdin_runs("an encoder (--from)" if named else "a task to train on")
        yield from each(one, runs_of_first(processes, lines))


def _texts_apart(options: TrainIntermediateOptions) -> TrainIntermediateOptions:
    """The options with all text files in `with_mlm`.

    A shell makes several arguments of `--with-mlm texts/*.txt`, of which the flag takes one.
    """
    texts = [task for task in options.tasks if task.endswith((".txt", ".txt.gz"))]
    if texts and not options.with_mlm:
        raise UsageError(f"{texts[0]} is no task", hint=f"--with-mlm {texts[0]} trains on text")
    tasks = [task for task in options.tasks if task not in texts]
    return dataclasses.replace(
        options, tasks=tasks, with_mlm=[*text_arguments(options.with_mlm), *texts]
    )


def _inputs(
    options: TrainIntermediateOptions, named: list[str], line: list[str]
) -> tuple[list[str], str]:
    """The tasks and the encoder of one run; what is piped in is told apart by its sort."""
    data, encoders = sort_inputs(line)
    encoders += [options.from_] if options.from_ else []
    if not encoders:
        raise UsageError("no encoder", hint="name one: --from e5-small")
    if len(encoders) > 1:
        raise UsageError(f"two encoders for one run: {' and '.join(encoders)}")
    if not named and not data:
        raise UsageError(f"nothing to train {encoders[0]} on", hint="name a task, or pipe data")
    return named + data, encoders[0]


def sort_inputs(line: list[str]) -> tuple[list[str], list[str]]:
    """The data and the encoders among a run's inputs."""
    from xlit.artefacts.store import open_artefact

    data: list[str] = []
    encoders: list[str] = []
    for item in line:
        if "/" not in item and not Path(item).is_dir():
            raise UsageError(f"stdin: {item!r} is not the path of an artefact")
        artefact = open_artefact(item, check=False)
        (data if artefact.manifest.sort == "data" else encoders).append(str(artefact.path))
    return data, encoders


def _one(
    options: TrainIntermediateOptions,
    processes: "Processes",
    splits: Splits,
    tasks: list[str],
    encoder: str,
) -> Path | None:
    languages = options.languages()
    if languages and set(tasks) == {MLM}:
        raise UsageError("--train-lang is for tasks: the texts of --with-mlm name their languages")
    inputs = [
        load_input(options, splits, task, languages=languages) for task in tasks if task != MLM
    ]
    if options.with_mlm:
        inputs.append(load_texts_input(options.with_mlm, options.mlm_exponent, options.limit))
    elif MLM in tasks:
        raise UsageError(f"{MLM} needs text", hint="--with-mlm de.txt,en.txt")
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
        mix=_mix(options, names),
        share_heads=options.share_heads,
        processes=processes,
    )


def _mix(options: TrainIntermediateOptions, names: list[str]) -> "Mix | None":
    """How the tasks are mixed. Raises UsageError where flags speak of several and there is one."""
    from xlit.training.mixing import CAP, Mix

    mix = Mix(options.mixing, options.cap, options.temperature)
    if len(names) > 1:
        return mix
    if (mix.how, mix.cap, options.share_heads) != ("proportional", CAP, False):
        raise UsageError(
            f"--mixing, --cap and --share-heads are for several tasks, and there is {names[0]}",
            hint="--limit, or xlit subsample, cuts data",
        )
    return None


def run(options: TrainIntermediateOptions) -> None:
    print_paths(train_intermediate(options))
