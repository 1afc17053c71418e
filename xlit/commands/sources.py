"""What `encode` encodes: a text, or the sides of a task, and what the manifest says of it."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlit.commands.running import input_artefact, languages, names_an_artefact, split_list
from xlit.errors import InputError, UsageError

if TYPE_CHECKING:
    from xlit.artefacts.store import Artefact
    from xlit.commands.encode import EncodeOptions
    from xlit.retrieval.texts import SpooledText, TextFile, Texts
    from xlit.tasks.sources import Split


LONGEST_STEM = 80  # characters, of the 255 bytes that a directory's name may have


@dataclass(frozen=True)
class Source:
    """What becomes one artefact: texts, and what the manifest says of them.

    `options` are those that give this one alone; `settings` is what the texts are besides data.
    """

    name: str
    texts: "Texts"
    options: "EncodeOptions"
    data: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    parent: "Artefact | None" = None


def sources_of(options: "EncodeOptions") -> list[Source]:
    """What there is to encode. Raises UsageError where nothing of the task fits the flags."""
    if options.task is None:
        return [_text(options)]
    from xlit.evaluation.languages import load_splits
    from xlit.tasks.card import find_card
    from xlit.tasks.fetched import is_fetched_data
    from xlit.tasks.stored import load_stored

    if names_an_artefact(options.task):
        if options.split is not None or options.lang != "all":
            raise UsageError("--split and --lang are for a card: a data artefact has one of each")
        parent = input_artefact(options.task, "data")
        if is_fetched_data(parent):
            raise UsageError(
                f"{options.task} holds a whole task",
                hint=f"--task {parent.manifest.settings['task']} finds what was fetched",
            )
        return _sides(options, load_stored(parent.path), parent)
    named = languages(options.lang)
    splits = load_splits(find_card(options.task), named, options.split)
    return [source for split in splits for source in _sides(options, split, None)]


def _text(options: "EncodeOptions") -> Source:
    import sys

    from xlit.retrieval.texts import text_record

    path = options.text or Path("-")
    if str(path) == "-" and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("a text is missing", hint="--text FILE, or pipe it in")
    text = named_text(path, "--text", options.runs)
    return Source(stem_of(path), text, replace(options, text=path), text_record(text))


def named_text(path: Path, flag: str, room: Path) -> "TextFile | SpooledText":
    """The text at `path`, of stdin where that is `-`; what is piped is kept below `room` for as
    long as the process lives."""
    import sys

    from xlit.retrieval.texts import open_text, spooled

    if str(path) != "-":
        return open_text(path, flag, room)
    if sys.stdin is None:
        raise InputError("closed: a text was expected here", path="stdin")
    return spooled(sys.stdin.buffer, "stdin", room)


def stem_of(path: Path) -> str:
    """A text's own name, as far as an artefact's name can hold it, and no longer than leaves room
    for the rest of that; a pipe has none."""
    if not path.is_file():
        return "text"
    name = path.name.removesuffix(".gz").removesuffix(".txt")
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", name)[:LONGEST_STEM].strip("-.") or "text"


def _sides(options: "EncodeOptions", split: "Split", parent: "Artefact | None") -> list[Source]:
    from xlit.retrieval.texts import sides_of

    sides = sides_of(split)
    asked = list(sides) if options.side == "all" else split_list(options.side, "--side")
    if unknown := [name for name in asked if name not in sides]:
        raise UsageError(
            f"--side {unknown[0]}: {split.card.name} has no such side",
            hint=f"it has {', '.join(sides)}",
        )
    sources = []
    for side in asked:
        card, length = split.card, options.max_length
        if card.ranking is not None:
            of_side = (
                card.ranking.query_length if side == "query" else card.ranking.candidate_length
            )
            length = min(length, of_side)
        one = replace(options, side=side, max_length=length)
        if parent is None:
            one = replace(one, lang=split.language)
        sources.append(
            Source(
                name=f"{card.name}-{split.language}-{side}",
                texts=sides[side],
                options=one,
                data={**split.record.as_json(), "licence": card.licence},
                settings={"side": side},
                parent=parent,
            )
        )
    return sources
