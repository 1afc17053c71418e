"""Where features are kept, and that nothing else depends on it."""

from pathlib import Path

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
