"""Thresholds fitted on judged pairs of one's own."""

from pathlib import Path

import numpy as np
import pytest

from xlit.errors import InputError, MissingError
from xlit.metrics.bitext import fit_threshold
from xlit.retrieval.cut import Pairs
from xlit.retrieval.gold import GoldFit, fit_on_gold, read_gold
from xlit.retrieval.pairs import Listed

SOURCES = Listed(["eins", "zwei", "drei", "vier", "fünf", "sechs"])
TARGETS = Listed(["one", "two", "three", "four", "a horse", "a cow"])
PAIRS = Pairs(
    np.array([1.5, 1.4, 1.3, 1.2, 1.1, 1.0]),
    np.array([0, 1, 4, 2, 3, 5]),
    np.arange(6)[[0, 1, 4, 2, 3, 5]],
)


def gold_file(directory: Path, text: str) -> Path:
    path = directory / "gold.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def fitted(directory: Path, text: str, *, complete: bool = False) -> GoldFit:
    gold = read_gold(gold_file(directory, text), complete=complete)
    return fit_on_gold(PAIRS, gold, SOURCES, TARGETS)


def test_only_the_pairs_of_listed_sources_are_judged(tmp_path: Path) -> None:
    # of zwei (1.4), fünf (1.3) and drei (1.2) two are right: the best F1 takes all three
    found = fitted(tmp_path, "zwei\ttwo\ndrei\tthree\nfünf\t\n")
    assert (found.judged, found.gold, found.mined) == (3, 2, 2)
    assert found.fit.f1 == pytest.approx(80.0)
    assert list(PAIRS.above(found.threshold)) == list(PAIRS[:4])


def test_a_wrong_pair_below_the_right_ones_is_kept_out(tmp_path: Path) -> None:
    found = fitted(tmp_path, "eins\tone\nzwei\ttwo\nfünf\t\nsechs\t\n")
    assert found.fit.f1 == 100.0
    assert 1.3 < found.threshold < 1.4


def test_a_complete_file_judges_every_pair(tmp_path: Path) -> None:
    found = fitted(tmp_path, "eins\tone\nzwei\ttwo\n", complete=True)
    assert found.judged == 6
    assert (found.fit.f1, found.fit.at_last) == (100.0, False)
    gold = [("0", "0"), ("1", "1")]
    candidates = [(str(p.source), str(p.target), p.score) for p in PAIRS]
    assert found.fit == fit_threshold(candidates, gold)


def test_the_last_judged_pair_exceeds_a_threshold_that_takes_it(tmp_path: Path) -> None:
    found = fitted(tmp_path, "zwei\ttwo\nvier\tfour\nsieben\t\n")
    assert found.fit.at_last
    assert len(PAIRS.above(found.threshold)) == 5


def test_lines_of_a_cut_are_taken_with_their_scores(tmp_path: Path) -> None:
    gold = read_gold(gold_file(tmp_path, "1.5\teins\tone\n1.3\tfünf\t\n\n"))
    assert gold.translations == {"eins": {"one"}, "fünf": frozenset()}


def test_several_translations_of_a_sentence_are_all_right(tmp_path: Path) -> None:
    gold = read_gold(gold_file(tmp_path, "eins\tone\neins\tsingle\nzwei\t\n"))
    assert gold.translations["eins"] == {"one", "single"}
    assert gold.pairs == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("eins\tone\nzwei\n", "gold.tsv:2: not a source sentence, a tab"),
        ("eins\tone\ttwo\n", "gold.tsv:1: not a source sentence, a tab"),
        ("\tone\n", "gold.tsv:1: not a source sentence, a tab"),
        ("eins\t\n", "gold.tsv: no pair in it"),
        ("eins\tone\n", "nothing says what to leave out"),
    ],
    ids=["no tab", "a third field", "no source", "no pair", "no sentence without one"],
)
def test_a_file_that_can_fit_nothing_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_gold(gold_file(tmp_path, text))


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"--gold .*gold\.tsv: no such file"):
        read_gold(tmp_path / "gold.tsv")


def test_sentences_are_compared_as_they_are_printed(tmp_path: Path) -> None:
    sources, targets = Listed(["ein\tHaus", "zwei\nHäuser"]), Listed(["a house", "two\thouses"])
    pairs = Pairs(np.array([1.5, 1.4]), np.arange(2), np.arange(2))
    gold = read_gold(gold_file(tmp_path, "ein Haus\ta house\nzwei Häuser\ttwo houses\nx\t\n"))
    assert fit_on_gold(pairs, gold, sources, targets).mined == 2


def test_a_threshold_is_not_fitted_where_no_mined_pair_is_right(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of its pairs was mined"):
        fitted(tmp_path, "eins\tUNO\nzwei\t\n")


def test_gold_of_another_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of its sentences is in a mined pair"):
        fitted(tmp_path, "un\tone\ndeux\t\n")
