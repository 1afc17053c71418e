"""Options dataclasses, and the small adapter that makes a Typer command of one.

An option is written once, as a field: the command line, Python callers and the manifest's settings
take it from there.
"""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from xlit import console
from xlit.artefacts.root import use_root
from xlit.errors import ReaderGoneError, SignalledError, StoppedError, UsageError


def flag(
    default: Any, text: str, *names: str, panel: str | None = None, env: str | None = None
) -> Any:
    """A field that is a flag. Its name is the field's, with dashes, unless `names` are given."""
    about = {"help": text, "names": names, "panel": panel, "env": env}
    if callable(default):
        return field(default_factory=default, metadata=about)
    return field(default=default, metadata=about)


def argument(default: Any, text: str, *, metavar: str) -> Any:
    """A field that is a positional argument. A required one has the default `...`."""
    about = {"help": text, "metavar": metavar, "positional": True}
    if default is ...:
        return field(metadata=about)
    if callable(default):
        return field(default_factory=default, metadata=about)
    return field(default=default, metadata=about)


@dataclass(frozen=True, kw_only=True)
class StageOptions:
    """What every stage that publishes artefacts takes; nothing here changes a result."""

    runs: Path = flag(
        Path("runs"), "Run root: where artefacts live.", env="XLIT_RUNS", panel="Running"
    )
    force: bool = flag(False, "Make it again, as the next version.", panel="Running")
    dry_run: bool = flag(
        False, "Print what would be made, with its id, and whether it exists.", panel="Running"
    )
    share_device: bool = flag(
        False, "Do not wait for a GPU that another stage is using.", panel="Running"
    )
    quiet: bool = flag(False, "Say nothing on stderr but errors.", "--quiet", "-q", panel="Running")
    verbose: bool = flag(
        False, "Say more, also without a terminal.", "--verbose", "-v", panel="Running"
    )


@dataclass(frozen=True, kw_only=True)
class NamedStageOptions(StageOptions):
    """A stage whose artefact can be given a name; it is part of the path and not of the id."""

    name: str | None = flag(None, "Name of the artefact instead of the usual one.", panel="Running")

    def __post_init__(self) -> None:
        if self.name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", self.name):
            raise UsageError(f"--name {self.name!r}: letters, digits and . _ + - only")


@dataclass(frozen=True, kw_only=True)
class TalkOptions:
    """What the commands take that only print."""

    json: bool = flag(False, "Print JSON instead of text for people.")


def changed(options: Any, leave_out: Iterable[str] = ()) -> dict[str, Any]:
    """The options that differ from their defaults, as plain values; never those of running."""
    found = {}
    for entry in fields(options):
        value = getattr(options, entry.name)
        running = entry.metadata.get("panel") == "Running"  # changes no result
        if running or entry.name in leave_out or value == _default(entry):
            continue
        found[entry.name.rstrip("_")] = str(value) if isinstance(value, Path) else value
    return found


def _default(entry: Any) -> Any:
    if entry.default_factory is not MISSING:
        return entry.default_factory()
    return entry.default


def arguments_of(options: Any, leave_out: Iterable[str] = ()) -> list[str]:
    """The flags, as typed on a command line, that give these options; positionals are left out."""
    tokens = []
    for entry in fields(options):
        if entry.metadata.get("positional"):
            continue
        key = entry.name.rstrip("_")
        if key not in changed(options, leave_out):
            continue
        value = getattr(options, entry.name)
        name = _flag_names(entry)[0]
        if value is True:
            tokens.append(name)
        elif isinstance(value, (list, tuple)):
            tokens += [token for item in value for token in (name, str(item))]
        else:
            tokens += [name, str(value)]
    return tokens


def _flag_names(entry: Any) -> tuple[str, ...]:
    return entry.metadata["names"] or ("--" + entry.name.rstrip("_").replace("_", "-"),)


def as_command(options_class: type[Any], run: Callable[[Any], None]) -> Callable[..., None]:
    """A function that Typer makes a command of: one parameter a field, calling `run(options)`."""
    hints = get_type_hints(options_class)
    parameters = []
    for entry in fields(options_class):
        about = entry.metadata
        if about.get("positional"):
            info = typer.Argument(help=about["help"], metavar=about["metavar"], show_default=False)
        else:
            info = typer.Option(
                *_flag_names(entry),
                help=about["help"],
                rich_help_panel=about["panel"],
                envvar=about["env"],
                show_default=_default(entry) not in (None, False, "", []),
            )
        required = entry.default is MISSING and entry.default_factory is MISSING
        parameters.append(
            inspect.Parameter(
                entry.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if required else _default(entry),
                annotation=Annotated[hints[entry.name], info],
            )
        )

    def command(**values: Any) -> None:
        try:
            options = options_class(**values)
            console.set_volume(
                quiet=getattr(options, "quiet", False), verbose=getattr(options, "verbose", False)
            )
            use_root(getattr(options, "runs", None))
            run(options)
        # Click would make a silent 1 of the first, and an empty line of the second
        except BrokenPipeError:
            raise ReaderGoneError("the reader of stdout went away") from None
        except SignalledError as signal:
            raise StoppedError(
                f"stopped by {signal}",
                hint="nothing is lost that was published; the same command starts this one again",
            ) from None

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by Typer
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command
