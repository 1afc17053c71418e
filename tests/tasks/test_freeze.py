import pytest

from tests.cli.little import CARD
from xlit.errors import InputError, UsageError
from xlit.tasks.card import parse_card
from xlit.tasks.freeze import Freeze, canonical_freeze, parse_freeze
from xlit.tasks.recipes import recipe_for


@pytest.mark.parametrize(
    ("text", "embeddings", "layers"),
    [
        ("none", False, ()),
        ("embeddings", True, ()),
        ("0-5", False, (0, 1, 2, 3, 4, 5)),
        ("embeddings,0-2", True, (0, 1, 2)),
        ("embeddings,0,2,4-6", True, (0, 2, 4, 5, 6)),
        ("11", False, (11,)),
    ],
)
def test_a_text_names_embeddings_and_layers(
    text: str, embeddings: bool, layers: tuple[int, ...]
) -> None:
    assert parse_freeze(text) == Freeze(embeddings, layers)
    assert str(parse_freeze(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("5-7, 3,embeddings,4", "embeddings,3-7"),
        ("0,1,2,3", "0-3"),
        ("2-4,3-5,3", "2-5"),
        ("00-01", "0-1"),
        (" none ", "none"),
    ],
)
def test_what_is_the_same_has_one_text(text: str, canonical: str) -> None:
    assert canonical_freeze(text) == canonical


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'' is neither none nor embeddings nor layers"),
        ("none,0", "'none' is neither"),
        ("0-", "'0-' is neither"),
        ("-1", "'-1' is neither"),
        ("embedding", "'embedding' is neither"),
        ("0-5-7", "'0-5-7' is neither"),
        ("٣", "'٣' is neither"),
        ("1000000000", "'1000000000' is neither"),
        ("5-3", "5-3: the lower layer comes first"),
    ],
)
def test_a_text_that_names_nothing_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_freeze(text)


def test_layers_that_an_encoder_does_not_have_are_refused() -> None:
    Freeze(True, (0, 11)).check(12)
    Freeze(True).check(0)
    with pytest.raises(UsageError, match="--freeze 0,12: the encoder has the layers 0 to 11"):
        Freeze(False, (0, 12)).check(12)


def test_a_card_may_freeze_layers_in_its_recipe() -> None:
    text = CARD.replace('metric = "accuracy"', 'metric = "accuracy"\nrecipes.small.freeze = "1,0"')
    card = parse_card(text, "little.toml")
    assert recipe_for(card, "small").freeze == "0-1"
    assert parse_card(card.toml(), "again.toml") == card


def test_a_card_that_freezes_nothing_known_is_refused_by_its_key() -> None:
    text = CARD.replace('metric = "accuracy"', 'metric = "accuracy"\nrecipes.small.freeze = "top"')
    with pytest.raises(InputError, match=r"recipes\.small\.freeze: 'top' is neither none nor"):
        parse_card(text, "little.toml")
