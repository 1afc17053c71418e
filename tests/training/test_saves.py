"""The folder of saves by itself; tests/training/test_resuming.py has whole runs."""

from pathlib import Path

import torch

from xlit.training.saves import Saves


def write(saves: Saves, step: int, best: int) -> None:
    with saves.log.open("a", encoding="utf-8") as log:
        log.write(f"step {step}\n")
    numbers = torch.full((2,), float(best))
    saves.write({"step": step}, {"x": torch.zeros(2)}, (best, {"x": numbers}), {})


def test_a_best_step_that_a_damaged_save_had_is_written_again_when_it_is_reached_again(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log.jsonl"
    before = Saves(tmp_path / "saves", log)
    write(before, 5, best=4)
    kept = log.stat().st_size
    write(before, 9, best=8)
    with log.open("r+b") as stream:
        stream.truncate(kept)  # the disk lost the end of the log
    saves = Saves(tmp_path / "saves", log)
    assert next(saves.whole()).step == 5
    write(saves, 6, best=4)
    write(saves, 9, best=8)
    newest, older = Saves(tmp_path / "saves", log).whole()
    assert (newest.step, older.step) == (9, 6)
    assert newest.best_tensors()["x"].tolist() == [8.0, 8.0]
