"""LAReQA's and Mewsli-X's way from rows to cells, with texts whose vectors are known."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tasks.ranking_cards import NEWS, QUESTIONS, card
from xlit.errors import UsageError
from xlit.evaluation.development import Development
from xlit.evaluation.layers import sweep_task
from xlit.evaluation.ranking import evaluate_ranking_cells, ranking_outcomes
from xlit.evaluation.results import write_results, write_submission
from xlit.models.encoders import Loaded, load_encoder, resolve_encoder
from xlit.retrieval import one_pass
from xlit.retrieval.encode import encode_layers
from xlit.retrieval.layers import Reading, readings_of
from xlit.tasks.card import Card, find_card
from xlit.tasks.loading import Loaded as Source
from xlit.tasks.rows import RankingRow
from xlit.tasks.sources import Split, load_split, make_record

CPU = torch.device("cpu")
CARD = card(QUESTIONS)


def candidate(row_id: str, text: str) -> RankingRow:
    return RankingRow(row_id, "candidate", text, "", (row_id,))


def query(row_id: str, text: str, *answers: str) -> RankingRow:
    return RankingRow(row_id, "query", text, "", answers)


def split_of(language: str, rows: Sequence[RankingRow], of: Card = CARD) -> Split:
    record = make_record(of, "test", language, Source("files", list(rows)))
    return Split(of, "test", language, tuple(rows), record)


# a query with a candidate's own text finds that one first
ENGLISH = split_of(
    "en",
    [
        candidate("en_1_0", "The dog sleeps under the table."),
        candidate("en_1_1", "Who bought the green car yesterday?"),
        query("q1", "The dog sleeps under the table.", "en_1_0"),
        query("q2", "Who bought the green car yesterday?", "en_1_0"),
    ],
)
GERMAN = split_of(
    "de",
    [
        candidate("de_1_0", "Das Kind liest ein rotes Buch."),
        query("q1", "Das Kind liest ein rotes Buch.", "de_1_0"),
    ],
)


@pytest.fixture
def loaded(tiny_encoder: Path) -> Loaded:
    return load_encoder(resolve_encoder(str(tiny_encoder)))


def test_all_languages_share_one_pool_and_every_language_has_a_cell(loaded: Loaded) -> None:
    english, german = evaluate_ranking_cells(loaded, [ENGLISH, GERMAN], device=CPU)
    found = {(item.language, item.item): item for item in (*english.items, *german.items)}
    assert list(found) == [("en", "q1"), ("en", "q2"), ("de", "q1")]
    # q1's targets are the sentences of both languages, whoever asks
    for language in ("en", "de"):
        assert json.loads(found[language, "q1"].gold) == ["en_1_0", "de_1_0"]
        ranking = json.loads(found[language, "q1"].prediction)
        assert sorted(ranking) == ["de_1_0", "en_1_0", "en_1_1"]
        assert ranking[0] == f"{language}_1_0"
        second = ranking.index("de_1_0" if language == "en" else "en_1_0") + 1
        assert found[language, "q1"].score == pytest.approx((1 + 2 / second) / 2)
    missed = json.loads(found["en", "q2"].prediction)
    assert missed[0] == "en_1_1"
    assert found["en", "q2"].score == pytest.approx(1 / (missed.index("en_1_0") + 1))
    assert english.rows == 2
    assert english.about["pool"] == german.about["pool"] == 3


def test_the_pooled_number_is_the_mean_over_all_questions(loaded: Loaded) -> None:
    english, german = evaluate_ranking_cells(loaded, [ENGLISH, GERMAN], device=CPU)
    scores = [item.score or 0.0 for cell in (english, german) for item in cell.items]
    pooled = 100 * sum(scores) / 3
    assert english.about["pooled"] == german.about["pooled"] == pytest.approx(pooled)
    assert english.about["pooled_languages"] == 2
    assert english.main is not None
    assert english.main == pytest.approx(100 * sum(scores[:2]) / 2)
    assert english.metrics == {"map@20": english.main}
    assert english.about["main_metric"] == "map@20"


def test_full_map_is_had_by_name_and_beside_the_cut_one(loaded: Loaded) -> None:
    many = [candidate(f"x{i}", f"the {word} {i}") for i in range(6) for word in ("cat", "dog")]
    rows = [
        replace(row, id=f"{row.id}-{i}", answers=(f"{row.id}-{i}",)) for i, row in enumerate(many)
    ]
    rows += [candidate(f"t{i}", f"Alle Menschen {i}") for i in range(15)]
    asking = split_of("en", [*rows, query("q", "the cat 1", *[f"t{i}" for i in range(15)])])
    (cell,) = evaluate_ranking_cells(loaded, [asking], metric="map", device=CPU)
    assert list(cell.metrics) == ["map@20", "map"]
    assert cell.about["main_metric"] == "map"
    assert cell.main == cell.metrics["map"] == pytest.approx(100 * (cell.items[0].score or 0))
    assert cell.metrics["map"] >= cell.metrics["map@20"]  # all 15 are found, 20 places hold fewer
    assert len(json.loads(cell.items[0].prediction)) == 20


@pytest.mark.parametrize(
    ("length", "asked", "tied"),
    [
        pytest.param(32, 512, True, id="the card's length, whatever is asked"),
        pytest.param(99, 32, True, id="less, where less is asked"),
        pytest.param(99, 512, False, id="long enough"),
    ],
)
def test_candidates_are_cut_to_the_cards_length(
    loaded: Loaded, length: int, asked: int, tied: bool
) -> None:
    """Two that differ behind the cut are one vector, and stay in their order both ways."""
    of = card(QUESTIONS, candidate_length=str(length))
    front = "dog cat " * 20
    pair = [candidate("a", front + "birds birds birds"), candidate("b", front + "река река река")]
    orders = []
    for rows in (pair, pair[::-1]):
        asking = split_of("en", [*rows, query("q", "the dog", "a")], of)
        (cell,) = evaluate_ranking_cells(loaded, [asking], device=CPU, max_length=asked)
        orders.append(json.loads(cell.items[0].prediction))
    assert (orders == [["a", "b"], ["b", "a"]]) is tied


def test_a_context_is_read_with_its_candidate_alone(loaded: Loaded) -> None:
    sentence, context = "Das Kind liest", " ein rotes Buch."
    rows = [
        RankingRow("de_1_0", "candidate", sentence, context, ("de_1_0",)),
        RankingRow("de_1_1", "candidate", "Das Kind", context, ("de_1_1",)),
        RankingRow("q", "query", sentence + context, "never read", ("de_1_0",)),
    ]
    (cell,) = evaluate_ranking_cells(loaded, [split_of("de", rows)], device=CPU)
    assert cell.main == 100


def test_hidden_answers_give_predictions_and_no_score(loaded: Loaded) -> None:
    hidden = split_of("de", [candidate("de_1_0", "ein Buch"), query("q9", "Buch?")])
    english, german = evaluate_ranking_cells(loaded, [ENGLISH, hidden], device=CPU)
    assert english.main is not None
    assert german.main is None
    assert [item.score for item in german.items] == [None]
    assert "pooled" not in english.about


def test_another_kind_is_refused(loaded: Loaded) -> None:
    other = split_of("de", [])
    with pytest.raises(UsageError, match="tatoeba is no ranking task"):
        evaluate_ranking_cells(loaded, [replace(other, card=find_card("tatoeba"))])


def test_a_submission_holds_what_was_ranked(loaded: Loaded, tmp_path: Path) -> None:
    cells = evaluate_ranking_cells(loaded, [ENGLISH, GERMAN], device=CPU)
    (tmp_path / "scores").mkdir()
    write_results(cells, tmp_path / "scores")
    write_submission(tmp_path / "scores", [ENGLISH, GERMAN], tmp_path)
    labels = json.loads((tmp_path / "labels/find/test-en.json").read_text("utf-8"))
    assert labels == {"q1": ["en_1_0", "de_1_0"], "q2": ["en_1_0"]}
    made = json.loads((tmp_path / "predictions/find/test-de.json").read_text("utf-8"))
    assert made == {"q1": json.loads(cells[1].items[0].prediction)}


def test_mewslix_scores_are_reciprocal_ranks(loaded: Loaded) -> None:
    news = card(NEWS, metric='"mrr"', group='"answers"')
    entities = [candidate("Q1", "the dog"), candidate("Q2", "der Fluss")]
    splits = [
        split_of(
            "en", [*entities, query("e1", "the dog", "Q1"), query("e2", "the dog", "Q2")], news
        ),
        split_of("de", [*entities, query("e3", "der Fluss", "Q2"), query("e4", "?", "Q7")], news),
    ]
    english, german = evaluate_ranking_cells(loaded, splits, device=CPU)
    assert [item.score for item in english.items] == [1.0, 0.5]
    assert english.metrics == {"map@20": 75.0}
    # an entity that is no candidate is never found and counts
    assert [item.score for item in german.items] == [1.0, 0.0]
    assert german.items[1].gold == '["Q7"]'


def test_each_reading_ranks_as_it_does_alone(loaded: Loaded) -> None:
    found = {
        (outcome.reading, outcome.split.language): outcome
        for outcome in ranking_outcomes(
            loaded, [[ENGLISH, GERMAN]], readings_of([0, 2]), metric="map", device=CPU
        )
    }
    assert len(found) == 8
    for (reading, language), outcome in found.items():
        alone = evaluate_ranking_cells(
            loaded,
            [ENGLISH, GERMAN],
            metric="map",
            layer=reading.layer,
            center=reading.centred,
            device=CPU,
        )[["en", "de"].index(language)]
        assert outcome.cell() == alone
        assert outcome.metrics == alone.metrics
        assert (alone.about["layer"], alone.about["centred"]) == (reading.layer, reading.centred)


def test_a_pool_is_searched_as_the_index_says(loaded: Loaded) -> None:
    exact, flat = (
        evaluate_ranking_cells(loaded, [ENGLISH, GERMAN], index=index, device=CPU)
        for index in ("exact", "Flat")
    )
    assert exact == flat
    with pytest.raises(UsageError, match="nonsense"):
        evaluate_ranking_cells(loaded, [ENGLISH, GERMAN], index="nonsense", device=CPU)


def test_every_cell_of_a_pool_has_the_recall_of_its_search(loaded: Loaded) -> None:
    exact = evaluate_ranking_cells(loaded, [ENGLISH, GERMAN], device=CPU)
    assert not any("neighbours_found" in cell.about for cell in exact)
    cells = evaluate_ranking_cells(loaded, [ENGLISH, GERMAN], index="HNSW4", device=CPU)
    assert [cell.about["neighbours_found"] for cell in cells] == [
        {"forward": {"share": 1.0, "queries": 3}}
    ] * 2


def test_pools_do_not_see_each_other_and_share_what_is_encoded(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []

    def counted(of: Loaded, texts: Sequence[str], *args: Any, **options: Any) -> Any:
        encoded.extend(texts)
        return encode_layers(of, texts, *args, **options)

    # counts what the encoder is asked for; it answers as before
    monkeypatch.setattr(one_pass, "encode_layers", counted)
    entities = [candidate("Q1", "the dog"), candidate("Q2", "der Fluss")]
    news = card(NEWS, metric='"mrr"', group='"answers"')
    pools = [
        [split_of("en", [*entities, query("e1", "a dog", "Q1")], news)],
        [split_of("de", [*entities, query("e2", "Fluss", "Q2")], news)],
    ]
    outcomes = list(ranking_outcomes(loaded, pools, readings_of([1, 2]), device=CPU))
    assert [o.split.language for o in outcomes] == ["en"] * 4 + ["de"] * 4
    assert {o.cell().about["pooled_languages"] for o in outcomes} == {1}
    assert sorted(encoded) == ["Fluss", "a dog", "der Fluss", "the dog"]


def test_a_layer_of_a_ranking_task_is_picked_by_the_languages_set_apart(loaded: Loaded) -> None:
    cells, sweep = sweep_task(
        loaded, [GERMAN], Development((ENGLISH,), "by hand"), layers="all", usual=-1, device=CPU
    )
    on_dev = {
        row["layer"]: row["map@20"]
        for row in sweep.rows
        if row["use"] == "dev" and not row["centred"]
    }
    best = max(on_dev, key=lambda layer: (on_dev[layer], -layer))
    assert sweep.picked == Reading(best, False)
    assert [(c.language, c.about["layer"], c.about["pool"]) for c in cells] == [("de", best, 1)]
    assert sweep.about()["picked_on"] == ["test en"]


def test_nothing_is_picked_on_hidden_answers(loaded: Loaded) -> None:
    hidden = split_of("en", [candidate("en_1_0", "a book"), query("q9", "book?")])
    with pytest.raises(UsageError, match="no score to pick a layer by"):
        sweep_task(
            loaded, [GERMAN], Development((hidden,), "by hand"), layers="all", usual=-1, device=CPU
        )


@pytest.mark.shared
def test_a_little_pool_of_real_questions_is_ranked(loaded: Loaded, shared_data: Path) -> None:
    """Two languages, two paragraphs each, a random encoder: what is right is found in both."""
    lareqa = find_card("lareqa")
    splits = []
    for language in ("en", "de"):
        rows = load_split(lareqa, "test", language).rows[:40]
        known = {row.id for row in rows}
        kept = [r for r in rows if isinstance(r, RankingRow) and known.issuperset(r.answers)]
        splits.append(split_of(language, kept, lareqa))
    cells = evaluate_ranking_cells(loaded, splits, device=CPU)
    golds = [json.loads(item.gold) for item in cells[0].items]
    assert all({answer[:2] for answer in gold} <= {"en", "de"} for gold in golds)
    assert sum(len(gold) == 2 for gold in golds) > 5
    assert cells[0].about["pool"] == sum(r.side == "candidate" for s in splits for r in ranking(s))


def ranking(split: Split) -> list[RankingRow]:
    return [row for row in split.rows if isinstance(row, RankingRow)]
