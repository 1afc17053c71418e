"""What a scores artefact says of a suite and what its submission scores are the same numbers.

Two ways lead there that share no code but the metrics: from the cells of an evaluation, and through
the files of a submission, read back as the official evaluator reads them.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xlit.evaluation.bitext import evaluate_bitext_cells
from xlit.evaluation.evaluate import Cell, cell_of
from xlit.evaluation.ranking import evaluate_ranking_cells
from xlit.evaluation.results import write_results, write_submission
from xlit.evaluation.submission import score_submission
from xlit.evaluation.suites import suite_results
from xlit.models.encoders import load_encoder, resolve_encoder
from xlit.tasks.card import Card, find_card
from xlit.tasks.rows import BitextRow, ChoiceRow, RankingRow, Row, SpanRow, TaggedRow, TextRow
from xlit.tasks.sources import DataRecord, Split
from xlit.tasks.suite import Suite, find_suite

PASSAGE = (
    "The mayor's “old” bridge, built in 1,902 — over the An-Nahr (النهر), cost 3.5 million 元; "
    "第3届会议在这里。 Unos días después la casa ardió. Der Rat baute das Haus neu. क्या है?"
)
TEXT = PASSAGE.split(" ")
SENTENCES = tuple(
    f"{a} {b} {c}"
    for a in ("Das Kind", "All human beings", "Mtoto anasoma", "Ребёнок")
    for b in ("reads", "sieht", "катит")
    for c in ("a book.", "den Hund?", "dogs, too")
)


def text(chance: random.Random) -> str:
    start = chance.randrange(len(TEXT) - 4)
    return " ".join(TEXT[start : start + chance.randrange(1, 4)])


def classification(card: Card, chance: random.Random) -> tuple[list[Row], list[Any]]:
    rows: list[Row] = [TextRow(f"{i}", "a", "b", chance.choice(card.labels)) for i in range(30)]
    return rows, [chance.choice(card.labels) for _ in rows]


def multiple_choice(card: Card, chance: random.Random) -> tuple[list[Row], list[Any]]:
    rows: list[Row] = [
        ChoiceRow(f"{i}", "a", "b", ("c", "d"), chance.randrange(2)) for i in range(30)
    ]
    return rows, [chance.randrange(2) for _ in rows]


def span_qa(card: Card, chance: random.Random) -> tuple[list[Row], list[Any]]:
    rows: list[Row] = []
    for i in range(30):
        golds = tuple(text(chance) for _ in range(chance.randrange(1, 4)))
        context = f"Kontext {i // 4}: " + PASSAGE
        rows.append(SpanRow(f"q{i}", context, "?", golds, tuple(0 for _ in golds)))
    return rows, [chance.choice([text(chance), "", "the", row.texts[0]]) for row in rows if
                  isinstance(row, SpanRow)]  # fmt: skip


def tagging(card: Card, chance: random.Random) -> tuple[list[Row], list[Any]]:
    rows: list[Row] = []
    predictions = []
    for i in range(30):
        tags = [chance.choice(card.labels) for _ in range(chance.randrange(1, 9))]
        rows.append(TaggedRow(f"{i}", ("w",) * len(tags), tuple(tags)))
        wrong = [tag if chance.random() < 0.7 else chance.choice(card.labels) for tag in tags]
        predictions.append(tuple(wrong))
    return rows, predictions


KINDS: dict[str, Callable[[Card, random.Random], tuple[list[Row], list[Any]]]] = {
    "classification": classification,
    "multiple_choice": multiple_choice,
    "span_qa": span_qa,
    "tagging": tagging,
}


def split_of(card: Card, language: str, rows: Sequence[Row]) -> Split:
    record = DataRecord(
        card.name, card.evaluate, language, "made here", (), None, "", len(rows), ()
    )
    return Split(card, card.evaluate, language, tuple(rows), record)


def of_task(name: str, suite: str, languages: int = 2) -> tuple[Suite, Card]:
    """The suite cut to one task in its first languages, and the task's card."""
    whole = find_suite(suite)
    task = whole.task(name)
    cut = task.model_copy(update={"languages": task.languages[:languages]})
    return whole.model_copy(update={"tasks": (cut,), "groups": {}}), find_card(name)


def check(suite: Suite, splits: list[Split], cells: list[Cell], folder: Path) -> dict[str, Any]:
    """The suite's results, after its submission was scored and gave the same."""
    scores = folder / "scores"
    scores.mkdir()
    write_results(cells, scores)
    write_submission(scores, splits, folder / "out", suite=suite)
    official = score_submission(folder / "out/predictions", folder / "out/labels", suite).as_json()
    ours = suite_results(suite, cells, [], None)
    assert official["missing"] == {}
    for part in ("tasks", "averages", "overall", "without_retrieval", "partial"):
        assert agree(official[part], ours[part]), part
    return ours


def agree(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(agree(ours[k], theirs[k]) for k in theirs)
    return bool(ours == pytest.approx(theirs, abs=1e-9))


@pytest.mark.parametrize(
    "name", ["xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "xcopa"]
)
@pytest.mark.parametrize("seed", range(3))
def test_a_task_with_a_head_has_the_same_numbers_twice(
    name: str, seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    suite, card = of_task(name, "xtreme-r" if name == "xcopa" else "xtreme")
    splits, cells = [], []
    for language in suite.tasks[0].languages:
        rows, predictions = KINDS[card.kind](card, chance)
        splits.append(split_of(card, language, rows))
        cells.append(cell_of(splits[-1], predictions))
    found = check(suite, splits, cells, tmp_path)
    # neither all right nor all wrong: an empty comparison would agree as well
    assert 0 < found["overall"][suite.overall] < 100


def sentences(chance: random.Random) -> list[Row]:
    """A small BUCC or Tatoeba: gold pairs of one sentence and a copy with one word changed."""
    rows: list[Row] = []
    chosen = chance.sample(SENTENCES, 24)
    for i, sentence in enumerate(chosen):
        rows.append(BitextRow(f"xx-{i}", "source", sentence))
        other = sentence.replace("reads", "liest").replace("Das", "The")
        rows.append(BitextRow(f"en-{i}", "target", f"{other} {chance.randrange(9)}"))
    order = list(range(24))
    chance.shuffle(order)
    rows += [BitextRow(f"xx-{i}", "gold", f"en-{i}") for i in sorted(order[:16])]
    return rows


@pytest.mark.parametrize("name", ["bucc", "tatoeba"])
def test_a_retrieval_task_has_the_same_numbers_twice(
    name: str, tmp_path: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # no data is here: a mining threshold is cross-fitted
    monkeypatch.delenv("XLIT_DATA", raising=False)
    chance = random.Random(7)
    suite, card = of_task(name, "xtreme")
    if card.bitext is not None:
        bitext = card.bitext.model_copy(update={"tune": None})
        card = card.model_copy(update={"bitext": bitext})
    encoder = load_encoder(resolve_encoder(str(tiny_encoder)))
    splits = [split_of(card, code, sentences(chance)) for code in suite.tasks[0].languages]
    cells = evaluate_bitext_cells(encoder, splits)
    found = check(suite, splits, cells, tmp_path)
    assert 0 < found["overall"][suite.overall] < 100
    assert found["without_retrieval"] is None


def ranked(name: str, language: str, chance: random.Random) -> list[Row]:
    """Queries and candidates; of LAReQA each language has sentences of its own for the same
    questions, of Mewsli-X the entities are the same in every file."""
    own = f"{language}_" if name == "lareqa" else "Q"
    candidates = [f"{own}{i}" for i in range(12)]
    rows: list[Row] = []
    for i in range(9 if language == "ar" else 6):
        right = (candidates[i],) if name == "mewslix" else tuple(chance.sample(candidates, 2))
        rows.append(RankingRow(f"q{i}", "query", text(chance), answers=right))
    for i, candidate in enumerate(candidates):
        sentence = " ".join(TEXT[2 * i : 2 * i + 4])
        rows.append(RankingRow(candidate, "candidate", sentence, "Der Rat.", (candidate,)))
    return rows


@pytest.mark.parametrize("name", ["lareqa", "mewslix"])
def test_a_ranking_task_has_the_same_numbers_twice(
    name: str, tmp_path: Path, tiny_encoder: Path
) -> None:
    chance = random.Random(3)
    suite, card = of_task(name, "xtreme-r")
    encoder = load_encoder(resolve_encoder(str(tiny_encoder)))
    codes = suite.tasks[0].languages
    splits = [split_of(card, code, ranked(name, code, chance)) for code in codes]
    cells = evaluate_ranking_cells(encoder, splits)
    found = check(suite, splits, cells, tmp_path)
    if name == "lareqa":  # the mean over all questions: the languages have not the same number
        assert found["averages"]["lareqa"]["avg_metric"] == pytest.approx(cells[0].about["pooled"])
        assert cells[0].main is not None and cells[1].main is not None
        plain = (cells[0].main + cells[1].main) / 2
        assert found["averages"]["lareqa"]["avg_metric"] != pytest.approx(plain)
    assert 0 < found["overall"][suite.overall] < 100


def test_a_cell_without_gold_is_in_the_predictions_and_in_no_number(tmp_path: Path) -> None:
    suite, card = of_task("xnli", "xtreme")
    rows, predictions = classification(card, random.Random(0))
    hidden: list[Row] = [replace(row, label=None) for row in rows if isinstance(row, TextRow)]
    first, second = split_of(card, "ar", rows), split_of(card, "bg", hidden)
    cells = [cell_of(first, predictions), cell_of(second, predictions)]
    (tmp_path / "scores").mkdir()
    write_results(cells, tmp_path / "scores")
    write_submission(tmp_path / "scores", [first, second], tmp_path, suite=suite)
    scored = score_submission(tmp_path / "predictions", tmp_path / "labels", suite)
    ours = suite_results(suite, cells, [], None)
    assert [files.line() for files in scored.missing] == ["xnli: no labels for bg"]
    assert ours["partial"] == scored.as_json()["partial"]
    assert ours["partial"]["tasks"]["xnli"]["languages"] == 1
