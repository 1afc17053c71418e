"""Numbers worked out by hand in PROTOCOL-scoring sections 6 and 7."""

import unicodedata

import pytest

from xlit.errors import InputError
from xlit.metrics.spans import mlqa_normalise, mlqa_scores, squad_normalise, squad_scores


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("The 1,200-seat Hall!", "1200seat hall", id="punctuation is deleted"),
        pytest.param("1.5", "15", id="decimal point too"),
        pytest.param("a cat an owl the fox", "cat owl fox", id="articles"),
        pytest.param("a_b theatre", "ab theatre", id="articles inside words stay"),
        pytest.param("“the” …", "“ ” …", id="curly quotes stay, and are word borders"),
        pytest.param("x\u00a0y\u3000z\u001cw", "x y z w", id="all white space"),
        pytest.param("x\u200by", "x\u200by", id="zero-width space is none"),
        pytest.param("a\u0301b", "\u0301b", id="combining mark is no letter"),
        pytest.param("á", "á", id="composed letter stays"),
        pytest.param("STRASSE ß", "strasse ß", id="no case folding"),
        pytest.param("ΟΔΟΣ", "οδος", id="final sigma"),
        pytest.param("İ", "i\u0307", id="dotted capital I"),
        pytest.param("el das", "el das", id="other languages' articles stay"),
    ],
)
def test_squad_normal_form(text: str, expected: str) -> None:
    assert squad_normalise(text) == expected


def test_squad_scores_of_the_worked_example() -> None:
    assert squad_scores("The 1,200-seat Hall!", ["1200 seat hall"]) == pytest.approx((0.0, 0.4))


def test_both_sides_empty_match_exactly_but_have_no_overlap() -> None:
    assert squad_scores("a", ["The"]) == (1.0, 0.0)
    assert mlqa_scores("el", ["los"], "es") == (1.0, 0.0)


def test_chinese_has_no_partial_credit_by_squad_rules() -> None:
    assert squad_scores("308分", ["308"]) == (0.0, 0.0)


def test_overlap_counts_multiplicity() -> None:
    # overlap 1 of 3 and 1: P 1/3, R 1
    assert squad_scores("cat cat cat", ["cat"])[1] == pytest.approx(0.5)


def test_maxima_over_golds_are_taken_separately() -> None:
    assert squad_scores("cat", ["dog", "cat"]) == (1.0, 1.0)
    # normal forms: "", so the first gold gives the exact match and none gives F1
    assert squad_scores("the", ["an", "cat"]) == (1.0, 0.0)


@pytest.mark.parametrize("language", [None, "en"])
def test_a_question_without_gold_is_refused(language: str | None) -> None:
    with pytest.raises(InputError, match="no gold answer"):
        mlqa_scores("x", [], language) if language else squad_scores("x", [])


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("es", "Unos días en la costa", "días en costa"),
        ("es", "lo del mar", "lo del mar"),
        ("de", "Das Ende der Welt", "ende welt"),
        ("de", "kein the", "kein the"),
        ("vi", "Chiếc áo của anh", "áo anh"),
        ("hi", "क्या है?", "क्या है"),
        ("zh", "第3届ACM会议", "第 3 届 acm 会 议"),
        ("zh", "\u4e00\u9fa5\u9fa6\u3400〇かな", "\u4e00 \u9fa5 \u9fa6\u3400〇かな"),
        ("ar", "المالية", "م ية"),
        ("ar", "رجال", "رج"),
        ("ar", "الألمانية", "ألمانية"),
        ("en", "The “cat” – 5€ ~ 3°", "cat 5€ 3°"),
        ("en", "x·y。z、w～v", "xyzw～v"),
    ],
)
def test_mlqa_normal_form(language: str, text: str, expected: str) -> None:
    assert mlqa_normalise(text, language) == expected


def test_decomposed_vietnamese_articles_stay() -> None:
    text = unicodedata.normalize("NFD", "của anh")
    assert mlqa_normalise(text, "vi") == text
    assert mlqa_normalise(unicodedata.normalize("NFC", text), "vi") == "anh"


def test_mlqa_scores_chinese_by_characters() -> None:
    # overlap 3: P 3/6, R 3/3
    assert mlqa_scores("第3届ACM会议", ["ACM会议"], "zh") == pytest.approx((0.0, 2 / 3))


def test_mlqa_refuses_other_languages() -> None:
    with pytest.raises(InputError, match=r"'fr'.*known: en, es, de, ar, hi, vi, zh"):
        mlqa_scores("le chat", ["chat"], "fr")
