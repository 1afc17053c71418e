"""pocket-bitext: find the English translation of each sentence among near misses.

Half of the pairs are events of pocket-copa's scenes, half are descriptions in two sentences. A
distractor is a description that differs from a pair's in one value or in the name; the two sides
have different distractors, so none has a counterpart.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from xlit.pocket.keyed import another, draw, shuffled
from xlit.pocket.lexicon.form import PARAPHRASES, SLOTS, Lexicon


@dataclass(frozen=True, slots=True)
class Sizes:
    """Descriptions that have a counterpart, and distractors on each side."""

    descriptions: int
    distractors: int


BARRED = ("place", "act")
"""No description has both of these slots: they go badly together, see pocket-nli."""

SIZES: dict[str, Sizes] = {"dev": Sizes(60, 50), "test": Sizes(100, 100)}


@dataclass(frozen=True, slots=True)
class _Description:
    """What a description says, in no language: name and two facts by number."""

    name: int
    slots: tuple[str, str]
    values: tuple[int, int]
    frames: tuple[int, int]

    def told(self, lexicon: Lexicon, split: str) -> str:
        names = (lexicon.splits[split].names[self.name], None)
        facts = zip(self.slots, self.values, self.frames, names, strict=True)
        return lexicon.space.join(lexicon.fact(split, *fact) for fact in facts)


def rows(source: Lexicon, target: Lexicon, split: str, language: str) -> list[dict[str, Any]]:
    """Both sides and the gold pairs (source id in `id`, target id in `text`)."""
    sizes = SIZES[split]
    kept, only_source, only_target = _descriptions(target, split, sizes)
    scenes = list(target.splits[split].scenes)
    events = [(scene, half) for scene in scenes for half in (0, 1)]
    names = target.splits[split].names

    def side(lexicon: Lexicon, distractors: list[_Description]) -> list[str]:
        return [
            *(
                lexicon.event(
                    split,
                    *event,
                    lexicon.splits[split].names[draw(f"bitext {split} {event}", len(names))],
                )
                for event in events
            ),
            *(description.told(lexicon, split) for description in (*kept, *distractors)),
        ]

    foreign, english = side(source, only_source), side(target, only_target)
    numbers = range(len(foreign))
    # Each side has its own order, and English its own for each language: a place gives nothing away.
    foreign_order = shuffled(f"bitext {split} {language} source", numbers)
    english_order = shuffled(f"bitext {split} {language} target", numbers)
    foreign_ids = {n: f"{language}-{place:04d}" for place, n in enumerate(foreign_order, 1)}
    english_ids = {n: f"en-{place:04d}" for place, n in enumerate(english_order, 1)}
    shared = len(events) + len(kept)
    return [
        *({"id": foreign_ids[n], "side": "source", "text": foreign[n]} for n in foreign_order),
        *({"id": english_ids[n], "side": "target", "text": english[n]} for n in english_order),
        *(
            {"id": foreign_ids[n], "side": "gold", "text": english_ids[n]}
            for n in foreign_order
            if n < shared
        ),
    ]


def _descriptions(
    english: Lexicon, split: str, sizes: Sizes
) -> tuple[list[_Description], list[_Description], list[_Description]]:
    """Different descriptions: those with a counterpart, and each side's near misses of them."""
    content = english.splits[split]
    told: set[_Description] = set()

    def unless_told(make: Callable[[int], _Description]) -> _Description:
        """The first of `make(0)`, `make(1)`, ... that is new."""
        attempt = 0
        while (description := make(attempt)) in told:
            attempt += 1
        told.add(description)
        return description

    def fresh(number: int, attempt: int) -> _Description:
        key = f"bitext {split} {number} {attempt}"
        first, second = shuffled(f"{key} slots", [s for s in SLOTS if s != BARRED[number % 2]])[:2]

        def value(slot: str) -> int:
            return draw(f"{key} {slot}", len(content.values[slot]))

        def frame(slot: str) -> int:
            return draw(f"{key} frame {slot}", PARAPHRASES)

        return _Description(
            name=draw(f"{key} name", len(content.names)),
            slots=(first, second),
            values=(value(first), value(second)),
            frames=(frame(first), frame(second)),
        )

    def near_miss(number: int, attempt: int) -> _Description:
        close = kept[number % len(kept)]
        key = f"bitext {split} miss {number} {attempt}"
        what = draw(f"{key} what", 3)
        if what == 2:
            return replace(close, name=another(f"{key} name", len(content.names), close.name))
        changed = another(key, len(content.values[close.slots[what]]), close.values[what])
        same = close.values[1 - what]
        return replace(close, values=(same, changed) if what else (changed, same))

    kept = [unless_told(partial(fresh, n)) for n in range(sizes.descriptions)]
    misses = [unless_told(partial(near_miss, n)) for n in range(2 * sizes.distractors)]
    return kept, misses[: sizes.distractors], misses[sizes.distractors :]
