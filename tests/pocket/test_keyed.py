"""Keyed choices are the same everywhere and fair."""

from collections import Counter

from xlit.pocket.keyed import another, draw, pick, shuffled


def test_a_draw_depends_on_its_key_alone() -> None:
    # sha256("key") begins with 2c70e12b7a0646f9 (coreutils' sha256sum)
    assert draw("key", 1 << 64) == 0x2C70E12B7A0646F9
    assert draw("key", 10) == 0x2C70E12B7A0646F9 % 10


def test_draws_are_fair() -> None:
    counts = Counter(draw(f"key {i}", 4) for i in range(4000))
    assert set(counts) == {0, 1, 2, 3}
    assert max(counts.values()) - min(counts.values()) < 200


def test_another_is_never_what_was_taken_and_reaches_the_rest() -> None:
    assert {another(f"key {i}", 5, 3) for i in range(100)} == {0, 1, 2, 4}


def test_pick_takes_one_of_the_items() -> None:
    assert {pick(f"key {i}", "abc") for i in range(50)} == {"a", "b", "c"}


def test_shuffled_keeps_all_items_and_its_order_does_not_depend_on_them() -> None:
    numbers = shuffled("key", range(100))
    assert sorted(numbers) == list(range(100))
    assert numbers != list(range(100))
    assert shuffled("key", [n + 1000 for n in range(100)]) == [n + 1000 for n in numbers]
    assert shuffled("other", range(100)) != numbers
