"""What is kept between runs and between the lines of a pipe, and that nothing depends on it."""

from pathlib import Path

import pytest

from xlit.models import kept

from .conftest import Cli


def test_features_are_kept_below_the_run_root_and_are_no_part_of_an_id(
    cli: Cli, tiny_encoder: Path
) -> None:
    train = ("train-target", "./little.toml", "--from", tiny_encoder, "--epochs", "1")
    [first] = cli(*train).paths
    kept = sorted((cli.home / "runs/.cache/features").rglob("*.arrow"))
    assert len(kept) == 2  # of training rows and of dev rows
    weights = (cli.home / first / "model.safetensors").read_bytes()
    for elsewhere in ("none", "my features"):
        [again] = cli(*train, "--force", "--cache", elsewhere).paths
        assert Path(again).name.startswith(Path(first).name)
        assert (cli.home / again / "model.safetensors").read_bytes() == weights
        assert "cache" not in cli("show", again, "--command").out
    assert len(list((cli.home / "my features").rglob("*.arrow"))) == 2
    assert sorted((cli.home / "runs/.cache/features").rglob("*.arrow")) == kept


def test_the_second_line_of_a_pipe_makes_what_it_makes_alone(
    cli: Cli, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief = ("--epochs", "1")
    seeds = [
        cli("train-intermediate", "./little.toml", "--from", tiny_encoder, *brief, "--seed", seed)
        for seed in (0, 1)
    ]
    piped = cli("train-target", "./little.toml", *brief, stdin="".join(ran.out for ran in seeds))
    for ran, path in zip(seeds, piped.paths, strict=True):
        monkeypatch.setattr(kept, "_kept", {})  # as in a process of its own
        alone = cli(
            "train-target", "./little.toml", *brief, "--force", "--cache", "none", stdin=ran.out
        )
        both = [
            {
                file.name: file.read_bytes()
                for file in (cli.home / made).iterdir()
                if file.is_file() and file.name not in ("manifest.json", "log.jsonl")
            }
            for made in (path, *alone.paths)
        ]
        assert both[0] == both[1]
