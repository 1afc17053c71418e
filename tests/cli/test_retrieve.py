"""`retrieve` over several layers, centred, and its flags, as typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from xlit.artefacts.manifest import read_manifest

POCKET = ("--task", "pocket-bitext")


def results_of(path: str) -> dict[str, Any]:
    return read_manifest(Path(path)).results


def test_all_layers_are_scored_and_dev_picks_one(cli: Cli, tiny_encoder: Path) -> None:
    ran = cli("retrieve", tiny_encoder, *POCKET, "--lang", "de", "--layer", "all", "-v")
    assert ran.code == 0, ran.err
    (path,) = ran.paths
    whole = json.loads((Path(path) / "layers.json").read_text(encoding="utf-8"))["pocket-bitext"]
    rows = whole.pop("scores")
    assert whole == results_of(path)["layers"]["pocket-bitext"]
    assert whole["picked_on"] == ["dev de"]
    keys = {(r["layer"], r["centred"], r["use"], r["split"]) for r in rows}
    assert keys == {
        (layer, centred, use, split)
        for layer in (0, 1, 2)
        for centred in (False, True)
        for use, split in (("dev", "dev"), ("reported", "test"))
    }
    dev = {r["layer"]: r[whole["metric"]] for r in rows if r["use"] == "dev" and not r["centred"]}
    assert whole["layer"] == max(dev, key=lambda layer: (dev[layer], -layer))
    cell = results_of(path)["scores"]["pocket-bitext"]["de"]
    assert (cell["layer"], cell["centred"], cell["split"]) == (whole["layer"], False, "test")
    for line in ("pocket-bitext: layers", "centred dev", "picked: layer"):
        assert line in ran.err
    assert "layers.json" in read_manifest(Path(path)).files
    again = cli("retrieve", tiny_encoder, *POCKET, "--lang", "de", "--layer", "all")
    assert "already done" in again.err


def test_one_layer_of_the_sweep_scores_as_it_does_alone(cli: Cli, tiny_encoder: Path) -> None:
    lang = (*POCKET, "--lang", "sw")
    swept = cli("retrieve", tiny_encoder, *lang, "--layer", "0,-1", "--center").paths[0]
    rows = json.loads((Path(swept) / "layers.json").read_text())["pocket-bitext"]["scores"]
    assert {row["layer"] for row in rows} == {0, 2}
    assert results_of(swept)["scores"]["pocket-bitext"]["sw"]["centred"]
    for flags, centred in (((), False), (("--center",), True)):
        alone = cli("retrieve", tiny_encoder, *lang, "--layer", "0", *flags).paths[0]
        cell = results_of(alone)["scores"]["pocket-bitext"]["sw"]
        assert (cell["layer"], cell["centred"]) == (0, centred)
        row = next(
            r for r in rows if (r["layer"], r["centred"], r["use"]) == (0, centred, "reported")
        )
        for metric in ("english_to_foreign", "foreign_to_english"):
            assert row[metric] == cell[metric]


@pytest.mark.parametrize(
    "flags",
    [
        ("--center",),
        ("--layer", "0"),
        ("--layer", "all"),
        ("--layer", "0,1"),
        ("--layer", "all", "--center"),
        ("--layer", "all", "--dev-lang", "ru"),
        ("--pooling", "mean-no-special"),
    ],
    ids=" ".join,
)
def test_whatever_changes_vectors_changes_the_id(
    cli: Cli, tiny_encoder: Path, flags: tuple[str, ...]
) -> None:
    dry = ("retrieve", tiny_encoder, *POCKET, "--lang", "de", "--dry-run")
    assert cli(*dry).out != cli(*dry, *flags).out
    assert cli(*dry, *flags).out == cli(*dry, *flags).out


def test_the_command_of_a_sweep_makes_it_again(cli: Cli, tiny_encoder: Path) -> None:
    made = cli("retrieve", tiny_encoder, *POCKET, "--lang", "de,ru", "--layer", "0,2").paths[0]
    command = cli("show", made, "--command").out.split()
    assert f"{Path(made)}\talready done" in cli(*command[1:], "--dry-run").out
    shown = cli("show", made).out
    assert "layers   pocket-bitext: picked" in shown
    assert "pocket-bitext: layers" in shown and "(picked)" in shown


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--layer", "six"), "'six' is no layer"),
        (("--layer", "1,1"), "twice"),
        (("--layer", "7"), "layers 0 (embeddings) to 2"),
        (("--layer", "0,7"), "layers 0 (embeddings) to 2"),
        (("--dev-lang", "ru"), "--dev-lang picks one of several layers"),
        (("--layer", "all", "--dev-lang", "xx"), "no language 'xx'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_layer_or_dev_language_that_is_not_there_is_wrong_usage(
    cli: Cli, tiny_encoder: Path, flags: tuple[str, ...], message: str
) -> None:
    ran = cli("retrieve", tiny_encoder, *POCKET, "--lang", "de", *flags)
    assert ran.code == 2
    assert message in ran.err
    assert not ran.out


def test_mining_can_be_centred_and_takes_one_layer(cli: Cli, tiny_encoder: Path) -> None:
    Path("de.txt").write_text("Hund 1\nHaus 2\nKatze 3\n", encoding="utf-8")
    Path("en.txt").write_text("dog 1\nhouse 2\ncat 3\n", encoding="utf-8")
    sides = ("--source", "de.txt", "--target", "en.txt", "--retrieval", "forward")
    plain = cli("retrieve", tiny_encoder, *sides, "--margin", "absolute")
    centred = cli("retrieve", tiny_encoder, *sides, "--margin", "absolute", "--center")
    assert plain.code == centred.code == 0, plain.err + centred.err
    assert len(plain.paths) == len(centred.paths) == 3
    assert plain.out != centred.out
    refused = cli("retrieve", tiny_encoder, *sides, "--layer", "all")
    assert refused.code == 2
    assert "nothing to pick a layer on" in refused.err


def test_a_report_shows_the_layers_and_draws_them(cli: Cli, tiny_encoder: Path) -> None:
    sweep = ("retrieve", tiny_encoder, *POCKET, "--lang", "de", "--layer", "0,2")
    paths = [cli(*sweep, *flags).paths[0] for flags in ((), ("--center",))]
    one = cli("report", paths[0])
    assert "pocket-bitext: layers" in one.out and "(picked)" in one.out
    assert cli("report", *paths).out.count("pocket-bitext: layers of ") == 2
    assert "### pocket-bitext: layers" in cli("report", paths[0], "--format", "markdown").out
    wrong = cli("report", paths[0], "--plot", "layers.jpg")
    assert (wrong.code, wrong.out) == (2, "")
    pytest.importorskip("matplotlib")
    drawn = cli("report", *paths, "--plot", "layers.svg", "--format", "csv")
    assert drawn.code == 0, drawn.err
    assert "pocket-bitext: reported" in Path("layers.svg").read_text(encoding="utf-8")
    missing = cli("report", paths[0], "--plot", "nowhere/layers.svg")
    assert missing.code == 4
    assert "nowhere/layers.svg: cannot be written" in missing.err
