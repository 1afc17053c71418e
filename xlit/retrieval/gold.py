"""A threshold fitted on pairs that somebody judged: dev pairs of one's own.

A file of dev sentences, one source sentence a line, then a tab and its translation among the target
sentences, or nothing where it has none:

    Das rote Haus.<TAB>The red house.
    Nur auf Deutsch.<TAB>

Lines of `xlit cut` are taken too, with the score before them. The mined pairs of the sources that
are listed are judged, the others have no say. What a threshold has to keep out are pairs of
sentences without a translation, so a file needs some of those; or it is `complete`, and every
sentence that it does not list has none, as BUCC's gold pairs are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from xlit.errors import InputError, MissingError
from xlit.metrics.bitext import ThresholdFit, fit_scores
from xlit.retrieval.cut import Pairs
from xlit.retrieval.rows import Ids
from xlit.tasks.readers import read_lines

BLOCK = 4096  # pairs whose sentences are looked at a time


class Sentences(Protocol):
    """The sentences of a side, by row."""

    def sentences(self, rows: Ids, /) -> list[str]: ...


@dataclass(frozen=True)
class Gold:
    """Dev sentences: what translates each source that is listed, nothing where it is empty."""

    translations: Mapping[str, frozenset[str]]
    complete: bool

    @property
    def pairs(self) -> int:
        return sum(map(len, self.translations.values()))


@dataclass(frozen=True)
class GoldFit:
    """A threshold, what it reaches on the judged pairs, and how many of those there were."""

    fit: ThresholdFit
    judged: int
    gold: int
    mined: int

    @property
    def threshold(self) -> float:
        """To be exceeded: what is fitted is reached by the last pair that is kept."""
        return float(np.nextafter(self.fit.threshold, -np.inf))


def as_field(sentence: str) -> str:
    """A sentence as it is printed in a line: a tab or a line end within it is a space."""
    return sentence.replace("\t", " ").replace("\n", " ").strip()


def read_gold(path: Path, *, complete: bool = False) -> Gold:
    """The dev sentences of a file. Raises MissingError, or InputError with the line."""
    if not path.exists():
        raise MissingError(f"--gold {path}: no such file")
    found: dict[str, set[str]] = {}
    for number, line in read_lines(path):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) == 3 and _is_number(fields[0]):
            fields = fields[1:]
        if len(fields) != 2 or not fields[0]:
            raise InputError(
                "not a source sentence, a tab and its translation or nothing",
                path=path,
                line=number,
            )
        found.setdefault(fields[0], set()).update({fields[1]} - {""})
    gold = Gold({source: frozenset(targets) for source, targets in found.items()}, complete)
    if not gold.pairs:
        raise InputError("no pair in it", path=path)
    if not complete and all(gold.translations.values()):
        raise InputError(
            "every sentence in it has a translation, so nothing says what to leave out",
            path=path,
            hint="list sentences without one, a tab after each; or --gold-complete, if all that"
            " are not listed have none",
        )
    return gold


def fit_on_gold(pairs: Pairs, gold: Gold, source: Sentences, target: Sentences) -> GoldFit:
    """The threshold with the best F1 on the judged ones of `pairs`, which are by falling score.

    Raises InputError where none of them is judged, or none of those is right.
    """
    judged = np.zeros(len(pairs), bool)
    right = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), BLOCK):
        block = slice(start, start + BLOCK)
        texts = zip(
            source.sentences(pairs.sources[block]),
            target.sentences(pairs.targets[block]),
            strict=True,
        )
        for place, (one, other) in enumerate(texts, start):
            translations = gold.translations.get(as_field(one))
            judged[place] = gold.complete or translations is not None
            right[place] = translations is not None and as_field(other) in translations
    if not judged.any():
        raise InputError(
            "--gold: none of its sentences is in a mined pair",
            hint="they have to be sentences of the source text",
        )
    if not right.any():
        raise InputError(
            "--gold: none of its pairs was mined, so no threshold can be fitted",
            hint="its translations have to be sentences of the target text",
        )
    fit = fit_scores(pairs.scores[judged], right[judged], gold.pairs)
    return GoldFit(fit, int(judged.sum()), gold.pairs, int(right.sum()))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
