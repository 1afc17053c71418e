from xlit.commands.training_inputs import Splits
from xlit.tasks.card import find_card


def test_a_split_is_read_once_and_another_one_is_another() -> None:
    splits, card = Splits(), find_card("pocket-nli")
    train = splits.load(card, "train", "en")
    assert splits.load(find_card("pocket-nli"), "train", "en") is train
    assert splits.load(card, "dev", "en").split == "dev"
    changed = card.model_copy(update={"labels": tuple(reversed(card.labels))})
    assert splits.load(changed, "train", "en").card.labels == changed.labels
