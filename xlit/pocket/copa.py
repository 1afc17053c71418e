"""pocket-copa: which of two sentences is the cause, or the effect, of a third?

The wrong choice is the same half of another scene. Scenes stand in pairs of kindred ones: in the
first turn half of the wrong choices come from the scene's partner, all others from far away. Each
turn maps the scenes to each other one to one, so each choice is right exactly as often as it is
wrong, and the choices alone say nothing.
"""

from collections.abc import Sequence
from typing import Any

from xlit.pocket.keyed import pick, shuffled
from xlit.pocket.lexicon.form import Lexicon

TURNS: dict[str, int] = {"train": 3, "dev": 5, "test": 2}
QUESTIONS: tuple[str, ...] = ("cause", "effect")


def rows(lexicon: Lexicon, split: str) -> list[dict[str, Any]]:
    """The rows of a split: two a scene and turn, labels balanced, parallel over languages."""
    content = lexicon.splits[split]
    scenes = list(content.scenes)
    drafts = [
        (half, scene, scenes[other])
        for half in range(len(QUESTIONS))
        for others in wrong_scenes(split, half, len(scenes))
        for scene, other in zip(scenes, others, strict=True)
    ]
    found = []
    for place, (half, scene, other) in enumerate(shuffled(f"copa {split}", drafts)):
        name = pick(f"copa {split} {place}", content.names)
        right, wrong = (lexicon.event(split, told, half, name) for told in (scene, other))
        label = place % 2
        found.append(
            {
                "id": f"{split}-{place:04d}",
                "context": lexicon.event(split, scene, 1 - half, name),
                "question": QUESTIONS[half],
                "choices": [wrong, right] if label else [right, wrong],
                "label": label,
            }
        )
    return found


def wrong_scenes(split: str, half: int, size: int) -> list[list[int]]:
    """For each turn and each of `size` scenes the scene that gives the wrong choice."""
    # Even steps of four and more never meet a scene's own pair, and no two turns share one.
    steps = shuffled(f"copa {split} steps", range(4, size - 3, 2))[: TURNS[split] - 1]
    far = [[(place + step) % size for place in range(size)] for step in steps]
    return [_near(half, size, far), *far]


def _near(half: int, size: int, far: Sequence[Sequence[int]]) -> list[int]:
    """The first turn: every other pair of scenes changes places; which, depends on the question.

    The rest moves on among itself by the first step that repeats nothing of `far`.
    """
    others = [place ^ 1 for place in range(size)]
    rest = [place for place in range(size) if place // 2 % 2 != half]
    for step in range(2, len(rest), 2):
        moved = dict(zip(rest, rest[step:] + rest[:step], strict=True))
        if all(turn[place] != other for turn in far for place, other in moved.items()):
            break
    else:
        raise AssertionError(f"{size} scenes are too few for {len(far) + 1} turns")
    return [moved.get(place, other) for place, other in enumerate(others)]
