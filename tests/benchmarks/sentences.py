"""Real sentences for the benchmarks of encoding and mining, out of the directories of `XLIT_DATA`.

Four sets of sentences that are aligned over many languages: NTREX, FLORES-200 (devtest), XNLI (dev
and test, premises and hypotheses) and Tatoeba. A set that is not there is left out.
"""

import gzip
import os
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SETS = ("ntrex", "flores", "xnli", "tatoeba")
ENGLISH = "eng"


@dataclass(frozen=True)
class Aligned:
    """Line i of one language is the translation of line i of every other."""

    name: str
    lines: dict[str, list[str]]


def read_sets(names: Sequence[str]) -> list[Aligned]:
    """The named sets as far as they are there; SystemExit where none is."""
    found = [aligned for root in _roots() for name in names for aligned in _READERS[name](root)]
    if not found:
        raise SystemExit(
            f"none of {', '.join(names)} in XLIT_DATA: the benchmark needs real sentences"
        )
    return found


def mixed(sets: Iterable[Aligned], seed: int) -> list[str]:
    """Every different sentence once, all sets and languages shuffled together."""
    every = dict.fromkeys(text for one in sets for lines in one.lines.values() for text in lines)
    texts = [text for text in every if text.strip()]
    random.Random(seed).shuffle(texts)
    return texts


def pairs(sets: Iterable[Aligned], seed: int) -> list[tuple[str, str]]:
    """Translations (source, target) in many languages, shuffled; no text twice on one side.

    The languages of a set are paired in the order of their names, the first with the second, the
    third with the fourth; the side of English changes from one pair of Tatoeba to the next.
    """
    found: dict[str, str] = {}
    targets: set[str] = set()
    for at, one in enumerate(sets):
        languages = sorted(one.lines)
        if one.name == "tatoeba" and at % 2:
            languages.reverse()
        for source, target in zip(languages[::2], languages[1::2], strict=False):
            for text, other in zip(one.lines[source], one.lines[target], strict=True):
                if text not in found and other not in targets:
                    found[text] = other
                    targets.add(other)
    shuffled = list(found.items())
    random.Random(seed).shuffle(shuffled)
    return shuffled


def tatoeba_languages(limit: int | None) -> dict[str, tuple[list[str], list[str]]]:
    """By language its first `limit` sentences, and the English ones in the same order."""
    found = {}
    for one in read_sets(["tatoeba"]):
        (language,) = one.lines.keys() - {ENGLISH}
        found[language] = (one.lines[language][:limit], one.lines[ENGLISH][:limit])
    return found


def _roots() -> list[Path]:
    return [Path(part) for part in os.environ.get("XLIT_DATA", "").split(os.pathsep) if part]


def _ntrex(root: Path) -> Iterator[Aligned]:
    """Files `newstest2019-ref.LANG.txt`, and `-src.eng`."""
    files = _files(root / "ntrex", "newstest2019-*.txt")
    yield from _aligned("ntrex", {name.split(".")[1]: path for name, path in files.items()})


def _flores(root: Path) -> Iterator[Aligned]:
    files = _files(root / "flores200" / "devtest", "*.devtest")
    yield from _aligned("flores", {name.split(".")[0]: path for name, path in files.items()})


def _xnli(root: Path) -> Iterator[Aligned]:
    """Files `dev-LANG.tsv` and `test-LANG.tsv` of XTREME: premise, hypothesis; label in dev."""
    for split in ("dev", "test"):
        files = _files(root / "xnli", f"{split}-*.tsv")
        lines = {
            name.removeprefix(f"{split}-").removesuffix(".tsv"): [
                sentence for line in _lines(path) for sentence in line.split("\t")[:2]
            ]
            for name, path in files.items()
        }
        if lines:
            yield Aligned("xnli", lines)


def _tatoeba(root: Path) -> Iterator[Aligned]:
    """Files `tatoeba.LANG-eng.LANG` and `tatoeba.LANG-eng.eng` of LASER, a pair a language."""
    files = _files(root / "tatoeba", "tatoeba.*-eng.*")
    for name, path in files.items():
        pair, _, language = name.removeprefix("tatoeba.").partition(".")
        if language != ENGLISH:
            english = files[f"tatoeba.{pair}.{ENGLISH}"]
            yield from _aligned("tatoeba", {language: path, ENGLISH: english})


_READERS = dict(zip(SETS, (_ntrex, _flores, _xnli, _tatoeba), strict=True))


def _files(folder: Path, pattern: str) -> dict[str, Path]:
    """By name without `.gz`."""
    found = [*folder.glob(pattern), *folder.glob(f"{pattern}.gz")]
    return {path.name.removesuffix(".gz"): path for path in sorted(found)}


def _aligned(name: str, files: dict[str, Path]) -> Iterator[Aligned]:
    if files:
        yield Aligned(name, {language: _lines(path) for language, path in files.items()})


def _lines(path: Path) -> list[str]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    return [line.strip("\r") for line in text.removesuffix("\n").split("\n")]
