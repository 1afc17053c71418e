import csv
import io
import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

FAST = ("--epochs", "1", "--batch-size", "8", "--precision", "float32")


@pytest.fixture
def checkpoint(cli: Cli, tiny_encoder: Path) -> str:
    ran = cli("train-target", "./little.toml", "--from", tiny_encoder, *FAST)
    assert ran.code == 0, ran.err
    return ran.paths[0]


def test_the_whole_pipeline_runs_from_subsample_to_report(cli: Cli, tiny_encoder: Path) -> None:
    data = cli("subsample", "./little.toml", "--sizes", "8,16", "--seeds", "0,1")
    assert data.code == 0, data.err
    assert len(data.paths) == 4
    middle = cli("train-intermediate", "--from", tiny_encoder, *FAST, stdin=data.out)
    assert middle.code == 0, middle.err
    last = cli("train-target", "./little.toml", *FAST, stdin=middle.out)
    assert last.code == 0, last.err
    scores = cli("eval-xtreme", stdin=last.out)
    assert scores.code == 0, scores.err
    report = cli("report", "--json", stdin=scores.out)
    results = json.loads(report.out)["results"]
    assert len({result["label"] for result in results}) == 4
    assert [result["steps"][0]["subsets"] for result in results] == [
        [{"task": "little", "size": size, "seed": seed, "rows": size}]
        for size in (8, 16)
        for seed in (0, 1)
    ]
    assert set(results[0]["tasks"]["little"]["languages"]) == {"de", "en"}


def test_a_second_run_of_every_stage_says_already_done(
    cli: Cli, tiny_encoder: Path, checkpoint: str
) -> None:
    again = cli("train-target", "./little.toml", "--from", tiny_encoder, *FAST)
    assert again.paths == [checkpoint]
    assert again.err == f"already done: {checkpoint}\n"
    first = cli("eval-xtreme", checkpoint)
    second = cli("eval-xtreme", checkpoint)
    assert second.paths == first.paths
    assert "already done" in second.err


def test_the_same_run_gives_the_same_weights_bit_for_bit(
    cli: Cli, tiny_encoder: Path, checkpoint: str
) -> None:
    forced = cli("train-target", "./little.toml", "--from", tiny_encoder, *FAST, "--force")
    assert forced.paths == [checkpoint + ".v2"]
    weights = [
        Path(path, "model.safetensors").read_bytes() for path in (checkpoint, forced.paths[0])
    ]
    assert weights[0] == weights[1]


def test_a_checkpoint_has_exactly_the_files_of_its_design(checkpoint: str) -> None:
    names = {
        p.relative_to(checkpoint).as_posix() for p in Path(checkpoint).rglob("*") if p.is_file()
    }
    assert names == {
        "1_Pooling/config.json",
        "README.md",
        "cards/little.toml",
        "config.json",
        "log.jsonl",
        "manifest.json",
        "model.safetensors",
        "modules.json",
        "seen.parquet",
        "sentence_bert_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    } | ({"2_Normalize/config.json"} & names)


def test_a_checkpoint_opens_in_transformers_with_its_label_names(checkpoint: str) -> None:
    from transformers import AutoModel, AutoModelForSequenceClassification, pipeline

    assert AutoModel.from_pretrained(checkpoint).config.hidden_size == 32
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint)
    assert model.config.id2label == {0: "no", 1: "yes"}
    answer = pipeline("text-classification", model=checkpoint)("dog 1 test")
    assert answer[0]["label"] in ("no", "yes")


def test_dry_run_prints_the_id_and_makes_nothing(cli: Cli, tiny_encoder: Path) -> None:
    planned = cli("train-target", "./little.toml", "--from", tiny_encoder, *FAST, "--dry-run")
    assert planned.code == 0
    path, state = planned.out.rstrip("\n").split("\t")
    assert state == "to be made"
    assert not Path("runs").exists()
    made = cli("train-target", "./little.toml", "--from", tiny_encoder, *FAST)
    assert made.paths == [path]
    again = cli("train-target", "./little.toml", "--from", tiny_encoder, *FAST, "--dry-run")
    assert again.out == f"{path}\talready done\n"


def test_show_prints_a_command_that_makes_the_same_artefact(cli: Cli, checkpoint: str) -> None:
    import shlex

    scores = cli("eval-xtreme", checkpoint, "--lang", "de").paths[0]
    for artefact in (checkpoint, scores):
        command = shlex.split(cli("show", artefact, "--command").out)
        assert command[0] == "xlit"
        assert cli(*command[1:]).paths == [artefact]


def test_show_draws_the_lineage_and_gives_it_as_json(cli: Cli, checkpoint: str) -> None:
    scores = cli("eval-xtreme", checkpoint, "--lang", "de").paths[0]
    drawn = cli("show", scores).out
    assert Path(checkpoint).name in drawn
    manifest = json.loads(cli("show", scores, "--json").out)
    assert manifest["lineage"][0]["stage"] == "train-target"


def test_verify_names_a_flipped_byte(cli: Cli, checkpoint: str) -> None:
    assert cli("verify", checkpoint).out == f"{checkpoint}\tok\n"
    path = Path(checkpoint, "config.json")
    path.write_bytes(path.read_bytes().replace(b"32", b"33", 1))
    ran = cli("verify", checkpoint)
    assert ran.code == 5
    assert ran.out == f"{checkpoint}\tconfig.json does not match its checksum\n"
    assert cli("eval-xtreme", checkpoint).code == 5


def test_an_artefact_that_is_not_there_is_missing_and_not_damaged(
    cli: Cli, checkpoint: str
) -> None:
    ran = cli("verify", checkpoint, "runs/nothing")
    assert (ran.code, ran.err) == (3, "xlit: runs/nothing: no such artefact\n")
    assert ran.out == f"{checkpoint}\tok\nruns/nothing\truns/nothing: no such artefact\n"
    Path(checkpoint, "config.json").write_bytes(b"{}")
    assert cli("verify", "runs/nothing", checkpoint).code == 5


def test_show_leaves_out_settings_where_there_are_none(cli: Cli, checkpoint: str) -> None:
    scores = cli("eval-xtreme", checkpoint).paths[0]
    lines = [line.strip("├└─│ ") for line in cli("show", scores).out.splitlines()]
    assert "settings" not in lines
    assert any(re.fullmatch(r"files    \d+, \d+\.\d kB", line) for line in lines)


def test_one_bad_line_is_reported_and_the_others_go_on(cli: Cli, checkpoint: str) -> None:
    ran = cli("eval-xtreme", "--lang", "de", stdin=f"{checkpoint}\nnowhere/x.123456789abc\n")
    assert len(ran.paths) == 1
    assert ran.code == 3
    told, error = ran.err.splitlines()
    assert told == "degenerate: little de: the same prediction for every row"
    assert "no such artefact" in error


def test_named_inputs_leave_stdin_alone(cli: Cli, checkpoint: str) -> None:
    import sys

    ran = cli("eval-xtreme", checkpoint, "--lang", "de", stdin="for the loop around it\n")
    assert ran.code == 0
    assert sys.stdin.read() == "for the loop around it\n"


def test_several_tasks_share_one_encoder(cli: Cli, tiny_encoder: Path) -> None:
    second = Path("second.toml")
    second.write_text(Path("little.toml").read_text().replace('name = "little"', 'name = "second"'))
    made = cli(
        "train-intermediate", "./little.toml", "./second.toml", "--from", tiny_encoder, *FAST
    )
    assert made.code == 0, made.err
    path = Path(made.paths[0])
    assert sorted(p.name for p in (path / "heads").iterdir()) == [
        "little.safetensors",
        "second.safetensors",
    ]
    scores = cli("eval-xtreme", path, "--lang", "en")
    assert scores.code == 0, scores.err
    found = json.loads(Path(scores.paths[0], "scores.json").read_text())
    assert set(found) == {"little", "second"}
    assert cli("train-target", "./little.toml", "--from", path, *FAST).code == 0


def test_items_hold_every_row_and_redo_the_score(cli: Cli, checkpoint: str) -> None:
    import pyarrow.parquet as pq

    scores = Path(cli("eval-xtreme", checkpoint).paths[0])
    items = pq.read_table(scores / "items.parquet").to_pylist()
    assert len(items) == 24
    german = [item["score"] for item in items if item["language"] == "de"]
    found = json.loads((scores / "scores.json").read_text())["little"]["de"]
    assert found["main"] == pytest.approx(100 * sum(german) / len(german))
    assert found["majority"] == 50.0


def test_submission_is_scored_as_the_artefact_says(cli: Cli, checkpoint: str) -> None:
    scores = Path(cli("eval-xtreme", checkpoint, "--submission", "sub").paths[0])
    predictions = Path("sub/predictions/little/test-de.tsv").read_text().splitlines()
    labels = Path("sub/labels/little/test-de.tsv").read_text().splitlines()
    right = sum(p == g for p, g in zip(predictions, labels, strict=True))
    found = json.loads((scores / "scores.json").read_text())["little"]["de"]
    assert found["main"] == pytest.approx(100 * right / len(labels))


def test_a_second_checkpoint_from_stdin_does_not_overwrite_the_submission(
    cli: Cli, checkpoint: str, tiny_encoder: Path
) -> None:
    other = cli("train-target", "./little.toml", "--from", tiny_encoder, *FAST, "--seed", "1")
    first = cli("eval-xtreme", checkpoint, "--submission", "alone")
    ran = cli("eval-xtreme", "--submission", "sub", stdin=f"{checkpoint}\n{other.paths[0]}\n")
    assert (ran.code, ran.paths) == (2, first.paths)
    assert "a second would overwrite the first" in ran.err
    for name in ("en", "de"):
        file = f"predictions/little/test-{name}.tsv"
        assert Path("sub", file).read_text() == Path("alone", file).read_text()


@pytest.mark.parametrize("form", ["rich", "markdown", "csv", "json"])
def test_report_forms_hold_the_same_numbers(cli: Cli, checkpoint: str, form: str) -> None:
    scores = cli("eval-xtreme", checkpoint).paths[0]
    value = json.loads(Path(scores, "scores.json").read_text())["little"]["de"]["main"]
    report = cli("report", scores, "--format", form)
    assert report.code == 0, report.err
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(report.out)))
        assert [float(row["value"]) for row in rows if row["language"] == "de"] == [value]
    elif form == "json":
        cell = json.loads(report.out)["results"][0]["tasks"]["little"]["languages"]["de"]
        assert cell["main"] == value
    else:
        assert f"{value:.1f} ±" in report.out


def test_report_gives_differences_from_a_named_baseline(
    cli: Cli, tiny_encoder: Path, checkpoint: str
) -> None:
    other = cli("train-target", "./little.toml", "--from", tiny_encoder, *FAST, "--seed", "1")
    scores = cli("eval-xtreme", stdin=f"{checkpoint}\n{other.out}").paths
    report = cli("report", *scores, "--json", "--baseline", scores[0])
    first, second = json.loads(report.out)["results"]
    cells = second["tasks"]["little"]["languages"]["en"]
    assert cells["difference"] == pytest.approx(
        cells["main"] - first["tasks"]["little"]["languages"]["en"]["main"]
    )
    assert "seed=1" in second["label"] and second["label"] != first["label"]
    assert cli("report", *scores, "--baseline", "zzzz").code == 2


def test_a_checkpoint_can_be_retrieved_with_and_mined(cli: Cli, checkpoint: str) -> None:
    Path("de.txt").write_text("Hund 1\nHaus 2\nKatze 3\n", encoding="utf-8")
    Path("en.txt").write_text("dog 1\nhouse 2\n\ncat\t3\n", encoding="utf-8")
    mined = cli("retrieve", checkpoint, "--source", "de.txt", "--target", "en.txt")
    assert mined.code == 0, mined.err
    rows = [line.split("\t") for line in mined.out.splitlines()]
    assert rows and all(len(row) == 3 for row in rows)
    assert [float(row[0]) for row in rows] == sorted((float(r[0]) for r in rows), reverse=True)


def test_whoever_watches_sees_the_scores_on_stderr(cli: Cli, checkpoint: str) -> None:
    ran = cli("eval-xtreme", checkpoint, "-v")
    assert len(ran.out.splitlines()) == 1
    assert "majority" in ran.err
    assert "majority" not in cli("eval-xtreme", checkpoint).err
    found = cli("retrieve", checkpoint, "--task", "pocket-bitext", "--lang", "de", "-v")
    assert "english_to_foreign on test" in found.err
