"""pocket-nli: does a description of a woman entail, contradict or leave open a hypothesis?

A description has one fact or two. A slot holds one value at a time. The same value for the same
woman is entailed, often in other words; another value of the same slot is a contradiction; a slot
that the premise does not mention, or one that it fills for another woman, is neutral. Every
hypothesis stands once under each label (up to the cut at the end of a split), so the hypothesis
alone says nothing about the label.
"""

from typing import Any

from xlit.pocket.keyed import another, draw, pick, shuffled
from xlit.pocket.lexicon.form import PARAPHRASES, SLOTS, Lexicon

LABELS: tuple[str, ...] = ("contradiction", "entailment", "neutral")
SIZES: dict[str, int] = {"train": 3000, "dev": 200, "test": 200}
FACTS = 2
"""The most facts of a premise."""

OTHER_WOMAN = 4
"""One neutral premise in so many speaks of another woman instead of another slot."""


def rows(lexicon: Lexicon, split: str) -> list[dict[str, Any]]:
    """The rows of a split, as many as SIZES says and parallel over languages."""
    wanted = SIZES[split]
    drafts = [
        (number, label)
        for number in range(-(-wanted // len(LABELS)))
        for label in shuffled(f"nli {split} labels {number}", LABELS)
    ]
    return [
        {"id": f"{split}-{place:04d}", **_row(lexicon, split, number, label)}
        for place, (number, label) in enumerate(shuffled(f"nli {split}", drafts[:wanted]))
    ]


def _row(lexicon: Lexicon, split: str, number: int, label: str) -> dict[str, Any]:
    """The row that puts hypothesis `number` under `label`."""
    content = lexicon.splits[split]
    key = f"nli {split} {number}"
    slot = SLOTS[number % len(SLOTS)]
    # Within a slot the hypotheses walk through all values, then change the frame, then the name,
    # so that no two of them are alike.
    step = number // len(SLOTS)
    size = len(content.values[slot])
    value, frame = step % size, (step // size + step) % PARAPHRASES
    woman = (draw(f"nli {split} {slot} {value}", len(content.names)) + step // size) % len(
        content.names
    )
    about = woman
    decisive: tuple[str, int] | None = (slot, value)
    if label == "contradiction":
        decisive = (slot, another(f"{key} value", size, value))
    elif label == "neutral" and draw(f"{key} neutral", OTHER_WOMAN) == 0:
        about = another(f"{key} woman", len(content.names), woman)
    elif label == "neutral":
        decisive = None
    facts = [decisive] if decisive else []
    wanted = 1 + draw(f"{key} {label} facts", FACTS)
    while len(facts) < wanted:
        facts.append(_aside(lexicon, split, f"{key} {label}", [slot, *(fact[0] for fact in facts)]))
    premise = []
    for place, fact in enumerate(shuffled(f"{key} {label} order", facts)):
        told = draw(f"{key} {label} frame {fact[0]}", PARAPHRASES)
        if wanted == 1 and label == "entailment":
            told = another(f"{key} frame", PARAPHRASES, frame)  # or it would be the hypothesis
        premise.append(lexicon.fact(split, *fact, told, None if place else content.names[about]))
    return {
        "text": lexicon.space.join(premise),
        "pair": lexicon.fact(split, slot, value, frame, content.names[woman]),
        "label": label,
    }


def _aside(lexicon: Lexicon, split: str, key: str, taken: list[str]) -> tuple[str, int]:
    """A fact of a slot that is not `taken`. Where somebody is and what she does go badly together
    (she would be planting a bush in the laboratory), so each bars the other."""
    barred = {*taken, *({"place", "act"} if {"place", "act"} & set(taken) else ())}
    slot = pick(f"{key} aside {len(taken)}", [slot for slot in SLOTS if slot not in barred])
    return slot, draw(f"{key} aside value {slot}", len(lexicon.splits[split].values[slot]))
