"""The cards: which tasks there are, and what data of them is at hand.

xlit tasks xnli
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlit.commands.flags import TalkOptions, argument, flag
from xlit.commands.running import print_json, print_line

if TYPE_CHECKING:
    from xlit.tasks.card import Card

EXAMPLES = ("xlit tasks", "xlit tasks xnli", "xlit tasks xnli --toml > my.toml")


@dataclass(frozen=True, kw_only=True)
class TasksOptions(TalkOptions):
    """List the tasks, or describe some of them and the data that is at hand."""

    tasks: list[str] = argument(list, "Names or cards; all if none is given.", metavar="[TASK...]")
    toml: bool = flag(False, "Print the cards themselves, to make one's own of.")


def run(options: TasksOptions) -> None:
    from xlit.tasks.card import card_names, find_card
    from xlit.tasks.describe import describe

    cards = [find_card(name) for name in options.tasks or card_names()]
    if options.toml:
        for card in cards:
            print_line(card.toml())
    elif options.json:
        print_json([describe(card) for card in cards])
    elif options.tasks:
        for card in cards:
            _print_card(card)
    else:
        _print_table(cards)


def _print_card(card: "Card") -> None:
    from xlit.tasks.describe import available

    print_line(f"{card.name}: {card.summary}")
    for key in ("kind", "metric", "trains_on", "evaluate", "licence", "home"):
        if value := getattr(card, key):
            print_line(f"  {key:<10} {value}")
    if card.labels:
        print_line(f"  {'labels':<10} {' '.join(card.labels)}")
    print_line(f"  {'languages':<10} {' '.join(card.languages)}")
    for split, languages in available(card).items():
        print_line(
            f"  {split:<10} {'here: ' + ' '.join(languages) if languages else 'no data here'}"
        )


def _print_table(cards: "list[Card]") -> None:
    from xlit.commands.drawing import draw
    from xlit.evaluation.tables import Table
    from xlit.tasks.describe import available

    rows = []
    for card in cards:
        here = "  ".join(
            f"{split} {len(codes)}" for split, codes in available(card).items() if codes
        )
        languages = str(len(card.languages))
        rows.append((card.name, card.kind, card.trains_on or "", languages, here or "none"))
    header = ("task", "kind", "trains on", "languages", "data at hand, by number of languages")
    draw([Table("", header, tuple(rows))], numbers=False)
