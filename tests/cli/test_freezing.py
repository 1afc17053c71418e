"""`--freeze` and `--vocabulary` over the real command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.cli.conftest import Cli

FAST = ("--epochs", "1", "--batch-size", "8", "--precision", "float32")


def manifest(path: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((Path(path) / "manifest.json").read_text())
    return values


def test_freezing_is_stored_in_one_text_and_done(cli: Cli, tiny_encoder: Path) -> None:
    train = ("train-target", "./little.toml", "--from", tiny_encoder, *FAST)
    made = cli(*train, "--freeze", "0,embeddings")
    assert made.code == 0, made.err
    (recipe,) = manifest(made.paths[0])["settings"]["recipes"]
    assert recipe["freeze"] == "embeddings,0"
    before = load_file(tiny_encoder / "model.safetensors")
    after = load_file(Path(made.paths[0]) / "model.safetensors")
    kept = {name for name in before if after[f"bert.{name}"].equal(before[name])}
    assert kept == {n for n in before if n.startswith(("embeddings.", "encoder.layer.0."))}
    again = cli(*train, "--freeze", "embeddings, 0-0")
    assert "already done" in again.err
    assert again.paths == made.paths


@pytest.mark.parametrize(
    ("freeze", "why"),
    [
        ("0-2", "--freeze 0-2: the encoder has the layers 0 to 1"),
        ("top", "--freeze top: 'top' is neither none nor embeddings nor layers (0-5,8)"),
    ],
)
def test_a_wrong_freeze_stops_before_any_work(
    cli: Cli, tiny_encoder: Path, freeze: str, why: str
) -> None:
    refused = cli("train-target", "./little.toml", "--from", tiny_encoder, "--freeze", freeze)
    assert refused.code == 2
    assert why in refused.err
    assert not (cli.home / "runs").exists()


def test_the_manifest_says_what_the_vocabulary_came_to(cli: Cli, tiny_encoder: Path) -> None:
    train = ("train-target", "./little.toml", "--from", tiny_encoder, *FAST, "--freeze", "none")
    weights = []
    for how in ("auto", "full"):
        made = cli(*train, "--vocabulary", how, "-v")
        assert made.code == 0, made.err
        told = manifest(made.paths[0])
        assert told["settings"]["vocabulary"] == how
        weights.append(load_file(Path(made.paths[0]) / "model.safetensors"))
        if how == "auto":
            held = told["results"]["fast"]["vocabulary"]
            assert f"compact vocabulary: {held['rows']} of {held['of']} word embed" in made.err
            assert held["rows"] < held["of"] == 766
        else:
            assert told["results"]["fast"]["vocabulary"] == "full"
    assert all(weights[0][name].equal(value) for name, value in weights[1].items())


def test_a_compact_vocabulary_for_masked_lm_stops_before_any_work(
    cli: Cli, tiny_encoder: Path
) -> None:
    (cli.home / "de.txt").write_text("".join(f"Satz {n}.\n" for n in range(200)), encoding="utf-8")
    refused = cli(
        *("train-intermediate", "./little.toml", "--from", tiny_encoder, *FAST),
        *("--with-mlm", "de.txt", "--vocabulary", "compact"),
    )
    assert refused.code == 2
    assert "--vocabulary compact: the head of masked LM has an output for every pi" in refused.err
    assert not (cli.home / "runs").exists()
