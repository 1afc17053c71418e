"""From an encoder and text to results: the right metric, the options passed on, real numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from xlit.errors import InputError, UsageError
from xlit.models.encoders import Loaded, load_encoder, resolve_encoder
from xlit.retrieval.encode import encode
from xlit.retrieval.evaluate import bucc, evaluate_bitext, mine_texts, search_texts, tatoeba
from xlit.retrieval.mine import MiningOptions
from xlit.retrieval.search import Vectors
from xlit.tasks.card import find_card, parse_card
from xlit.tasks.rows import BitextRow, Row, TextRow
from xlit.tasks.sources import DataRecord, Split, load_split

CPU = torch.device("cpu")
GERMAN = [
    "Das rote Haus.",
    "Alle Menschen sind frei.",
    "Der Fluss",
    "ein Buch",
    "Der Hund schläft.",
]
ENGLISH = ["the book", "All human beings are free.", "The river", "The red house.", "a cat"]
GOLD = [(0, 3), (1, 1), (2, 2), (3, 0)]

CARD = """
name = "small-bitext"
kind = "bitext"
summary = "sentences for a test"
licence = "CC0"
citation = "none"
languages = ["de"]
metric = "{metric}"
[bitext]
evaluation = "{evaluation}"
[[splits.test.sources]]
kind = "pocket"
"""


def split_of(metric: str, rows: list[Row] | None = None) -> Split:
    evaluation = "accuracy" if metric == "tatoeba" else "mining"
    card = parse_card(CARD.format(metric=metric, evaluation=evaluation), "card.toml")
    record = DataRecord("small-bitext", "test", "de", "pocket", (), None, "", 0, ())
    return Split(card, "test", "de", tuple(rows or bitext_rows()), record)


def bitext_rows() -> list[Row]:
    return [
        *(BitextRow(str(i), "source", text) for i, text in enumerate(GERMAN)),
        *(BitextRow(str(i), "target", text) for i, text in enumerate(ENGLISH)),
        *(BitextRow(str(source), "gold", str(target)) for source, target in GOLD),
    ]


@pytest.fixture(scope="module")
def loaded(tiny_encoder: Path) -> Loaded:
    return load_encoder(resolve_encoder(str(tiny_encoder)))


def encoded_sides(loaded: Loaded) -> tuple[Vectors, Vectors]:
    """The vectors of both sides from one call, as in an evaluation: the last bits are the same."""
    both = encode(loaded, [*GERMAN, *ENGLISH], device=CPU)
    return both[: len(GERMAN)], both[len(GERMAN) :]


def test_a_tatoeba_card_is_scored_by_accuracy_in_both_directions(loaded: Loaded) -> None:
    score = evaluate_bitext(loaded, split_of("tatoeba"), device=CPU)
    assert score == tatoeba(bitext_rows(), *encoded_sides(loaded))
    assert score.metrics.keys() == {"english_to_foreign", "foreign_to_english"}


def test_a_bucc_card_is_scored_by_mining(loaded: Loaded) -> None:
    score = evaluate_bitext(
        loaded, split_of("bucc"), mining={"k": 2, "margin": "distance"}, device=CPU
    )
    assert score == bucc(bitext_rows(), *encoded_sides(loaded), k=2, margin="distance")
    assert score.thresholds.keys() == {"half_0", "half_1", "oracle"}


def test_a_dev_split_takes_the_place_of_cross_fitting(loaded: Loaded) -> None:
    score = evaluate_bitext(loaded, split_of("bucc"), dev=split_of("bucc"), device=CPU)
    assert score.thresholds.keys() == {"all", "oracle"}
    assert score.thresholds["all"] == score.thresholds["oracle"]
    assert score.metrics["f1"] == score.metrics["oracle_f1"]


def test_the_options_of_encoding_are_passed_on(loaded: Loaded) -> None:
    score = evaluate_bitext(
        loaded, split_of("tatoeba"), layer=0, pooling="cls", prefix="query: ", device=CPU
    )
    # layer 0 and the first token: every vector is that of `<s>`, so the first sentence is found
    assert {item.prediction for item in score.items} == {"0"}


@pytest.mark.parametrize("metric", ["tatoeba", "bucc"])
def test_centring_takes_off_the_mean_of_each_side(loaded: Loaded, metric: str) -> None:
    sides = [encode(loaded, side, normalise=False, device=CPU) for side in (GERMAN, ENGLISH)]
    sides = [side - side.mean(axis=0) for side in sides]
    sides = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides]
    score = evaluate_bitext(loaded, split_of(metric), center=True, device=CPU)
    expected = (tatoeba if metric == "tatoeba" else bucc)(bitext_rows(), *sides)
    assert score.metrics == expected.metrics
    assert [i.similarity for i in score.items] == pytest.approx(
        [i.similarity for i in expected.items], abs=1e-5
    )
    plain = evaluate_bitext(loaded, split_of(metric), device=CPU)
    assert [i.similarity for i in score.items] != [i.similarity for i in plain.items]


def test_mining_ones_own_sentences_can_be_centred(loaded: Loaded) -> None:
    best: MiningOptions = {"margin": "absolute", "retrieval": "forward"}
    found = mine_texts(loaded, GERMAN, ENGLISH, mining=best, center=True, device=CPU)
    sides = [encode(loaded, side, normalise=False, device=CPU) for side in (GERMAN, ENGLISH)]
    sides = [side - side.mean(axis=0) for side in sides]
    sources, targets = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides)
    cosines = sources @ targets.T
    assert {(p.source, p.target) for p in found} == set(enumerate(cosines.argmax(axis=1).tolist()))
    assert [p.score for p in found] == pytest.approx(sorted(cosines.max(axis=1))[::-1], abs=1e-5)


def test_blanks_around_sentences_do_not_count(loaded: Loaded) -> None:
    padded: list[Row] = [
        BitextRow(row.id, row.side, row.text if row.side == "gold" else f" {row.text}  ")
        for row in bitext_rows()
        if isinstance(row, BitextRow)
    ]
    score = evaluate_bitext(loaded, split_of("tatoeba", padded), device=CPU)
    assert score == evaluate_bitext(loaded, split_of("tatoeba"), device=CPU)


def test_a_card_of_another_kind_is_refused(loaded: Loaded) -> None:
    text = CARD.split("[bitext]")[0].replace('kind = "bitext"', 'kind = "classification"')
    text = text.format(metric="accuracy", evaluation="") + 'labels = ["a", "b"]\n'
    card = parse_card(text + '[[splits.test.sources]]\nkind = "pocket"\n', "card.toml")
    split = Split(card, "test", "de", (TextRow("1", "x", None, "a"),), split_of("bucc").record)
    with pytest.raises(UsageError, match="small-bitext is no bitext task"):
        evaluate_bitext(loaded, split, device=CPU)


def test_mined_texts_are_places_in_the_lists_as_given(loaded: Loaded) -> None:
    sources = ["", "Das rote Haus.", "  ", "ein Buch ", "Das rote Haus."]
    targets = ["ein Buch", "\t", "Das rote Haus."]
    pairs = mine_texts(loaded, sources, targets, device=CPU)
    assert {(pair.source, pair.target) for pair in pairs} == {(1, 2), (3, 0)}
    assert pairs[0].score >= pairs[1].score > 1


def test_a_threshold_of_ones_own_cuts_mined_texts(loaded: Loaded) -> None:
    best, *rest = mine_texts(loaded, GERMAN, ENGLISH, mining={"retrieval": "forward"}, device=CPU)
    assert rest
    between = (best.score + rest[0].score) / 2
    above = mine_texts(
        loaded, GERMAN, ENGLISH, mining={"retrieval": "forward"}, threshold=between, device=CPU
    )
    assert list(above) == [best]


@pytest.mark.parametrize(
    ("sources", "targets", "side"),
    [([], ENGLISH, "source"), (GERMAN, ["", "  "], "target")],
    ids=["none", "blank"],
)
def test_a_side_without_sentences_is_bad_input(
    loaded: Loaded, sources: list[str], targets: list[str], side: str
) -> None:
    with pytest.raises(InputError, match=f"the {side} side has no sentence"):
        mine_texts(loaded, sources, targets, device=CPU)


@pytest.fixture(scope="module")
def e5_small(bundled_encoder: Path) -> Loaded:
    return load_encoder(resolve_encoder("e5-small"))


@pytest.mark.shared
@pytest.mark.encoder
@pytest.mark.usefixtures("shared_data")
@pytest.mark.parametrize(
    ("prefix", "foreign_to_english", "english_to_foreign"),
    [("query: ", 85.7, 87.3), ("", 88.9, 89.3)],
    ids=["query", "no-prefix"],
)
def test_tamil_tatoeba_is_that_of_the_bundled_encoders_table(
    e5_small: Loaded, prefix: str, foreign_to_english: float, english_to_foreign: float
) -> None:
    split = load_split(find_card("tatoeba"), "test", "ta")
    score = evaluate_bitext(e5_small, split, prefix=prefix, device=CPU)
    one_sentence = 100 / 307 + 0.05  # the table is rounded to 0.1
    assert score.counts["english_to_foreign_queries"] == 307
    expected = {"english_to_foreign": english_to_foreign, "foreign_to_english": foreign_to_english}
    assert score.metrics == pytest.approx(
        expected | {name: score.metrics[name] for name in ("xsim_error", "xsim_text_error")},
        abs=one_sentence,
    )
    # the margin finds more than the nearest does, and no two English sentences are the same text
    assert score.metrics["xsim_error"] < 100 - foreign_to_english


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_an_encoder_leaves_the_gpu_before_the_search(loaded: Loaded) -> None:
    here = search_texts(loaded, GERMAN, ENGLISH, device=torch.device("cuda"))
    assert loaded.model.device == CPU
    again = search_texts(loaded, GERMAN, ENGLISH, device=torch.device("cuda"))
    assert list(here.cut()) == list(again.cut())
