"""pocket-bitext: every sentence with a counterpart has just one, and places give nothing away."""

from typing import Any

import pytest

from xlit.pocket import bitext
from xlit.pocket.bitext import SIZES
from xlit.pocket.lexicon import LEXICONS
from xlit.pocket.world import LANGUAGES, generate

FOREIGN = LANGUAGES[1:]


def sides(rows: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Source texts by id, target texts by id, and target ids by source id."""
    source, target, gold = (
        {row["id"]: row["text"] for row in rows if row["side"] == side}
        for side in ("source", "target", "gold")
    )
    return source, target, gold


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("language", FOREIGN)
def test_gold_pairs_are_one_to_one_and_the_rest_are_distractors(split: str, language: str) -> None:
    source, target, gold = sides(generate("pocket-bitext", split, language))
    assert set(gold) <= set(source)
    assert set(gold.values()) <= set(target)
    assert len(set(gold.values())) == len(gold)
    assert len(source) - len(gold) == len(target) - len(gold) == SIZES[split].distractors


def test_test_has_two_hundred_pairs_and_a_hundred_distractors_a_side() -> None:
    source, target, gold = sides(generate("pocket-bitext", "test", "de"))
    assert (len(source), len(target), len(gold)) == (300, 300, 200)


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("language", FOREIGN)
def test_no_sentence_of_a_side_occurs_twice(split: str, language: str) -> None:
    for side in sides(generate("pocket-bitext", split, language))[:2]:
        assert len(set(side.values())) == len(side)


@pytest.mark.parametrize("language", FOREIGN)
def test_gold_pairs_of_events_are_halves_of_the_same_scene(language: str) -> None:
    source, target, gold = sides(generate("pocket-bitext", "test", language))
    translations = {
        (
            LEXICONS[language].event("test", scene, half, mine),
            LEXICONS["en"].event("test", scene, half, name),
        )
        for scene in LEXICONS["en"].splits["test"].scenes
        for half in (0, 1)
        for mine, name in zip(
            LEXICONS[language].splits["test"].names,
            LEXICONS["en"].splits["test"].names,
            strict=True,
        )
    }
    found = sum((source[mine], target[theirs]) in translations for mine, theirs in gold.items())
    assert found == 2 * len(LEXICONS["en"].splits["test"].scenes)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_no_distractor_translates_a_sentence_of_the_other_side(split: str) -> None:
    # English on both sides: a sentence and its translation are then the same.
    source, target, gold = sides(bitext.rows(LEXICONS["en"], LEXICONS["en"], split, "en"))
    assert set(source.values()) & set(target.values()) == {source[name] for name in gold}
    assert all(source[mine] == target[theirs] for mine, theirs in gold.items())


def test_every_distractor_is_near_a_sentence_that_has_a_counterpart() -> None:
    _, target, gold = sides(generate("pocket-bitext", "test", "de"))
    translated = [set(target[name].split()) for name in gold.values()]
    for name in set(target) - set(gold.values()):
        words = set(target[name].split())
        assert min(len(words ^ other) for other in translated) <= 8


@pytest.mark.parametrize("language", FOREIGN)
def test_the_place_of_a_sentence_does_not_give_its_translation_away(language: str) -> None:
    source, target, gold = sides(generate("pocket-bitext", "test", language))
    places = {name: place for place, name in enumerate(target)}
    same = sum(places[gold[name]] == place for place, name in enumerate(source) if name in gold)
    # By chance 200 / 300; eight is over eight standard deviations away.
    assert same < 8
