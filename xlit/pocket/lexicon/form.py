"""The form that a language's lexicon has, and how its phrases become sentences.

The little world avoids agreement instead of computing it. All its people are women, so a verb or an
adjective has one gender; values are whole phrases already in the case that their frames want; and
wherever a language marks its subject (Hindi's "ne", "ko"), the marked subject is a slot of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SLOTS: tuple[str, ...] = ("home", "job", "place", "act", "food", "buy", "pet")
"""What a fact can be about. Each holds one value at a time, so two values contradict each other."""

PARAPHRASES = 2
"""Frames a slot has; they say the same in other words."""


@dataclass(frozen=True, slots=True)
class Words:
    """The content of one split: dev and test are parallel over languages, position by position."""

    names: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]
    scenes: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One language. `subjects` maps a marked subject to how it looks with a name and as a pronoun."""

    subjects: Mapping[str, tuple[str, str]]
    frames: Mapping[str, tuple[str, str]]
    splits: Mapping[str, Words]
    stop: str = "."
    space: str = " "

    def fact(self, split: str, slot: str, value: int, frame: int, name: str | None) -> str:
        """The sentence that says a fact about `name`, or about "she" where that is None."""
        phrase = self.splits[split].values[slot][value]
        first, _, second = phrase.partition("~")
        return self.sentence(
            self.frames[slot][frame],
            name,
            v=phrase.replace("~", " "),
            v1=first.strip(),
            v2=second.strip(),
        )

    def event(self, split: str, scene: str, half: int, name: str) -> str:
        """The cause (`half` 0) or the effect (1) of a scene as a sentence."""
        return self.sentence(self.splits[split].scenes[scene][half], name)

    def sentence(self, template: str, name: str | None, **phrases: str) -> str:
        """`template` filled in, with single spaces, a capital and a full stop."""
        subjects = {
            mark: pronoun if name is None else named.format(n=name)
            for mark, (named, pronoun) in self.subjects.items()
        }
        text = " ".join(template.format(**subjects, **phrases).split())
        return text[:1].upper() + text[1:] + self.stop


def words(names: str, values: Mapping[str, str], scenes: str) -> Words:
    """Reads a split: names apart by spaces, values by bars, scenes as lines `key: cause | effect`.

    Raises ValueError where a line is not of that form or a key stands twice.
    """
    told: dict[str, tuple[str, str]] = {}
    for line in scenes.strip().splitlines():
        key, events = (part.strip() for part in line.split(":"))
        cause, effect = (part.strip() for part in events.split("|"))
        if key in told:
            raise ValueError(f"two scenes are named {key}")
        told[key] = (cause, effect)
    return Words(
        names=tuple(names.split()),
        values={slot: tuple(v.strip() for v in values[slot].split("|")) for slot in SLOTS},
        scenes=told,
    )
