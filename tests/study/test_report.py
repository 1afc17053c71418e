"""Entries, labels, averages and differences of a report, from scores made by hand."""

from pathlib import Path
from typing import Any

import pytest

from xlit.artefacts.store import Artefact, Plan, claim
from xlit.errors import UsageError
from xlit.evaluation.evaluate import Cell
from xlit.evaluation.items import Item
from xlit.evaluation.results import write_results
from xlit.study.collect import collect, find_entry
from xlit.study.comparison import average, average_difference, difference
from xlit.study.degenerate import degenerate_counts
from xlit.study.tables import as_json, as_rows, difference_tables, score_tables


def publish(root: Path, *, results: dict[str, Any] | None = None, **over: Any) -> Artefact:
    values: dict[str, Any] = {"revision": 1, "settings": {}, **over}
    plan = Plan(**values)
    with claim(plan, root) as work:
        assert work.done is None
        return work.publish(results or {})


def checkpoint(
    root: Path, size: int | None, seed: int = 0, *, degenerate: bool = False
) -> Artefact:
    """A checkpoint for pocket-copa, on an intermediate one for mnli where `size` is given."""
    parents: tuple[tuple[str, Artefact], ...] = ()
    if size is not None:
        subset = publish(
            root,
            sort="data",
            stage="subsample",
            name=f"mnli-{size}",
            settings={"size": size},
            changed={"task": "mnli", "size": size, "seed": 0},
        )
        middle = publish(
            root,
            sort="checkpoint",
            stage="train-intermediate",
            name="mnli",
            changed={"tasks": ["mnli"], "trained_on": ["mnli"], "encoder": "e5-small"},
            parents=(("data0", subset),),
            data=({"task": "mnli", "rows": size, "use": "train", "digest": "d"},),
        )
        parents = (("encoder", middle),)
    changed: dict[str, Any] = {"tasks": ["pocket-copa"], "trained_on": ["pocket-copa"]}
    changed |= {} if size is not None else {"encoder": "e5-small"}
    changed |= {"seed": seed} if seed else {}
    plan = Plan(
        sort="checkpoint",
        stage="train-target",
        revision=1,
        name="pocket-copa",
        settings={"seed": seed},
        changed=changed,
        parents=parents,
    )
    with claim(plan, root) as work:
        assert work.done is None
        return work.publish({"degenerate": degenerate})


def scores(root: Path, parent: Artefact, right: dict[str, list[int]]) -> Path:
    """A scores artefact whose items are right (1) or wrong (0) as given, by language."""
    cells = []
    for language, marks in right.items():
        share = sum(marks) / len(marks)
        cells.append(
            Cell(
                task="pocket-copa",
                language=language,
                split="test",
                main=100 * share,
                error=100 * (share * (1 - share) / len(marks)) ** 0.5,
                metrics={"accuracy": 100 * share},
                rows=len(marks),
                constant=False,
                items=tuple(
                    Item("pocket-copa", language, str(i), "1", str(mark), float(mark))
                    for i, mark in enumerate(marks)
                ),
                about={"majority": 50.0, "main_metric": "accuracy", "item_mean": True},
            )
        )
    plan = Plan(
        sort="scores",
        stage="eval-xtreme",
        revision=1,
        name="pocket-copa",
        settings={},
        parents=(("checkpoint", parent),),
    )
    with claim(plan, root) as work:
        assert work.done is None
        return work.publish(write_results(cells, work.directory)).path


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    """Without and with an intermediate task: the same four items in two languages."""
    return [
        scores(tmp_path, checkpoint(tmp_path, None), {"de": [1, 1, 0, 0], "sw": [1, 0, 0, 0]}),
        scores(tmp_path, checkpoint(tmp_path, 500), {"de": [1, 1, 1, 0], "sw": [1, 1, 0, 0]}),
    ]


def test_labels_come_from_the_lineage_and_tell_results_apart(pair: list[Path]) -> None:
    assert [entry.label for entry in collect(pair)] == [
        "e5-small > pocket-copa",
        "e5-small > mnli (500 rows, subset 0) > pocket-copa",
    ]


def test_settings_are_named_only_where_they_are_needed(tmp_path: Path) -> None:
    made = [scores(tmp_path, checkpoint(tmp_path, None, seed), {"de": [1, 0]}) for seed in (0, 1)]
    assert [entry.label for entry in collect(made)] == [
        "e5-small > pocket-copa",
        "e5-small > pocket-copa seed=1",
    ]


def test_a_path_given_twice_is_one_result(pair: list[Path]) -> None:
    assert len(collect([pair[0], pair[0]])) == 1


def test_a_checkpoint_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a report is made of scores or pairs"):
        collect([checkpoint(tmp_path, None).path])


def test_the_average_is_over_languages_and_its_error_over_shared_items(pair: list[Path]) -> None:
    mean = average(collect(pair)[0], "pocket-copa")
    assert mean.value == pytest.approx(37.5)
    # item means over the two languages are 1, .5, 0, 0: sd .4146, divided by sqrt(4)
    assert mean.error == pytest.approx(100 * (0.171875**0.5) / 2)
    assert mean.count == 2


def test_differences_are_paired_over_items(pair: list[Path]) -> None:
    plain, trained = collect(pair)
    found = difference(trained, plain, "pocket-copa", "de")
    assert found is not None
    assert found.value == pytest.approx(25.0)
    # differences 0, 0, 1, 0: variance .1875
    assert found.error == pytest.approx(100 * (0.1875**0.5) / 2)
    mean = average_difference(trained, plain, "pocket-copa")
    assert mean is not None and mean.value == pytest.approx(25.0)
    assert difference(trained, plain, "pocket-copa", "zh") is None


def test_a_baseline_is_found_by_id_path_or_label(pair: list[Path]) -> None:
    entries = collect(pair)
    for name in (entries[1].id, entries[1].id[:6], str(pair[1]), entries[1].label):
        assert find_entry(entries, name) is entries[1]
    with pytest.raises(UsageError, match="fits 0"):
        find_entry(entries, "nothing")


def test_tables_show_every_language_the_majority_and_the_differences(pair: list[Path]) -> None:
    entries = collect(pair)
    (table,) = score_tables(entries)
    assert table.header == ("", "de", "sw", "average")
    assert table.rows[0] == ("e5-small > pocket-copa", "50.0 ±25.0", "25.0 ±21.7", "37.5 ±20.7")
    assert table.rows[2] == ("majority", "50.0", "50.0", "50.0")
    (differences,) = difference_tables(entries, entries[0])
    assert differences.rows[0][1].startswith("+25.0 ±")


def test_degenerate_runs_are_marked_and_counted(tmp_path: Path) -> None:
    made = scores(tmp_path, checkpoint(tmp_path, None, degenerate=True), {"de": [1, 0]})
    entries = collect([made])
    (table,) = score_tables(entries)
    assert table.rows[0][0].endswith("(degenerate: pocket-copa)")
    assert "1 of 1 runs degenerate, or trained from one that is" in table.notes
    assert as_json(entries, None)["results"][0]["degenerate"] is True


def test_degenerate_runs_are_counted_by_group_and_stay_in_the_table(tmp_path: Path) -> None:
    """Three seeds without an intermediate task, of which two learned nothing, and one with it."""
    made = [
        scores(
            tmp_path,
            checkpoint(tmp_path, None, seed, degenerate=seed > 0),
            {"de": [1, 0, 1, 1], "sw": [0, 0, 1, seed % 2]},
        )
        for seed in (0, 1, 2)
    ]
    made.append(scores(tmp_path, checkpoint(tmp_path, 500), {"de": [1, 1, 1, 1], "sw": [0] * 4}))
    entries = collect(made)
    (table,) = score_tables(entries)
    results = [row[0] for row in table.rows if row[0] != "majority"]
    assert len(results) == 4
    assert sum(name.endswith("(degenerate: pocket-copa)") for name in results) == 2
    at = table.notes.index("2 of 4 runs degenerate, or trained from one that is")
    assert table.notes[at + 1 :] == ("  2 of 3: e5-small > pocket-copa",)
    (differences,) = difference_tables(entries, entries[1])
    assert differences.title.endswith("(degenerate: pocket-copa)")
    assert [row[0].endswith("(degenerate: pocket-copa)") for row in differences.rows] == [
        False,
        True,
        False,
    ]
    assert "2 of 4 runs degenerate, or trained from one that is" in differences.notes
    assert as_json(entries, None)["degenerate"] == {
        "pocket-copa": [
            {"group": "e5-small > pocket-copa", "runs": 3, "degenerate": 2},
            {
                "group": "e5-small > mnli (500 rows) > pocket-copa",
                "runs": 1,
                "degenerate": 0,
            },
        ]
    }


def test_runs_that_differ_in_more_than_the_seed_are_groups_of_their_own(tmp_path: Path) -> None:
    made = []
    for rate, seed in (("1e-4", 0), ("1e-4", 1), ("1e-2", 0)):
        target = publish(
            tmp_path,
            sort="checkpoint",
            stage="train-target",
            name="pocket-copa",
            settings={"lr": rate, "seed": seed},
            changed={
                "tasks": ["pocket-copa"],
                "trained_on": ["pocket-copa"],
                "encoder": "e5-small",
                "lr": rate,
                "seed": seed,
            },
            results={"degenerate": rate == "1e-2"},
        )
        made.append(scores(tmp_path, target, {"de": [1, 0]}))
    counts = degenerate_counts(collect(made), "pocket-copa")
    assert [(count.label, count.degenerate, count.runs) for count in counts] == [
        ("e5-small > pocket-copa lr=1e-4", 0, 2),
        ("e5-small > pocket-copa lr=1e-2", 1, 1),
    ]


def test_json_and_csv_hold_the_differences_unrounded(pair: list[Path]) -> None:
    entries = collect(pair)
    result = as_json(entries, entries[0])["results"][1]
    assert result["tasks"]["pocket-copa"]["languages"]["de"]["difference"] == pytest.approx(25.0)
    rows = as_rows(entries, entries[0])
    assert len(rows) == 4
    assert rows[0][-2:] == (None, None)
    assert rows[2][3] == "mnli (500 rows, subset 0)"


def retrieved(root: Path, seed: int, right: dict[str, list[int]]) -> Path:
    """A scores artefact of a search in both directions; only English to foreign is the score."""
    cells = []
    for language, marks in right.items():
        share = sum(marks) / len(marks)
        items = [
            Item("tatoeba", language, str(i), "x", "x", float(mark), part="english_to_foreign")
            for i, mark in enumerate(marks)
        ]
        items += [
            Item("tatoeba", language, str(i), "x", "x", float(i % 2), part="foreign_to_english")
            for i in range(len(marks))
        ]
        cells.append(
            Cell(
                task="tatoeba",
                language=language,
                split="test",
                main=100 * share,
                error=100 * (share * (1 - share) / len(marks)) ** 0.5,
                metrics={"english_to_foreign": 100 * share, "foreign_to_english": 50.0},
                rows=len(marks),
                constant=False,
                items=tuple(items),
                about={"main_metric": "english_to_foreign", "item_mean": True},
            )
        )
    plan = Plan(
        sort="scores", stage="retrieve", revision=1, name="e5-small", settings={"seed": seed}
    )
    with claim(plan, root) as work:
        assert work.done is None
        return work.publish(write_results(cells, work.directory)).path


def test_a_difference_in_retrieval_is_paired_over_the_direction_that_is_scored(
    tmp_path: Path,
) -> None:
    plain, centred = collect(
        [
            retrieved(tmp_path, 0, {"de": [1, 0, 1, 0], "sw": [0, 0, 1, 0]}),
            retrieved(tmp_path, 1, {"de": [1, 1, 1, 0], "sw": [0, 1, 1, 0]}),
        ]
    )
    found = difference(centred, plain, "tatoeba", "de")
    assert found is not None
    # differences 0, 1, 0, 0: variance .1875
    assert found.value == pytest.approx(25.0)
    assert found.count == 4
    assert found.error == pytest.approx(100 * (0.1875**0.5) / 2)
    # sentence 1 in German is no translation of sentence 1 in Swahili: their errors add up
    mean = average_difference(centred, plain, "tatoeba")
    assert mean is not None and mean.error == pytest.approx(found.error / 2**0.5)


def test_a_sound_target_on_a_degenerate_intermediate_names_the_intermediate(
    tmp_path: Path,
) -> None:
    middle = publish(
        tmp_path,
        sort="checkpoint",
        stage="train-intermediate",
        name="mnli",
        changed={"tasks": ["mnli"], "trained_on": ["mnli"], "encoder": "e5-small"},
        results={"degenerate": True},
    )
    plan = Plan(
        sort="checkpoint",
        stage="train-target",
        revision=1,
        name="pocket-copa",
        settings={},
        changed={"tasks": ["pocket-copa"], "trained_on": ["pocket-copa"]},
        parents=(("encoder", middle),),
    )
    with claim(plan, tmp_path) as work:
        assert work.done is None
        target = work.publish({"degenerate": False})
    (table,) = score_tables(collect([scores(tmp_path, target, {"de": [1, 0]})]))
    assert table.rows[0][0].endswith("(degenerate: mnli)")
