"""Trackers: what they are told, and that they never cost a run."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wandb_stand_in import wandb_stand_in
from xlit.errors import MissingError, UsageError
from xlit.training.tracking import TrackedRun, Trackers, tracker_names


@pytest.fixture
def wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with wandb_stand_in(tmp_path / "packages", monkeypatch):
        yield


def tracked(tmp_path: Path) -> TrackedRun:
    about = {"stage": "train-intermediate", "tasks": ["toy"]}
    return TrackedRun("toy.0123456789ab", "0123456789ab", tmp_path / "toy.0123456789ab", about)


def told(run: TrackedRun) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.directory / "told.jsonl").read_text().splitlines()]


def test_an_unknown_tracker_is_named_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"'mlflow' is no tracker \(known: tensorboard, wandb\)"):
        tracker_names("mlflow")


@pytest.mark.parametrize("folder", [False, True], ids=["nothing", "a folder of that name"])
def test_a_missing_package_is_said_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: bool
) -> None:
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])  # an installation without the package
    if folder:  # as wandb leaves in the working directory
        (tmp_path / "wandb").mkdir()
    with pytest.raises(MissingError, match=r"wandb is not installed \(pip install wandb"):
        tracker_names("wandb")


@pytest.mark.usefixtures("wandb")
def test_a_run_that_goes_on_is_the_same_run_of_wandb(tmp_path: Path) -> None:
    run = tracked(tmp_path)
    for done in (0, 2):
        trackers = Trackers(["wandb"], run)
        with trackers.following(done):
            for step in (done + 1, done + 2):
                trackers.log(step, {"train/loss": 1 / step})
    begin, *logged, end = told(run)[:4]
    assert begin["init"]["id"] == "0123456789ab"
    assert begin["init"]["resume"] == "allow"
    assert begin["init"]["config"]["tasks"] == ["toy"]
    assert told(run)[4] == begin
    assert end == {"finish": 0}
    assert logged == [
        {"log": {"train/loss": 1.0}, "step": 1},
        {"log": {"train/loss": 0.5}, "step": 2},
    ]
    assert [line["step"] for line in told(run) if "step" in line] == [1, 2, 3, 4]


@pytest.mark.usefixtures("wandb")
def test_a_stopped_run_ends_with_its_exit_code(tmp_path: Path) -> None:
    from xlit.errors import StoppedError

    run = tracked(tmp_path)
    with pytest.raises(StoppedError), Trackers(["wandb"], run).following(0):
        raise StoppedError("stopped by SIGTERM")
    assert told(run)[-1] == {"finish": 75}


@pytest.mark.usefixtures("wandb")
def test_a_tracker_that_fails_costs_a_line_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAILS_AT", "2")
    run = tracked(tmp_path)
    trackers = Trackers(["wandb"], run)
    with trackers.following(0):
        for step in (1, 2, 3):
            trackers.log(step, {"train/loss": 1.0})
    assert [line["step"] for line in told(run) if "step" in line] == [1]
    assert capsys.readouterr().err.splitlines() == [
        "--track wandb: given up, the run goes on without it: the wire was cut"
    ]


@pytest.mark.usefixtures("wandb")
def test_a_tracker_that_cannot_begin_stops_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILS_AT", "init")
    with (
        pytest.raises(UsageError, match=r"api_key not configured .* \(WANDB_MODE=offline needs"),
        Trackers(["wandb"], tracked(tmp_path)).following(0),
    ):
        raise AssertionError("training began")


def test_tensorboard_shows_every_step_once_after_a_kill(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the track extra is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = tracked(tmp_path)
    for done, until in ((0, 5), (3, 6)):  # killed after step 5, saved at step 3
        trackers = Trackers(["tensorboard"], run)
        with trackers.following(done):
            for step in range(done + 1, until + 1):
                trackers.log(step, {"train/loss": 1 / step, "dev/toy": 50.0 + step})
    shown = EventAccumulator(str(run.directory)).Reload()
    for tag in ("train/loss", "dev/toy"):
        assert [event.step for event in shown.Scalars(tag)] == [1, 2, 3, 4, 5, 6]
    assert [round(event.value, 3) for event in shown.Scalars("train/loss")][:2] == [1.0, 0.5]
    assert '"toy"' in shown.Tensors("about/text_summary")[0].tensor_proto.string_val[0].decode()
