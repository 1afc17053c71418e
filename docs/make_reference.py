"""Writes the stage reference into docs/cli.md, from the stages and their options dataclasses.

python docs/make_reference.py
"""

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from xlit.cli import STAGES
from xlit.commands.flags import StageOptions

PAGE = Path(__file__).parent / "cli.md"
BEGIN = "<!-- the reference begins: made by docs/make_reference.py -->"
END = "<!-- the reference ends -->"
VALUES = {int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}


def reference() -> str:
    """The reference of every stage, in Markdown."""
    running = [
        "### Flags of every stage that makes artefacts",
        "",
        "None of these changes a result, so none of them enters an id.",
        "",
        *flag_table(StageOptions, list(fields(StageOptions))),
    ]
    return "\n".join([*running, *(line for stage in STAGES for line in stage_lines(stage))])


def stage_lines(stage: str) -> Iterator[str]:
    module = import_module(f"xlit.commands.{stage.replace('-', '_')}")
    options = getattr(module, "".join(word.title() for word in stage.split("-")) + "Options")
    shared = {entry.name for entry in fields(StageOptions)}
    publishes = issubclass(options, StageOptions)
    positional = [entry for entry in fields(options) if entry.metadata.get("positional")]
    flags = [
        entry
        for entry in fields(options)
        if entry not in positional and not (publishes and entry.name in shared)
    ]
    yield from ("", f"### {stage}", "", STAGES[stage], "", "```sh")
    yield from module.EXAMPLES
    yield "```"
    if positional:
        yield ""
    for entry in positional:
        yield f"`{entry.metadata['metavar']}`: {entry.metadata['help']}"
    if flags:
        yield ""
        yield from flag_table(options, flags)
    if publishes:
        yield ""
        yield "And the [flags of every stage](#flags-of-every-stage-that-makes-artefacts)."


def flag_table(options: type[Any], entries: list[Field[Any]]) -> list[str]:
    hints = get_type_hints(options)
    rows = ["| flag | default | meaning |", "| --- | --- | --- |"]
    for entry in entries:
        value = value_of(hints[entry.name])
        names = ", ".join(f"`{name}{value}`" for name in names_of(entry))
        meaning = entry.metadata["help"].replace("|", "\\|")
        if entry.metadata.get("env"):
            meaning += f" Also `{entry.metadata['env']}`."
        rows.append(f"| {names} | {default_of(entry)} | {meaning} |")
    return rows


def names_of(entry: Field[Any]) -> tuple[str, ...]:
    """The spellings of a flag, as `commands.flags` derives them."""
    return entry.metadata["names"] or ("--" + entry.name.rstrip("_").replace("_", "-"),)


def value_of(hint: Any) -> str:
    """What follows the flag: nothing for a switch, the choices in words for a Literal."""
    inner = [part for part in get_args(hint) if part is not type(None)]
    if get_origin(hint) is not Literal and len(inner) == 1:
        hint = inner[0]
    if hint is bool:
        return ""
    if get_origin(hint) is Literal:
        return " " + "\\|".join(str(choice) for choice in get_args(hint))
    return f" {VALUES[hint]}"


def default_of(entry: Field[Any]) -> str:
    if entry.default is MISSING or entry.default is ...:
        return "required"
    silent = entry.default is None or entry.default is False or entry.default == ""
    return "" if silent else f"`{entry.default}`"


def with_reference(page: str) -> str:
    """The page with a new reference between its markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_reference(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
