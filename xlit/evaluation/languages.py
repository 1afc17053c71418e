"""Which languages a result is over, and their rows."""

from collections.abc import Sequence

from xlit import console
from xlit.errors import MissingError, UsageError
from xlit.evaluation.evaluate import load_evaluated
from xlit.tasks.card import Card
from xlit.tasks.sources import Split


def load_splits(
    card: Card, languages: Sequence[str] | None, split: str | None, *, as_released: bool = False
) -> list[Split]:
    """The rows of languages in the card's order, of the split that it evaluates if none is named.

    A language named must be there. With None, all that the card has, those whose data is not at
    hand are left out and named: raises MissingError only when there is none at all.
    """
    if languages is not None:
        for code in languages:  # nothing runs when one of them is wrong
            if code not in card.languages:
                raise UsageError(
                    f"{card.name} has no language {code!r}",
                    hint=f"it has {','.join(card.languages)}",
                )
        return [
            load_evaluated(card, split, code, as_released=as_released)
            for code in card.languages
            if code in languages
        ]
    found, missing = [], []
    problem: MissingError | None = None
    for code in card.languages:
        try:
            found.append(load_evaluated(card, split, code, as_released=as_released))
        except MissingError as failure:
            missing.append(code)
            problem = problem or failure
    if problem is not None and not found:
        raise problem
    if missing:
        console.always(
            f"{card.name} {found[0].split}: {len(found)} of {len(card.languages)} languages are"
            f" here; no data for {','.join(missing)}"
        )
    return found


def spoken(splits: Sequence[Split], asked: str) -> str:
    """`--lang` as it turned out: the languages evaluated, where all tasks have the same."""
    by_task: dict[str, list[str]] = {}
    for split in splits:
        by_task.setdefault(split.card.name, []).append(split.language)
    first = next(iter(by_task.values()))
    return ",".join(first) if all(codes == first for codes in by_task.values()) else asked
