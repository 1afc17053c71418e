"""The little world: small, real, deterministic tasks in eight languages and four scripts.

    rows = generate("pocket-nli", "test", "sw")

Only the train splits are English alone; dev and test are parallel over languages, and no content
word of theirs occurs in train, so a score above chance is transfer and not memory. The world is the
default data of the demo and of the tests and never stands in for anything else.
"""

from collections.abc import Callable
from typing import Any

from xlit.pocket import bitext, copa, nli
from xlit.pocket.lexicon import LEXICONS

LANGUAGES: tuple[str, ...] = tuple(LEXICONS)
ENGLISH = "en"

_TEXT_TASKS: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "pocket-nli": nli.rows,
    "pocket-copa": copa.rows,
}
TASKS: tuple[str, ...] = (*_TEXT_TASKS, "pocket-bitext")


def generate(task: str, split: str, language: str) -> list[dict[str, Any]]:
    """The rows of a split as dicts with the field names of the task's kind of row.

    For pocket-bitext `language` is the source side and English the target side.
    Raises KeyError for a task, split or language that the world does not have.
    """
    lexicon = LEXICONS[language]
    if task == "pocket-bitext":
        if language == ENGLISH or split not in bitext.SIZES:
            raise KeyError(f"{task} has no {split} in {language}")
        return bitext.rows(lexicon, LEXICONS[ENGLISH], split, language)
    make = _TEXT_TASKS[task]
    if split not in lexicon.splits:
        raise KeyError(f"{task} has no {split} in {language}")
    return make(lexicon, split)
