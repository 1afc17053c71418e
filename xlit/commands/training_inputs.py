"""The rows of one task of a run: of a card, in one language or several, or of a data artefact."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlit import console
from xlit.commands.checkpoints import TrainOptions
from xlit.commands.running import input_artefact, names_an_artefact, split_list
from xlit.errors import MissingError, UsageError
from xlit.training.inputs import TrainInput

if TYPE_CHECKING:
    from xlit.tasks.card import Card
    from xlit.tasks.sources import Split


class Splits:
    """The splits that a stage has read, so that the next line of its pipe need not read them."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str, str], Split] = {}

    def load(self, card: "Card", split: str, language: str) -> "Split":
        from xlit.tasks.sources import load_split

        key = (card.toml(), split, language)
        if key not in self._read:
            self._read[key] = load_split(card, split, language)
        return self._read[key]


def load_input(
    options: TrainOptions,
    splits: Splits,
    name: str,
    card: "Card | None" = None,
    languages: Sequence[str] = (),
) -> TrainInput:
    """A task's training and dev rows: of a card by name or path, or of a data artefact.

    `card` is the target card when the rows belong to the task it trains on. `languages` are those
    of the training rows, the card's own (English) where there are none; dev stays in the card's.
    """
    from xlit.tasks.card import find_card
    from xlit.tasks.rows import has_gold

    parent = None
    if names_an_artefact(name):
        from xlit.tasks.stored import load_data  # and `datasets`, which costs half a second

        parent = input_artefact(name, "data")
        train = load_data(parent)
        if languages:
            raise UsageError(
                f"--train-lang {','.join(languages)}: {name} holds rows of one language,"
                f" {train.language}",
                hint="name the task instead",
            )
    else:
        source = find_card(name)
        train = _joined(
            [splits.load(source, "train", one) for one in languages or [source.train_language]]
        )
    for note in train.record.notes:
        console.notice(f"{train.card.name} {train.split}: {note}")
    if train.split in ("dev", train.card.evaluate, (card or train.card).evaluate):
        raise UsageError(
            f"{train.card.name}: its {train.split} split measures what is trained and cannot be"
            " trained on",
            hint="a card of one's own can carve splits",
        )
    if options.limit is not None:
        train = _limited(train, options.limit)
    if train.language != "en" and train.card.kind != "mlm":
        console.always(
            f"{train.card.name}: trained on {train.language}: this is translate-train and not"
            " zero-shot where that language is evaluated"
        )
        _say_translated_dev(train)
    dev = splits.load(train.card, "dev", train.card.train_language)
    unanswerable = (card or train.card).unanswerable
    with_gold = tuple(row for row in dev.rows if has_gold(row, unanswerable=unanswerable))
    if len(with_gold) < len(dev.rows):
        console.notice(f"{train.card.name} dev: {len(dev.rows) - len(with_gold)} rows without gold")
        dev = dataclasses.replace(dev, rows=with_gold)
    head = card or train.card
    if head.labels_from is not None and not head.labels:
        head = head.model_copy(update={"labels": train.card.labels})
    if head.kind != train.card.kind or set(head.labels) != set(train.card.labels):
        raise UsageError(
            f"{head.name} cannot be trained on {train.card.name}: "
            f"{head.kind} {list(head.labels)} against {train.card.kind} {list(train.card.labels)}"
        )
    return TrainInput(
        card=head,
        train=train,
        dev=dev,
        parent=parent,
        typed=name,
        shares=_shares(train) if len(languages) > 1 else {},
    )


def load_texts_input(texts: Sequence[str], exponent: float, limit: int | None) -> TrainInput:
    """Masked language modelling on texts, as one more task, of at most `limit` rows."""
    from xlit.tasks.plain_text import load_texts

    loaded = load_texts(texts, exponent=exponent)
    if limit is not None and limit < len(loaded.train.rows):
        loaded = load_texts(texts, exponent=exponent, rows=limit)
    return TrainInput(
        card=loaded.card,
        train=loaded.train,
        dev=loaded.dev,
        typed=loaded.card.name,
        shares={language: part.asked for language, part in loaded.mixture.items()},
        texts=loaded.records,
    )


def text_arguments(flags: Sequence[str]) -> list[str]:
    """The texts of `--with-mlm`: each a list separated by commas, with patterns filled in.

    A pattern of file names may stand behind a language: `de=wiki/part*.txt`. Raises MissingError
    for one that fits no file.
    """
    texts = []
    for item in (item for given in flags for item in split_list(given, "--with-mlm")):
        before, equals, after = item.rpartition("=")
        if Path(item).is_file() or Path(after).is_file() or not set("*?[") & set(after):
            texts.append(item)
            continue
        pattern = Path(after)
        found = sorted(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))
        if not found:
            raise MissingError(f"--with-mlm {item}: no file fits this pattern")
        texts += [f"{before}{equals}{path}" for path in found]
    return texts


def _say_translated_dev(train: "Split") -> None:
    """Say that the dev set may have been met, where it is carved by content: a translation has
    another content, and so may lie on the other side."""
    carved = train.card.splits["dev"].carve if "dev" in train.card.splits else None
    if carved is not None and carved.split == train.split:
        console.always(
            f"{train.card.name}: its dev rows are carved off {train.card.train_language}, and their"
            " translations, if it has them, are among the training rows: a dev set with files of"
            " its own would not be met in training"
        )


def _shares(train: "Split") -> dict[str, float]:
    """The share of each language among rows whose ids begin with it."""
    counts = Counter(row.id.partition(":")[0] for row in train.rows)
    return {language: count / len(train.rows) for language, count in counts.items()}


def _joined(parts: "Sequence[Split]") -> "Split":
    """The rows of one split in several languages as one; a row's id then begins with its language.

    The record names all languages, `de+en`, and notes how many rows each has.
    """
    from xlit.tasks.rows import digest, with_prefix

    first = parts[0]
    if len(parts) == 1:
        return first
    rows = tuple(with_prefix(row, f"{part.language}:") for part in parts for row in part.rows)
    language = "+".join(part.language for part in parts)
    counts = ", ".join(f"{part.language} {len(part.rows)} rows" for part in parts)
    notes = [f"{part.language}: {note}" for part in parts for note in part.record.notes]
    record = dataclasses.replace(
        first.record,
        language=language,
        source="+".join(dict.fromkeys(part.record.source for part in parts)),
        files=tuple(file for part in parts for file in part.record.files),
        revision="+".join(r for part in parts if (r := part.record.revision)) or None,
        rows=len(rows),
        digest=digest(rows, about=(first.card.kind, *first.card.labels)),
        notes=(f"joined: {counts}", *notes),
    )
    return dataclasses.replace(first, language=language, rows=rows, record=record)


def _limited(train: "Split", limit: int) -> "Split":
    """At most `limit` rows, those of `subsample --size N --seed 0`."""
    from xlit.tasks.rows import digest
    from xlit.tasks.subsets import subset

    if limit >= len(train.rows):
        if limit > len(train.rows):
            console.notice(f"{train.card.name}: --limit {limit}, {len(train.rows)} rows here")
        return train
    rows = tuple(train.rows[index] for index in subset(train.rows, train.card, limit, 0))
    about = (train.card.kind, *train.card.labels)
    record = dataclasses.replace(train.record, rows=len(rows), digest=digest(rows, about=about))
    return dataclasses.replace(train, rows=rows, record=record)
