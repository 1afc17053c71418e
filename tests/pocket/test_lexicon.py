"""A score above chance is transfer only if train shares no content with dev and test."""

import re
from itertools import chain

import pytest

from xlit.pocket.lexicon import LEXICONS
from xlit.pocket.lexicon.form import SLOTS, Words, words

ENGLISH = LEXICONS["en"]

# Words without which no English sentence gets by, and the verbs that go with anything: they tell
# nothing about what a sentence is about, and train may share them with dev and test.
LIGHT_WORDS = """
    a an the and of in at on to for into over out up off near away with her his its
    she it there no not too much very all lot ten every many
    is was were had did could came got put went lay stood lost told took left ran gone
    stopped turned grew broke bought gained thick ate
"""
LIGHT = set(LIGHT_WORDS.split())


def phrases(content: Words) -> set[str]:
    """Names, values and events, as they are in the lexicon."""
    return {*content.names, *chain(*content.values.values()), *chain(*content.scenes.values())}


def content_words(content: Words) -> set[str]:
    text = " ".join(phrases(content)).replace("{s}", "").lower()
    return set(re.findall(r"[a-z]+", text)) - LIGHT


@pytest.mark.parametrize("split", ["dev", "test"])
def test_no_english_content_word_of_dev_or_test_occurs_in_train(split: str) -> None:
    assert content_words(ENGLISH.splits["train"]) & content_words(ENGLISH.splits[split]) == set()


@pytest.mark.parametrize("language", list(LEXICONS))
def test_dev_and_test_share_no_phrase(language: str) -> None:
    splits = LEXICONS[language].splits
    assert phrases(splits["dev"]) & phrases(splits["test"]) == set()


@pytest.mark.parametrize("language", list(LEXICONS))
def test_no_phrase_occurs_twice_in_a_slot_or_among_the_events(language: str) -> None:
    for content in LEXICONS[language].splits.values():
        for values in content.values.values():
            assert len(set(values)) == len(values)
        events = list(chain(*content.scenes.values()))
        assert len(set(events)) == len(events)


def test_light_words_are_few_enough_not_to_hide_content() -> None:
    shared = content_words(ENGLISH.splits["test"])
    assert len(shared) > 4 * len(LIGHT)


def test_a_pronoun_stands_for_the_name_and_a_sentence_is_finished() -> None:
    assert ENGLISH.fact("test", "home", 0, 0, "Mary") == "Mary lives in Oslo."
    assert ENGLISH.fact("test", "home", 0, 0, None) == "She lives in Oslo."
    assert LEXICONS["tr"].fact("test", "home", 0, 0, None) == "Oslo şehrinde yaşıyor."
    assert LEXICONS["zh"].fact("test", "home", 0, 0, None) == "她住在奥斯陆。"
    assert LEXICONS["hi"].fact("test", "food", 0, 0, None) == "उसे चावल खाना सबसे ज़्यादा पसंद है।"


def test_a_split_value_goes_around_the_subject() -> None:
    assert LEXICONS["de"].fact("test", "act", 0, 1, "Mary") == "Im Moment trinkt Mary Tee."


@pytest.mark.parametrize(
    "scenes",
    ["rain: It rained | It was wet\nrain: It poured | It was wet", "rain: It rained", "It rained"],
    ids=["a key twice", "no effect", "no key"],
)
def test_a_malformed_lexicon_is_refused(scenes: str) -> None:
    with pytest.raises(ValueError):
        words("Mary", dict.fromkeys(SLOTS, "a | b"), scenes)
