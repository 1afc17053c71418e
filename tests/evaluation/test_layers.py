"""Which splits pick a layer and which are reported, and what is then written and shown."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.retrieval.test_evaluate import bitext_rows
from xlit.errors import DamagedError, MissingError, UsageError
from xlit.evaluation.bitext import bitext_cell, evaluate_bitext_cells
from xlit.evaluation.development import Development, set_apart
from xlit.evaluation.layer_tables import layer_tables
from xlit.evaluation.layers import LayerSweep, sweep, sweep_task, write_sweeps
from xlit.evaluation.outcomes import Outcome
from xlit.models.encoders import Loaded, load_encoder, resolve_encoder
from xlit.retrieval.bitext import BitextScore
from xlit.retrieval.layers import Reading, readings_of
from xlit.tasks.card import Card, find_card, parse_card
from xlit.tasks.sources import DataRecord, Split, load_split

CPU = torch.device("cpu")
LANGUAGES = ("de", "es", "fi", "hi", "ru", "sw", "ta")

HELD_OUT = """
name = "no-dev"
kind = "bitext"
summary = "a test set and no other, as Tatoeba"
licence = "CC0"
citation = "none"
languages = ["de", "es", "fi", "hi", "ru", "sw", "ta"]
metric = "tatoeba"
[bitext]
evaluation = "accuracy"
[[splits.test.sources]]
kind = "files"
[[splits.test.sources.files]]
path = "no-dev/{lang}.txt"
target = "no-dev/{lang}.en.txt"
format = "lines"
"""


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    """A card without a dev split, with data for all its languages but ta."""
    (tmp_path / "no-dev").mkdir()
    for code in LANGUAGES[:-1]:
        lines = "".join(f"{word} {code}\n" for word in ("eins", "zwei", "drei", "vier"))
        (tmp_path / f"no-dev/{code}.txt").write_text(lines, encoding="utf-8")
        (tmp_path / f"no-dev/{code}.en.txt").write_text("one\ntwo\nthree\nfour\n", encoding="utf-8")
    monkeypatch.setenv("XLIT_DATA", str(tmp_path))
    return parse_card(HELD_OUT, "no-dev.toml")


def here(card: Card, *codes: str) -> list[Split]:
    return [load_split(card, "test", code) for code in codes]


def codes_of(splits: Sequence[Split]) -> list[str]:
    return [split.language for split in splits]


def apart(
    card: Card, *codes: str, named: bool = True, dev: list[str] | None = None
) -> tuple[list[str], list[str], str]:
    reported, found = set_apart(
        card, here(card, *codes), named=named, dev_languages=dev, split=None
    )
    return codes_of(reported), codes_of(found.splits), found.rule


def test_every_fifth_language_of_the_card_picks_and_is_not_reported(card: Card) -> None:
    reported, dev, rule = apart(card, *LANGUAGES[:-1], named=False)
    assert (reported, dev) == (["es", "fi", "hi", "ru"], ["de", "sw"])
    assert "every fifth" in rule


def test_languages_asked_for_by_name_are_reported_and_never_pick(card: Card) -> None:
    assert apart(card, "de", "ru")[:2] == (["de", "ru"], ["sw"])
    assert apart(card, "ru")[:2] == (["ru"], ["de", "sw"])


def test_tatoebas_dev_languages_do_not_depend_on_what_is_at_hand() -> None:
    assert find_card("tatoeba").languages[::5] == (
        "af", "de", "fa", "hu", "ka", "mr", "ru", "tl", "zh",
    )  # fmt: skip


def test_named_dev_languages_pick_and_the_others_are_reported(card: Card) -> None:
    assert apart(card, *LANGUAGES[:-1], named=False, dev=["fi", "hi"])[:2] == (
        ["de", "es", "ru", "sw"],
        ["fi", "hi"],
    )
    assert apart(card, "de", dev=["fi"])[:2] == (["de"], ["fi"])


def test_a_language_cannot_both_pick_and_be_reported(card: Card) -> None:
    with pytest.raises(UsageError, match="--dev-lang fi: no-dev"):
        apart(card, "de", "fi", dev=["fi"])
    with pytest.raises(UsageError, match="leaves no language"):
        apart(card, "de", "fi", named=False, dev=["de", "fi"])
    with pytest.raises(MissingError):
        apart(card, "de", dev=["ta"])


def test_where_no_other_language_is_here_the_usual_layer_is_reported(
    card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    reported, dev, rule = apart(card, *LANGUAGES[:-1:5], named=True)
    assert (reported, dev) == (["de", "sw"], [])
    assert "usual" in rule
    assert "no other language is here to pick a layer on" in capsys.readouterr().err


def test_a_dev_split_picks_and_all_languages_are_reported() -> None:
    pocket = find_card("pocket-bitext")
    splits = [load_split(pocket, "test", code) for code in ("de", "tr")]
    reported, found = set_apart(pocket, splits, named=False, dev_languages=None, split=None)
    assert codes_of(reported) == ["de", "tr"]
    assert [(s.split, s.language) for s in found.splits] == [("dev", "de"), ("dev", "tr")]
    _, named = set_apart(pocket, splits, named=False, dev_languages=["ru"], split=None)
    assert [(s.split, s.language) for s in named.splits] == [("dev", "ru")]


def test_a_dev_split_that_is_evaluated_itself_does_not_pick() -> None:
    pocket = find_card("pocket-bitext")
    splits = [load_split(pocket, "dev", "ru")]
    reported, found = set_apart(pocket, splits, named=True, dev_languages=None, split="dev")
    assert codes_of(reported) == ["ru"]
    assert [(s.split, s.language) for s in found.splits] == [("dev", "de"), ("dev", "tr")]


def test_a_dev_split_that_stands_in_for_a_test_set_cannot_pick() -> None:
    pocket = find_card("pocket-bitext")
    splits = [load_split(pocket, "test", "de"), load_split(pocket, "dev", "ru")]
    _, found = set_apart(pocket, splits, named=False, dev_languages=None, split=None)
    assert [(s.split, s.language) for s in found.splits] == [("dev", "de")]
    with pytest.raises(UsageError, match=r"--dev-lang ru: .* reported on the dev split of ru"):
        set_apart(pocket, splits, named=False, dev_languages=["ru"], split=None)


def test_a_ranking_card_picks_by_languages_though_it_has_a_dev_split() -> None:
    lareqa = find_card("lareqa")
    assert "dev" in lareqa.splits
    record = DataRecord("lareqa", "test", "en", "files", (), None, "", 0, ())
    splits = [Split(lareqa, "test", code, (), record) for code in lareqa.languages]
    reported, found = set_apart(lareqa, splits, named=False, dev_languages=None, split=None)
    assert codes_of(found.splits) == ["ar", "hi", "zh"]
    assert codes_of(reported) == ["de", "el", "en", "es", "ru", "th", "tr", "vi"]


# accuracy by layer 0, 1, 2 and language: the dev language de wants 1, all reported ones want 2
MADE_UP = {"de": (10.0, 60.0, 50.0), "es": (20.0, 30.0, 90.0), "ru": (0.0, 10.0, 80.0)}


def made_up(splits: Sequence[Split]) -> Iterator[Outcome]:
    for split in splits:
        for reading in readings_of([0, 1, 2]):
            # centring turns the order of the layers round
            layer, values = reading.layer, MADE_UP[split.language]
            value = 100.0 - 10 * layer if reading.centred else values[layer]
            metrics = {"english_to_foreign": value, "foreign_to_english": 1.0}
            errors = dict.fromkeys(metrics, 1.0)
            score = BitextScore(
                "tatoeba", "english_to_foreign", metrics, errors, {}, {}, (), (), ()
            )
            cell = partial(bitext_cell, split, score, reading)
            yield Outcome(split, reading, score.main, score.metrics, cell)


def made_up_split(card: Card, language: str) -> Split:
    record = DataRecord(card.name, "test", language, "files", (), None, "", 0, ())
    return Split(card, "test", language, tuple(bitext_rows()), record)


@pytest.fixture(scope="module")
def loaded(tiny_encoder: Path) -> Loaded:
    return load_encoder(resolve_encoder(str(tiny_encoder)))


@pytest.fixture
def swept(card: Card) -> LayerSweep:
    dev, *reported = (made_up_split(card, code) for code in ("de", "es", "ru"))
    cells, found = sweep(
        made_up([dev, *reported]),
        reported,
        Development((dev,), "by hand"),
        usual=2,
        center=False,
    )
    assert [(c.language, c.main, c.about["layer"], c.about["centred"]) for c in cells] == [
        ("es", 30.0, 1, False),
        ("ru", 10.0, 1, False),
    ]
    return found


def test_the_dev_languages_pick_even_where_the_reported_ones_would_not(swept: LayerSweep) -> None:
    assert swept.picked == Reading(1, False)
    assert swept.about()["picked_on"] == ["test de"]
    # 3 layers, plain and centred, 3 languages
    assert len(swept.rows) == 18
    assert {row["language"] for row in swept.rows if row["use"] == "dev"} == {"de"}


def test_centred_readings_pick_a_layer_of_their_own(card: Card) -> None:
    dev, reported = (made_up_split(card, code) for code in ("de", "es"))
    cells, found = sweep(
        made_up([dev, reported]), [reported], Development((dev,), "by hand"), usual=2, center=True
    )
    assert found.picked == Reading(0, True)
    assert cells[0].main == 100.0


def test_a_split_that_only_fits_thresholds_is_in_no_row_and_no_cell(card: Card) -> None:
    dev, fitting, reported = (made_up_split(card, code) for code in ("de", "es", "ru"))
    cells, found = sweep(
        made_up([dev, fitting, reported]),
        [reported],
        Development((dev,), "by hand"),
        usual=2,
        center=False,
    )
    assert [cell.language for cell in cells] == ["ru"]
    assert {row["language"] for row in found.rows} == {"de", "ru"}


def test_without_dev_languages_the_usual_layer_is_reported(card: Card, loaded: Loaded) -> None:
    nothing = Development((), "the usual one")
    cells, sweep = sweep_task(
        loaded, here(card, "es"), nothing, layers=[0, 2], usual=-1, device=CPU
    )
    assert sweep.picked == Reading(2, False)
    assert cells[0].about["layer"] == 2
    with pytest.raises(UsageError, match="nothing is left to pick one of the layers 0,1 on"):
        sweep_task(loaded, here(card, "es"), nothing, layers=[0, 1], usual=-1, device=CPU)


def test_the_table_marks_the_best_of_a_column_and_names_what_was_picked(
    swept: LayerSweep, tmp_path: Path
) -> None:
    about = write_sweeps([swept], tmp_path)
    assert about == {"no-dev": swept.about()}
    assert json.loads((tmp_path / "layers.json").read_text())["no-dev"]["layer"] == 1
    (table,) = layer_tables(tmp_path)
    assert table.header[:4] == ("layer", "dev", "en→xx", "xx→en")
    assert table.header[4:] == ("centred dev", "centred en→xx", "centred xx→en")
    assert [row[:3] for row in table.rows] == [
        ("0", "10.0", "10.0"),
        ("1 (picked)", "*60.0", "20.0"),
        ("2", "50.0", "*85.0"),
    ]
    assert "reported: es,ru" in table.notes[0]
    assert table.notes[1] == "picked: layer 1 by english_to_foreign on test de (by hand)"


def test_a_sweep_of_hidden_answers_has_no_table(tmp_path: Path) -> None:
    nothing = LayerSweep("hidden", "map@20", Reading(2, False), "the usual one", ())
    write_sweeps([nothing], tmp_path)
    assert layer_tables(tmp_path) == []


@pytest.mark.parametrize("text", ["", "[1]", '{"a": 1}', '{"a": {"scores": []}}', "[" * 100_000])
def test_a_damaged_file_of_layers_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "layers.json").write_text(text, encoding="utf-8")
    with pytest.raises(DamagedError, match=r"layers\.json: no scores by layer"):
        layer_tables(tmp_path)


def test_an_artefact_without_a_sweep_has_no_table(tmp_path: Path) -> None:
    assert layer_tables(tmp_path) == []


def test_the_score_of_one_layer_is_the_row_of_the_sweep(card: Card, loaded: Loaded) -> None:
    found = here(card, "fi")[0]
    _, sweep = sweep_task(loaded, [found], Development((), ""), layers="all", usual=0, device=CPU)
    row = next(r for r in sweep.rows if r["layer"] == 0 and not r["centred"])
    (cell,) = evaluate_bitext_cells(loaded, [found], layer=0, device=CPU)
    assert row["english_to_foreign"] == cell.metrics["english_to_foreign"]
    assert cell.about["layer"] == 0
