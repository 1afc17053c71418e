"""A suite's scores in a report: made of several checkpoints, told apart task by task."""

from pathlib import Path
from typing import Any

import pytest

from xlit.artefacts.store import Artefact, Plan, claim
from xlit.evaluation.evaluate import Cell
from xlit.evaluation.items import Item
from xlit.evaluation.results import write_results
from xlit.evaluation.suites import suite_results
from xlit.study.collect import collect
from xlit.study.comparable import comparison_notes
from xlit.study.suites import suite_tables
from xlit.study.tables import as_json, as_rows, score_tables
from xlit.tasks.suite import Suite, SuiteTask

SUITE = Suite(
    name="mine",
    summary="two tasks with heads, and retrieval",
    overall="all",
    groups={"heads": ("xnli", "mlqa")},
    tasks=(
        SuiteTask(name="xnli", folder="xnli", metric="accuracy", ext="tsv", languages=("de",)),
        SuiteTask(name="mlqa", folder="qa", metric="mlqa", ext="json", languages=("de", "zh")),
        SuiteTask(name="tatoeba", folder="t", metric="tatoeba", ext="tsv", languages=("de",)),
    ),
)


def checkpoint(
    root: Path,
    stage: str,
    task: str,
    start: Artefact | None = None,
    *,
    degenerate: bool = False,
    **settings: Any,
) -> Artefact:
    changed: dict[str, Any] = {"tasks": [task], "trained_on": [task], **settings}
    plan = Plan(
        sort="checkpoint",
        stage=stage,
        revision=1,
        name=task,
        settings={"task": task, **settings},
        changed=changed if start is not None else {**changed, "encoder": "e5-small"},
        parents=() if start is None else (("encoder", start),),
        data=({"task": task, "rows": 400, "use": "train", "digest": f"rows of {task}"},),
    )
    with claim(plan, root) as work:
        return work.publish({"degenerate": degenerate})


def cell(task: str, language: str, score: float, constant: bool = False) -> Cell:
    names = {"xnli": ["accuracy"], "mlqa": ["exact_match", "f1"]}
    metrics = dict.fromkeys(names.get(task, ["english_to_foreign"]), score)
    return Cell(
        task, language, "test", score, 1.0, metrics, 4, constant,
        (Item(task, language, "1", "a", "b", 0.0),), {"main_metric": next(iter(metrics))},
    )  # fmt: skip


def evaluated(root: Path, parents: dict[str, Artefact], cells: list[Cell]) -> Path:
    """A suite's scores artefact; `parents` are task -> what it was evaluated with."""
    artefacts: dict[str, tuple[str, Artefact]] = {}
    for task, parent in parents.items():
        role = "encoder" if task == "tatoeba" else f"checkpoint{len(artefacts)}"
        artefacts.setdefault(parent.manifest.reference, (role, parent))
    plan = Plan(
        sort="scores",
        stage="eval-xtreme",
        revision=1,
        name="mine",
        settings={
            "suite": SUITE.meaning(),
            "with": {task: artefacts[p.manifest.reference][0] for task, p in parents.items()},
        },
        changed={"suite": "mine"},
        parents=tuple(artefacts.values()),
        data=tuple(
            {"task": c.task, "split": "test", "language": c.language, "rows": 4, "digest": "d"}
            for c in cells
        ),
    )
    with claim(plan, root) as work:
        results = write_results(cells, work.directory)
        results["suite"] = suite_results(SUITE, cells, [], None)
        return work.publish(results).path


ALL = [cell("xnli", "de", 50.0), cell("mlqa", "de", 30.0), cell("mlqa", "zh", 10.0),
       cell("tatoeba", "de", 80.0)]  # fmt: skip


@pytest.fixture
def mnli(tmp_path: Path) -> Artefact:
    return checkpoint(tmp_path, "train-intermediate", "mnli")


def group(root: Path, mnli: Artefact, cells: list[Cell] = ALL, **settings: Any) -> Path:
    parents = {
        "xnli": checkpoint(root, "train-target", "xnli", mnli, **settings),
        "mlqa": checkpoint(root, "train-target", "xquad", mnli, **settings),
        "tatoeba": mnli,
    }
    there = {one.task for one in cells}
    return evaluated(root, {task: of for task, of in parents.items() if task in there}, cells)


def test_a_suite_is_labelled_by_what_its_checkpoints_share(tmp_path: Path, mnli: Artefact) -> None:
    (entry,) = collect([group(tmp_path, mnli)])
    assert entry.label == "e5-small > mnli > mine"
    assert [step.tasks for step in entry.steps_of("xnli")] == [("mnli",), ("xnli",)]
    assert [step.tasks for step in entry.steps_of("tatoeba (dev)")] == [("mnli",)]


def test_a_step_of_one_target_alone_is_not_the_suites(tmp_path: Path, mnli: Artefact) -> None:
    siqa = checkpoint(tmp_path, "train-intermediate", "siqa", mnli)
    parents = {
        "xnli": checkpoint(tmp_path, "train-target", "xnli", mnli),
        "mlqa": checkpoint(tmp_path, "train-target", "mlqa", siqa),
    }
    (entry,) = collect([evaluated(tmp_path, parents, ALL[:3])])
    assert entry.label == "e5-small > mnli > mine"
    assert [step.tasks for step in entry.steps_of("mlqa")] == [("mnli",), ("siqa",), ("mlqa",)]


def test_a_suite_of_targets_from_the_encoder_itself_has_no_step(tmp_path: Path) -> None:
    parents = {"xnli": checkpoint(tmp_path, "train-target", "xnli")}
    # retrieval by the pre-trained encoder, which is no artefact
    (entry,) = collect([evaluated(tmp_path, parents, [ALL[0], ALL[3]])])
    assert entry.label == "e5-small > mine"
    assert entry.steps_of("tatoeba") == ()


def test_suites_of_one_group_are_told_apart_by_settings_of_all_targets(
    tmp_path: Path, mnli: Artefact
) -> None:
    made = [group(tmp_path, mnli), group(tmp_path, mnli, seed=1)]
    assert [entry.label for entry in collect(made)] == [
        "e5-small > mnli > mine",
        "e5-small > mnli > mine seed=1",
    ]


def test_json_and_csv_give_each_task_its_own_target(tmp_path: Path, mnli: Artefact) -> None:
    entries = collect([group(tmp_path, mnli)])
    rows = {(row[5], row[6]): (row[3], row[4]) for row in as_rows(entries, None)}
    assert rows == {
        ("xnli", "de"): ("mnli", "xnli"),
        ("mlqa", "de"): ("mnli", "xquad"),
        ("mlqa", "zh"): ("mnli", "xquad"),
        ("tatoeba", "de"): ("mnli", ""),
    }
    (result,) = as_json(entries, None)["results"]
    assert [step["tasks"] for step in result["steps"]] == [["mnli"]]
    assert [step["tasks"] for step in result["tasks"]["mlqa"]["steps"]] == [["mnli"], ["xquad"]]
    assert result["suite"]["overall"] == {"heads": 35.0, "all": 50.0}
    assert result["suite"]["without_retrieval"] == 35.0


def test_a_degenerate_target_marks_its_own_task_only(tmp_path: Path, mnli: Artefact) -> None:
    parents = {
        "xnli": checkpoint(tmp_path, "train-target", "xnli", mnli, degenerate=True),
        "mlqa": checkpoint(tmp_path, "train-target", "mlqa", mnli),
    }
    cells = [ALL[0], cell("mlqa", "de", 30.0), cell("mlqa", "zh", 0.0)]
    (entry,) = collect([evaluated(tmp_path, parents, cells)])
    assert (entry.degenerate_in("xnli"), entry.degenerate_in("mlqa")) == (True, False)
    assert entry.degenerate
    marked = [table.title for table in score_tables([entry]) if "degenerate" in table.rows[0][0]]
    assert marked == ["xnli"]
    constant = evaluated(tmp_path, parents, [cell("mlqa", "de", 30.0, constant=True)])
    assert collect([constant])[0].degenerate_in("mlqa")


def test_recipes_and_rows_are_compared_with_the_tasks_own_target(
    tmp_path: Path, mnli: Artefact
) -> None:
    entries = collect([group(tmp_path, mnli, recipe=name) for name in ("small", "jiant")])
    recipes = "targets trained by different recipes: jiant, small"
    assert comparison_notes(entries, "xnli") == [recipes]
    assert comparison_notes(entries, "mlqa") == [recipes]  # XQuAD's checkpoint, by its own name
    assert comparison_notes(entries, "tatoeba") == []  # the same intermediate checkpoint
    other = checkpoint(tmp_path, "train-intermediate", "qqp")
    across = collect([group(tmp_path, mnli), group(tmp_path, other)])
    assert [comparison_notes(across, task) for task in ("xnli", "mlqa", "tatoeba")] == [[]] * 3


def test_a_suites_numbers_stand_in_a_table_a_row_a_result(tmp_path: Path, mnli: Artefact) -> None:
    raw = {"xnli": checkpoint(tmp_path, "train-target", "xnli")}
    made = [group(tmp_path, mnli), evaluated(tmp_path, raw, [cell("xnli", "de", 40.0)])]
    part = group(tmp_path, mnli, [ALL[1]])
    (table,) = suite_tables(collect([*made, part]))
    assert table.title == "mine: suite"
    assert table.header == (
        "", "xnli", "qa", "t", "group heads", "overall (all)", "average without retrieval",
        "mean of what is there", "the same without retrieval",
    )  # fmt: skip
    assert [row[1:] for row in table.rows] == [
        ("50.00", "20.00", "80.00", "35.00", "50.00", "35.00", "-", "-"),
        ("40.00", "-", "-", "-", "-", "-", "40.00", "40.00"),
        ("-", "30.00 1/2", "-", "-", "-", "-", "30.00", "30.00"),
    ]


def test_a_complete_suite_needs_no_columns_of_parts(tmp_path: Path, mnli: Artefact) -> None:
    (table,) = suite_tables(collect([group(tmp_path, mnli)]))
    assert table.header[-1] == "average without retrieval"
    assert table.notes == ()


def test_results_without_a_suite_have_no_such_table(tmp_path: Path, mnli: Artefact) -> None:
    plan = Plan(
        sort="scores", stage="eval-xtreme", revision=1, name="mnli", settings={},
        parents=(("checkpoint", mnli),),
    )  # fmt: skip
    with claim(plan, tmp_path) as work:
        made = work.publish(write_results([ALL[0]], work.directory)).path
    entries = collect([made])
    assert suite_tables(entries) == []
    assert as_json(entries, None)["results"][0]["suite"] is None


def test_a_suite_with_a_degenerate_run_in_it_is_marked_and_counted(
    tmp_path: Path, mnli: Artefact, capsys: pytest.CaptureFixture[str]
) -> None:
    parents = {
        "xnli": checkpoint(tmp_path, "train-target", "xnli", mnli, degenerate=True, seed=1),
        "mlqa": checkpoint(tmp_path, "train-target", "xquad", mnli, seed=1),
        "tatoeba": mnli,
    }
    cells = [ALL[0], cell("mlqa", "de", 3.0, constant=True), *ALL[2:]]
    entries = collect([group(tmp_path, mnli), evaluated(tmp_path, parents, cells)])
    (table,) = suite_tables(entries)
    assert [row[0].rpartition(" (")[2] for row in table.rows] == [
        table.rows[0][0],
        "degenerate: xnli, mlqa)",
    ]
    assert "1 of 2 results have a degenerate run in them" in table.notes
    told = capsys.readouterr().err.splitlines()
    assert told == ["degenerate: mlqa de: the same prediction for every row"]
