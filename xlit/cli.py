"""The command line: names every stage and loads the one that is asked for.

A stage is one file in `commands/` and one line here. The help page of all stages is made from this
table alone, so it costs what an empty app's costs.
"""

import difflib
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from xlit import __version__, torchrun
from xlit.errors import UsageError

STAGES = {
    "fetch": "Bring the data of a task, or a model, to a local artefact, once.",
    "subsample": "Cut nested training subsets of a task, one data artefact a size and seed.",
    "train-intermediate": "Train an encoder on one or several intermediate tasks.",
    "train-target": "Train an encoder on a target task's English data.",
    "eval-xtreme": "Evaluate checkpoints on their task in every language, zero-shot.",
    "encode": "Encode text or a task's sides to vectors, in memory-mapped shards.",
    "retrieve": "Score an encoder on Tatoeba or BUCC, or mine one's own sentences.",
    "cut": "Cut mined pairs again: another threshold or margin, without searching.",
    "score": "Score a submission folder as the official evaluator does.",
    "report": "Tables of results, per language, with differences from a baseline.",
    "tasks": "List the tasks and which of their data is at hand.",
    "show": "Show an artefact and its lineage, or the command that makes it again.",
    "verify": "Hold artefacts against their checksums.",
    "doctor": "Look at this machine and say what stands in the way.",
}
SPREAD = ("train-intermediate", "train-target")  # those that torchrun can run in several processes
HELP_FLAGS = {"help_option_names": ["-h", "--help"]}


class Stages(TyperGroup):
    """The stages by name; one is imported when it is to run, or when its own help is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(STAGES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in STAGES:
            return None
        return TyperCommand(cmd_name, help=STAGES[cmd_name])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in STAGES:
            if torchrun.place().size > 1 and args[0] not in SPREAD:
                raise UsageError(f"{args[0]} is one process", hint="run it without torchrun")
            return args[0], load_stage(args[0]), args[1:]
        near = difflib.get_close_matches(args[0], STAGES, n=1) if args else []
        if near:
            raise UsageError(f"there is no stage {args[0]!r}: did you mean {near[0]}?")
        return super().resolve_command(ctx, args)


def load_stage(name: str) -> Any:
    """The command of a stage, its flags made from its options dataclass."""
    from xlit.commands.flags import as_command

    module = import_module(f"xlit.commands.{name.replace('-', '_')}")
    options = getattr(module, "".join(word.title() for word in name.split("-")) + "Options")
    examples = "\n".join(f"  {example}" for example in module.EXAMPLES)
    single = typer.Typer(add_completion=False, rich_markup_mode="rich", context_settings=HELP_FLAGS)
    single.command(name, help=f"{STAGES[name]}\n\n[bold]Examples[/bold]\n\n\b\n{examples}")(
        as_command(options, module.run)
    )
    return typer.main.get_command(single)


app = typer.Typer(
    cls=Stages,
    help="Cross-lingual intermediate training: English intermediate tasks, zero-shot transfer.\n\n"
    "\b\n"
    "  xlit subsample mnli --size 8000 | xlit train-intermediate --from e5-small |\n"
    "  xlit train-target xnli | xlit eval-xtreme | xlit report",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings=HELP_FLAGS,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"xlit {__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and exit.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Only `--version` holds for every stage."""
