"""Talk for people: the live line in a terminal, plain lines elsewhere."""

from pathlib import Path

import pytest

from tests.terminal import frames, run_in_terminal
from xlit import console

NOTES = ("loss 0.873", "32.1 examples/s", "best 61.2 at 100", "lr 9.8e-05", "padding 0.4%")
SCRIPT = f"""
import time
from xlit import console
with console.progress("train mnli", total=8, unit="steps", rate=False) as advance:
    for step in range(8):
        time.sleep(0.1)
        advance(1, note={NOTES!r})
        if step == 4:
            console.notice("a notice [of] some length, which goes above the line")
        if step == 5:
            print("a result")
"""


def shown(tmp_path: Path, columns: int, **environment: str) -> list[str]:
    written = run_in_terminal(
        ["-c", SCRIPT], columns, stdout=tmp_path / "out", environment=environment
    )
    assert (tmp_path / "out").read_text() == "a result\n"
    return frames(written)


@pytest.mark.parametrize("columns", [190, 80, 30, 8])
def test_the_live_line_is_one_line_however_narrow_the_terminal_is(
    tmp_path: Path, columns: int
) -> None:
    lines = shown(tmp_path, columns)
    live = [line for line in lines if line.startswith("train"[: columns - 1])]
    assert len(live) >= 2
    assert all(len(line) < columns for line in live)
    assert lines.count("a notice [of] some length, which goes above the line") == 1
    # what matters most is there as long as there is room
    wanted = {190: NOTES, 80: NOTES[:3], 30: (), 8: ()}[columns]
    assert [note for note in NOTES if note in live[-1]] == list(wanted)
    if columns == 30:  # what has no room is left out whole
        assert live[-1] in ("train mnli  7/8 steps", "train mnli  8/8 steps")


def test_a_dumb_terminal_gets_no_live_line(tmp_path: Path) -> None:
    assert shown(tmp_path, 80, TERM="dumb") == [
        "a notice [of] some length, which goes above the line"
    ]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock: the seconds that `progress` reads, in turn."""
    times: list[float] = []
    monkeypatch.setattr("xlit.console.time.monotonic", lambda: times[0])  # a minute is long
    return times


@pytest.mark.parametrize("volume", ["verbose", "plain", "quiet"])
def test_without_a_terminal_a_plain_line_appears_every_minute_with_v_alone(
    steps: list[float], capsys: pytest.CaptureFixture[str], volume: str
) -> None:
    steps[:] = [0.0]
    console.set_volume(quiet=volume == "quiet", verbose=volume != "plain")
    try:
        with console.progress("train mnli", total=1000, unit="steps", done=100) as advance:
            for step in range(150):
                steps[0] = step + 1.0  # a step a second
                advance(1, note=("loss 0.500", "best 61.2 at 100"))
    finally:
        console.set_volume(quiet=False, verbose=False)
    told = capsys.readouterr().err.splitlines()
    if volume != "verbose":
        assert told == []
        return
    assert told == [
        "train mnli:  160/1000 steps 1.0/s, 14:00 left, loss 0.500, best 61.2 at 100",
        "train mnli:  220/1000 steps 1.0/s, 13:00 left, loss 0.500, best 61.2 at 100",
    ]


def test_who_knows_the_time_left_better_is_believed(
    steps: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    steps[:] = [0.0]
    console.set_volume(quiet=False, verbose=True)
    try:
        with console.progress("encode", total=None, unit="texts") as advance:
            steps[0] = 60.0
            advance(120)
            steps[0] = 120.0
            advance(120, left=3723.4)
    finally:
        console.set_volume(quiet=False, verbose=False)
    assert capsys.readouterr().err.splitlines() == [
        "encode: 120 texts 2.0/s, 1:00 so far",
        "encode: 240 texts 2.0/s, 1:02:03 left",
    ]


def test_millions_are_counted_in_full(
    steps: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    steps[:] = [0.0]
    console.set_volume(quiet=False, verbose=True)
    try:
        with console.progress("search", total=2_000_000, unit="vectors") as advance:
            steps[0] = 61.0
            advance(1_234_567)
    finally:
        console.set_volume(quiet=False, verbose=False)
    assert "search: 1234567/2000000 vectors" in capsys.readouterr().err
