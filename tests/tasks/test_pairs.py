import pytest

from tests.tasks.conftest import Write
from tests.tasks.sample_cards import bitext_card
from xlit.errors import InputError
from xlit.tasks.card import Card
from xlit.tasks.rows import BitextRow
from xlit.tasks.sources import load_split

ALIGNED = 'path = "{lang}"\ntarget = "en"\nformat = "lines"\n'
SHUFFLED = 'path = "{lang}"\ntarget = "sorted.en"\ngold = "gold"\nformat = "lines"\n'
BUCC = 'path = "z.{lang}"\ntarget = "z.en"\ngold = "z.gold"\nformat = "bucc"\n'
GERMAN = "Ja.\nNein.\nVielleicht.\n"
ENGLISH = " Yes.\r\nNo.\nmaybe \n"


def side(card: Card, name: str) -> list[tuple[str, str]]:
    rows = load_split(card, "test", "de").rows
    return [(r.id, r.text) for r in rows if isinstance(r, BitextRow) and r.side == name]


def test_english_is_stripped_and_sorted_and_keeps_its_line_numbers(write: Write) -> None:
    write("de", GERMAN)
    write("en", ENGLISH)
    card = bitext_card(ALIGNED)
    assert side(card, "source") == [("0", "Ja."), ("1", "Nein."), ("2", "Vielleicht.")]
    # by code point: capitals first
    assert side(card, "target") == [("1", "No."), ("0", "Yes."), ("2", "maybe")]
    assert side(card, "gold") == [("0", "0"), ("1", "1"), ("2", "2")]


@pytest.mark.parametrize(
    ("gold_side", "gold"),
    # the sorted English side is No., Yes., maybe: German line 0 is its line 1, and so on
    [("source", "1\n0\n2\n"), ("target", "1\n0\n2\n")],
)
def test_both_layouts_give_the_same_rows(gold_side: str, gold: str, write: Write) -> None:
    write("de", GERMAN)
    write("en", ENGLISH)
    write("sorted.en", "No.\nYes.\nmaybe\n")
    write("gold", gold)
    aligned = load_split(bitext_card(ALIGNED), "test", "de")
    shuffled = load_split(bitext_card(SHUFFLED + f'gold_side = "{gold_side}"'), "test", "de")
    assert shuffled.rows == aligned.rows


def test_a_gold_file_is_read_from_the_side_that_the_card_names(write: Write) -> None:
    write("de", GERMAN)
    write("sorted.en", "x\ny\nz\n")
    write("gold", "2\n0\n1\n")  # of order three: its inverse is another
    from_source = bitext_card(SHUFFLED + 'gold_side = "source"')
    from_target = bitext_card(SHUFFLED + 'gold_side = "target"')
    assert side(from_source, "target") == [("1", "x"), ("2", "y"), ("0", "z")]
    assert side(from_target, "target") == [("2", "x"), ("0", "y"), ("1", "z")]


@pytest.mark.parametrize(
    ("gold", "problem"),
    [
        ("1\n0\n", r"gold: 2 lines for 3 source and 3 target sentences"),
        ("1\n0\n3\n", r"gold:3: '3' is no line number from 0 to 2"),
        ("1\n0\n-1\n", r"gold:3: '-1' is no line number"),
        ("1\n0\n1\n", r"gold:3: line 1 is taken twice"),
    ],
)
def test_a_gold_file_that_does_not_fit_is_named(gold: str, problem: str, write: Write) -> None:
    write("de", GERMAN)
    write("sorted.en", "No.\nYes.\nmaybe\n")
    write("gold", gold)
    with pytest.raises(InputError, match=problem):
        load_split(bitext_card(SHUFFLED), "test", "de")


def test_sides_that_differ_in_length_are_an_error(write: Write) -> None:
    write("de", GERMAN)
    write("en", ENGLISH + "more\n")
    with pytest.raises(InputError, match=r"en:4: 4 lines, but .*de beside it has 3"):
        load_split(bitext_card(ALIGNED), "test", "de")


def test_mining_rows_keep_their_ids(write: Write) -> None:
    write("z.de", "de-1\tEins\nde-2\tZwei\twei\n")
    write("z.en.gz", "en-7\tTwo\nen-8\tOne\n")
    write("z.gold", "de-2\ten-7\n")
    card = bitext_card(BUCC, "bucc", "mining")
    assert side(card, "source") == [("de-1", "Eins"), ("de-2", "Zwei\twei")]
    assert side(card, "target") == [("en-7", "Two"), ("en-8", "One")]
    assert side(card, "gold") == [("de-2", "en-7")]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("z.gold", "de-1\ten-9\n", r"z\.gold:1: id 'en-9' is not in z\.en"),
        ("z.gold", "en-7\tde-1\n", r"z\.gold:1: id 'en-7' is not in z\.de"),
        ("z.en", "en-7\tTwo\nen-7\tOne\n", r"z\.en:2: id 'en-7' stands twice"),
        ("z.en", "en-7 Two\n", r"z\.en:1: no id, TAB and text"),
    ],
)
def test_mining_files_that_do_not_fit_are_named(
    name: str, text: str, problem: str, write: Write
) -> None:
    write("z.de", "de-1\tEins\n")
    write("z.en", "en-7\tTwo\n")
    write("z.gold", "de-1\ten-7\n")
    write(name, text)
    with pytest.raises(InputError, match=problem):
        load_split(bitext_card(BUCC, "bucc", "mining"), "test", "de")
