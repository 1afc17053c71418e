"""Which splits pick a layer, and which are reported.

A layer that is picked on what it is then judged by looks better than it is, so one set of scores
picks and another is reported:

- a bitext card with a dev split (BUCC) picks on that, and all languages are reported;
- of any other card (Tatoeba has no dev set), or where dev itself is evaluated, some languages pick
  and the others are reported: those named, or every fifth language of the card, beginning with the
  first, of those not asked for by name. By the card's order and not by what is at hand.

A ranking card's dev split is that of its training (LAReQA's is English, of the very paragraphs that
are tested), so its languages pick. They are a pool of their own: the score of the others is what it
is without them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xlit import console
from xlit.errors import MissingError, UsageError
from xlit.evaluation.evaluate import load_evaluated
from xlit.evaluation.languages import load_splits
from xlit.tasks.card import Card
from xlit.tasks.sources import Split, load_split

EVERY = 5  # of a card's languages, one in so many picks


@dataclass(frozen=True)
class Development:
    """The splits that a layer is picked on, none where nothing is left, and the rule in words."""

    splits: tuple[Split, ...]
    rule: str


def set_apart(
    card: Card,
    splits: Sequence[Split],
    *,
    named: bool,
    dev_languages: Sequence[str] | None,
    split: str | None,
) -> tuple[list[Split], Development]:
    """The splits to report, and those that pick the layer: see the module's rule.

    `splits` are those asked for, `named` says that their languages were. Raises UsageError where
    a language would do both, or where none is left to report.
    """
    if (dev_split := _dev_split(card, splits)) is not None:
        # where a test set is not here its dev split may stand in, and is then reported itself
        stand_ins = {found.language for found in splits if found.split == dev_split}
        if both := [code for code in dev_languages or () if code in stand_ins]:
            raise _picked_and_reported(card, f"the {dev_split} split of {both[0]}", both[0])
        codes = dev_languages or [s.language for s in splits if s.language not in stand_ins]
        dev = tuple(load_split(card, dev_split, code) for code in codes)
        return list(splits), Development(dev, f"the {dev_split} split")
    if dev_languages is None:
        return _every_fifth(card, splits, named=named, split=split)
    if named and (both := [s.language for s in splits if s.language in dev_languages]):
        raise _picked_and_reported(card, "it", both[0])
    held_out = load_splits(card, dev_languages, split)
    reported = [found for found in splits if found.language not in dev_languages]
    if not reported:
        raise UsageError(f"--dev-lang leaves no language of {card.name} to report")
    return reported, Development(tuple(held_out), "languages of --dev-lang, which are not reported")


def _picked_and_reported(card: Card, what: str, code: str) -> UsageError:
    return UsageError(
        f"--dev-lang {code}: {card.name} would be picked by and reported on {what}",
        hint="a language is in --lang or in --dev-lang",
    )


def _dev_split(card: Card, splits: Sequence[Split]) -> str | None:
    """The split of a bitext card to tune on, where that is not all that is evaluated."""
    if card.kind == "ranking":
        return None
    tune = card.bitext.tune if card.bitext is not None else None
    name = tune or ("dev" if "dev" in card.splits else None)
    return None if all(found.split == name for found in splits) else name


def _every_fifth(
    card: Card, splits: Sequence[Split], *, named: bool, split: str | None
) -> tuple[list[Split], Development]:
    asked = {found.language: found for found in splits}
    dev = []
    for code in card.languages[::EVERY]:
        if not named and code in asked:
            dev.append(asked[code])
        elif named and code not in asked:
            try:
                dev.append(load_evaluated(card, split, code))
            except MissingError:
                continue  # the rule names those that are here
    taken = {found.language for found in dev}
    reported = [found for found in splits if found.language not in taken]
    if not dev or not reported:
        console.always(
            f"{card.name}: no other language is here to pick a layer on, so that of the encoder's"
            " table is reported"
        )
        return list(splits), Development((), "the encoder's usual one: no other language is here")
    return reported, Development(
        tuple(dev), "every fifth language of the card, which are not reported"
    )
