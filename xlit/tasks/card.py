"""The card of a task: a TOML file that says what it is, where its rows lie and how to read them.

A new data set is a new card and no code. `xlit/tasks/cards/` has the built-in ones; a path to one's
own works wherever a name does.
"""

import difflib
import re
import tomllib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from xlit.errors import InputError, MissingError, UsageError
from xlit.tasks.card_checks import check_card
from xlit.tasks.explain import explain
from xlit.tasks.fields import Schema
from xlit.tasks.freeze import canonical_freeze
from xlit.tasks.layout import CardsSource, SplitCard
from xlit.tasks.toml import write_toml

KindName = Literal[
    "classification", "multiple_choice", "span_qa", "tagging", "bitext", "mlm", "ranking"
]
MetricName = Literal[
    "accuracy",
    "chunk_f1",
    "token_accuracy",
    "squad",
    "squad_v2",
    "mlqa",
    "tatoeba",
    "bucc",
    "map@20",
    "map",
    "mrr",
    "perplexity",
]
RecipeName = Literal["jiant", "xtreme", "small"]
# a language stands in paths, so it can hold no separator
LanguageName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class RecipeCard(Schema):
    """What a card changes in a recipe; `recipes.Recipe` says what each value means."""

    learning_rate: float | None = None
    epochs: float | None = None
    min_steps: int | None = None
    batch_size: int | None = None
    max_length: int | None = None
    stride: int | None = None
    question_length: int | None = None
    warmup: float | None = None
    warmup_steps: int | None = None
    weight_decay: float | None = None
    clip: float | None = None
    patience: int | None = None
    eval_rows: int | None = None
    eval_every: int | None = None
    keep: Literal["best", "last"] | None = None
    freeze: Annotated[str, AfterValidator(canonical_freeze)] | None = None
    adam_epsilon: float | None = None


class BitextCard(Schema):
    """How a bitext task is evaluated. The target side is the English one.

    `tune` is the split on which the mining threshold for another split is fitted.
    """

    evaluation: Literal["accuracy", "mining"]
    tune: str | None = None


class RankingCard(Schema):
    """How a ranking task is evaluated: the pieces that queries and candidates are cut to."""

    query_length: Annotated[int, Field(ge=8)]
    candidate_length: Annotated[int, Field(ge=8)]


class Card(Schema):
    """A task. `sizes` counts the full set's rows, so that a part shows: for bitext gold pairs, for
    ranking queries.

    `original` names the card (itself, where it has English) whose English rows of the same split
    this one's rows are translations of: who has seen the original has seen the translation.
    `by_way_of` names tasks whose training is a step of this one's own protocol, as SIQA is of
    XCOPA's: a suite looks past them for the intermediate training that is studied.

    `labels_from` names the split whose tags are the labels, where they are too many to list; the
    card of loaded rows has them in `labels`.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    kind: KindName
    summary: str
    licence: str
    citation: str
    home: str = ""
    labels: tuple[str, ...] = ()
    labels_from: str | None = None
    languages: Annotated[tuple[LanguageName, ...], Field(min_length=1)]
    metric: MetricName
    trains_on: str | None = None
    original: str | None = None
    by_way_of: tuple[str, ...] = ()
    train_language: str = "en"
    evaluate: str = "test"
    group: str | None = None
    floor: Literal["majority", "untrained"] = "majority"
    sizes: dict[str, int | dict[str, int]] = Field(default={})
    bitext: BitextCard | None = None
    ranking: RankingCard | None = None
    recipes: dict[RecipeName, RecipeCard] = Field(default={})
    splits: Annotated[dict[str, SplitCard], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _floor_of_kind(cls, values: Any) -> Any:
        """Where there is no majority label, the floor is the untrained model's score."""
        if isinstance(values, dict) and values.get("kind") in ("span_qa", "mlm", "ranking"):
            return {"floor": "untrained", **values}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> "Card":
        check_card(self)
        return self

    def size(self, split: str, language: str) -> int | None:
        """Rows of the full set in that split and language, where the card says so."""
        size = self.sizes.get(split)
        return size.get(language) if isinstance(size, dict) else size

    @property
    def unanswerable(self) -> bool:
        """Whether a question with no answer has none; else its answer is hidden."""
        return self.metric == "squad_v2"

    def meaning(self) -> dict[str, Any]:
        """What results depend on besides the rows: part of the settings of whatever reads the card.

        Kind and labels are in the digest of the rows already.
        """
        return {
            "metric": self.metric,
            "group": self.group,
            "floor": self.floor,
            "train_language": self.train_language,
            "bitext": None if self.bitext is None else self.bitext.model_dump(),
            **({} if self.ranking is None else {"ranking": self.ranking.model_dump()}),
        }

    def toml(self) -> str:
        """The card as TOML text; `parse_card` gives the same card again."""
        return write_toml(self.model_dump(mode="json", exclude_defaults=True))


def parse_card(text: str, path: str | Path) -> Card:
    """The card in a TOML text. Raises InputError that names `path` and the key."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = int(at[1]) if at else None
        raise InputError(f"not TOML: {error}", path=path, line=line) from error
    except RecursionError as error:
        raise InputError("not a card: brackets in brackets without end", path=path) from error
    try:
        return Card.model_validate(values)
    except ValidationError as error:
        raise InputError(explain(error, values, Card), path=path) from error


def card_names() -> list[str]:
    """The built-in tasks, sorted."""
    folder = resources.files("xlit.tasks").joinpath("cards")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if _is_card(f.name))


def _is_card(name: str) -> bool:
    return name.endswith(".toml")


@cache
def _built_in(name: str) -> Card:
    file = resources.files("xlit.tasks").joinpath("cards", f"{name}.toml")
    return parse_card(file.read_text(encoding="utf-8"), f"{name}.toml")


def find_card(name_or_path: str) -> Card:
    """The built-in card of that name, or the card in the file where it ends in `.toml`.

    Raises UsageError for an unknown name, MissingError for a file that is not there, InputError for
    a bad card.
    """
    if name_or_path.endswith(".toml"):
        return _read_card(Path(name_or_path))
    names = card_names()
    if name_or_path not in names:
        near = difflib.get_close_matches(name_or_path, names, n=3)
        known = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
        raise UsageError(
            f"there is no task {name_or_path!r}: {known}", hint="a card of your own: ./my.toml"
        )
    return _built_in(name_or_path)


def _read_card(path: Path) -> Card:
    card = _parse_file(path)
    for split in card.splits:
        _check_circle(card, split, path)
    return card


def _check_circle(card: Card, split: str, path: Path) -> None:
    """Raises InputError where a split takes rows of cards that take theirs of it.

    Only cards with a file of their own are followed: a built-in one names none of these.
    """
    seen: set[tuple[Path, str]] = set()
    start = (path.resolve(), _uncarved(card, split))
    todo = [(card, start[1])]
    while todo:
        one, name = todo.pop()
        parts = [
            part
            for source in one.splits[name].sources
            if isinstance(source, CardsSource)
            for part in source.cards
            if part.card.endswith(".toml")
        ]
        for part in parts:
            other = _parse_file(Path(part.card))
            if part.split not in other.splits:  # whoever loads it says so
                continue
            place = (Path(part.card).resolve(), _uncarved(other, part.split))
            if place == start:
                way = "itself" if one is card else "itself, by way of other cards"
                raise InputError(f"splits.{split}: takes its rows of {way}", path=path)
            if place not in seen:
                seen.add(place)
                todo.append((other, place[1]))


def _uncarved(card: Card, split: str) -> str:
    carve = card.splits[split].carve
    return split if carve is None or carve.split not in card.splits else carve.split


def _parse_file(path: Path) -> Card:
    try:
        return parse_card(path.read_text(encoding="utf-8-sig"), path)
    except FileNotFoundError as error:
        raise MissingError("there is no such card", path=path) from error
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8", path=path) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
