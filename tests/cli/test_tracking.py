"""`--track` on the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.wandb_stand_in import wandb_stand_in


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_tracking_is_no_part_of_what_a_checkpoint_is(
    cli: Cli, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("train-intermediate", "./little.toml", "--from", tiny_encoder, "--epochs", 2)
    plain = cli(*command, "--dry-run")
    with wandb_stand_in(tmp_path / "packages", monkeypatch):
        tracking = cli(*command, "--dry-run", "--track", "wandb")
        ran = cli(*command, "--track", "wandb")
    assert plain.out.startswith("runs/checkpoint/little.")
    assert tracking.out == plain.out
    assert ran.code == 0
    (made,) = ran.paths
    name = Path(made).name
    manifest = json.loads(Path(made, "manifest.json").read_text())
    assert "--track" not in manifest["command"]
    assert not any("track" in file for file in manifest["files"])
    lines = lines_of(Path("runs/.track", name, "told.jsonl"))
    assert lines[0]["init"]["name"] == name
    assert lines[0]["init"]["id"] == manifest["id"]
    log = lines_of(Path(made, "log.jsonl"))
    losses = [line["log"]["train/loss"] for line in lines if "train/loss" in line.get("log", {})]
    assert losses == [line["loss"] for line in log if "loss" in line]
    scores = [line["log"]["dev/little"] for line in lines if "dev/little" in line.get("log", {})]
    assert scores == [line["dev"] for line in log if "dev" in line]
    assert lines[-1] == {"finish": 0}
    shown = cli("show", made).out
    assert f"training {manifest['results']['steps']} steps, kept step" in shown
    assert "packed: little" in shown


def test_an_unknown_tracker_is_wrong_usage(cli: Cli) -> None:
    ran = cli("train-target", "./little.toml", "--from", "e5-small", "--track", "paper")
    assert ran.code == 2
    assert "--track paper: 'paper' is no tracker" in ran.err
