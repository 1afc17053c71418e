"""The log of a run, and what a person sees of it."""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.training.test_loop import FAST, load, settings, task
from xlit import console
from xlit.artefacts.partials import LOG
from xlit.kinds.kind import Feature, Score
from xlit.kinds.registry import find_kind
from xlit.training.journal import Journal, open_journal
from xlit.training.loop import train
from xlit.training.mixing import Drawn
from xlit.training.optimiser import adamw, parameters_of
from xlit.training.schedule import Schedule
from xlit.training.state import State
from xlit.training.step import Gradients, computed_pieces
from xlit.training.tracking import Trackers
from xlit.training.volume import Volume, volume_of

SCHEDULE = Schedule(steps=10, warmup=1, every=4, peak=1e-3)


def feature(row: int, *lengths: int) -> Feature:
    return Feature(row, tuple((7,) * length for length in lengths), None, (0,), 1.0)


def lines_of(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / LOG).read_text().splitlines()]


def score(main: float) -> Score:
    return Score(main, {}, (), 1.5, constant=False)


def state_at(step: int) -> State:
    state = State([Drawn(8, 1.0)])
    state.step = step
    return state


def step_of(journal: Journal, step: int) -> None:
    """A step of 4 examples, 30 pieces without padding and 40 with it, in half a second."""
    journal.step(
        step,
        task="toy",
        rows=[1, 2],
        losses=[1.0] * (step - 1) + [0.5],
        rate=1e-4,
        norm=2.0,
        volume=Volume(examples=4, tokens=30, computed=40, padded=60),
        seconds=0.5,
    )


def tell(journal: Journal, steps: Sequence[int]) -> None:
    """Steps, and dev after every fourth."""
    for step in steps:
        step_of(journal, step)
        if SCHEDULE.evaluates_after(step):
            journal.evaluation(step, 50.0 + step, {"toy": score(50.0 + step)})


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that a test moves."""
    time = [0.0]
    monkeypatch.setattr("xlit.console.time.monotonic", lambda: time[0])  # minutes are long
    return time


def test_a_line_of_the_log_has_the_pieces_and_the_time_of_its_step(tmp_path: Path) -> None:
    with open_journal(tmp_path, "toy", SCHEDULE, state_at(0), Trackers()) as journal:
        tell(journal, range(1, 5))
    *_, step, evaluation = lines_of(tmp_path)
    assert step == {
        "step": 4, "task": "toy", "rows": [1, 2], "loss": 0.5, "lr": 1e-4, "gradient_norm": 2.0,
        "tokens": 30, "computed": 40, "padded": 60, "seconds": 0.5,
    }  # fmt: skip
    assert evaluation.pop("seconds") >= 0
    assert evaluation == {"step": 4, "dev": 54.0, "tasks": {"toy": 54.0}, "errors": {"toy": 1.5}}


def test_the_log_of_a_run_that_goes_on_is_that_of_one_that_was_not_interrupted(
    tmp_path: Path,
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    with open_journal(whole, "toy", SCHEDULE, state_at(0), Trackers()) as journal:
        tell(journal, range(1, 11))
        journal.seen("toy", {"rows": 8})
    with open_journal(broken, "toy", SCHEDULE, state_at(0), Trackers()) as journal:
        tell(journal, range(1, 6))
        saved = (broken / LOG).stat().st_size  # every line is there at once
        tell(journal, range(6, 8))
    with (broken / LOG).open("a") as log:
        log.write('{"step": 8, "ta')  # killed in the middle of a line
    with open_journal(broken, "toy", SCHEDULE, state_at(5), Trackers(), saved) as journal:
        tell(journal, range(6, 11))
        journal.seen("toy", {"rows": 8})

    def without_times(folder: Path) -> list[dict[str, Any]]:
        return [{k: v for k, v in line.items() if k != "seconds"} for line in lines_of(folder)]

    assert without_times(broken) == without_times(whole)


def test_the_live_line_has_recent_means_the_best_dev_score_and_the_time_left(
    tmp_path: Path,
    now: list[float],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(console, "BETWEEN_LINES", 0.0)  # every line that would be live
    console.set_volume(quiet=False, verbose=True)
    try:
        with open_journal(tmp_path, "toy", SCHEDULE, state_at(2), Trackers()) as journal:
            now[0] += 10.0
            step_of(journal, 3)
            now[0] += 10.0
            step_of(journal, 4)
            journal.scoring()
            now[0] += 5.0
            journal.evaluation(4, 54.0, {"toy": score(54.0)})
            now[0] += 10.0
            step_of(journal, 5)
    finally:
        console.set_volume(quiet=False, verbose=False)
    told = capsys.readouterr().err.splitlines()
    speed = "8.0 examples/s"
    rest = "lr 1.0e-04, 60 tokens/s, padding 25.0%"
    assert told == [
        f"train toy:  3/10 steps, 1:10 left, loss 0.833, {speed}, {rest}",
        f"train toy:  4/10 steps, 1:00 left, loss 0.875, {speed}, {rest}",
        f"train toy:  4/10 steps, 1:00 left, scoring dev, loss 0.875, {speed}, {rest}",
        # 6 steps of 10 s, and 5 s for dev after steps 8 and 10
        f"train toy:  4/10 steps, 1:10 left, loss 0.875, {speed}, {rest}",
        f"train toy:  5/10 steps, 1:00 left, loss 0.900, {speed}, best 54.0 at 4, {rest}",
    ]


@pytest.mark.parametrize(("steps", "every"), [(10, 4), (8, 4), (1, 1), (7, 100), (9, 1)])
def test_evaluations_to_come_are_those_that_will_be_made(steps: int, every: int) -> None:
    schedule = Schedule(steps, 0, every, 1e-3)
    for done in range(steps + 1):
        made = sum(schedule.evaluates_after(step) for step in range(done + 1, steps + 1))
        assert schedule.evaluations_after(done) == made


def test_a_step_counts_its_pieces_and_the_padding_of_its_micro_batches() -> None:
    rows = [feature(0, 3, 5), feature(1, 4, 4), feature(1, 2, 2)]  # row 1 has two windows
    volume = volume_of(rows, computed=24)
    assert volume == Volume(examples=2, tokens=20, computed=24, padded=3 * 2 * 5)
    assert volume.padding == pytest.approx(4 / 24)
    assert (volume + volume).tokens == 40
    assert Volume().padding == 0.0


@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
def test_what_is_computed_is_counted_from_what_the_model_is_given(
    tiny_encoder: Path, packed: bool
) -> None:
    loaded = load(tiny_encoder)
    one = dataclasses.replace(task(loaded), packed=packed)
    features = one.kind.features(one.rows[:8], loaded.tokenizer, one.options)
    inputs = one.kind.collate(features, loaded.tokenizer.pad_token_id)
    trained = parameters_of(adamw([loaded.model], one.recipe))
    _, computed = Gradients(loaded.tokenizer, settings(), trained).add(one, features, 0)
    mask = inputs["attention_mask"]
    assert computed == (int(mask.sum()) if packed else mask.numel())
    if packed:
        assert volume_of(features, computed).padding == 0.0


def test_two_sides_of_a_pair_are_padded_on_their_own(tiny_encoder: Path) -> None:
    """In ranking each side is as wide as its own longest text."""
    kind = find_kind("ranking")
    pairs = [feature(0, 3, 9), feature(1, 2, 8)]
    inputs = kind.collate(pairs, 1)
    assert computed_pieces(inputs, packed=False) == 2 * 3 + 2 * 9
    assert computed_pieces(inputs, packed=True) == 3 + 9 + 2 + 8


def test_a_log_can_be_added_up(tiny_encoder: Path, tmp_path: Path) -> None:
    loaded = load(tiny_encoder)
    result = train([task(loaded, FAST)], loaded.tokenizer, settings(), tmp_path)
    steps = [line for line in lines_of(tmp_path) if "loss" in line]
    examples = sum(len(line["rows"]) for line in steps)
    seconds = math.fsum(line["seconds"] for line in steps)
    assert examples / seconds == pytest.approx(result.examples_per_second, rel=0.01)
    assert all(line["tokens"] <= line["computed"] <= line["padded"] for line in steps)
