"""The search of a million runs, and says of its neighbours what is so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.driver import ROOT
from tests.benchmarks.million import (
    MEANINGS,
    agreement,
    check,
    meanings,
    measure,
    rows_of_the_true_pairs,
    vectors_of,
    written,
)
from xlit.retrieval.rows import Neighbours
from xlit.retrieval.search import search_both


def run(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.million", str(directory), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_script_says_how_much_an_approximate_index_misses(tmp_path: Path) -> None:
    done = run(
        tmp_path, "--rows", "900", "--dimensions", "32", "--index", "IVF8,SQfp16", "--limit", "8"
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["rows"] == 900
    assert record["dtype"] == "float16"
    assert 0.01 < record["private_memory_gib"] < 8
    assert all(0.1 < share < 1 for share in record["recall"])
    assert record["as_brute_force"][0] < 1


def test_an_exact_search_is_as_brute_force(tmp_path: Path) -> None:
    sides = [written(tmp_path, side, 900, 32) for side in ("source", "target")]
    record = measure(sides[0], sides[1], 4, "auto")
    assert record["as_brute_force"] == [1, 1]
    assert record["recall"] == [None, None]
    assert isinstance(nearest := record["true_pairs_nearest"], float)
    assert nearest > 0.9


def test_half_of_a_side_translates_the_other(tmp_path: Path) -> None:
    source, target = (written(tmp_path, side, 400, 32) for side in ("source", "target"))
    assert np.array_equal(source[:], vectors_of("source", 0, 400, 400, 32).astype(np.float16))
    numbers = np.arange(MEANINGS - 5, MEANINGS + 5)
    assert np.array_equal(meanings(numbers)[::-1], meanings(numbers[::-1]))
    assert np.abs(np.linalg.norm(target[:].astype(np.float64), axis=1) - 1).max() < 1e-3
    true = rows_of_the_true_pairs(400)
    translations = np.einsum("rd,rd->r", source[:200], target[true], dtype=np.float64)
    others = np.einsum("rd,rd->r", source[200:], target[200:], dtype=np.float64)
    assert translations.min() > others.mean() + 0.05
    assert others.mean() == pytest.approx(0.75, abs=0.08)


def test_a_wrong_neighbour_shows(tmp_path: Path) -> None:
    sides = [written(tmp_path, side, 100, 16) for side in ("source", "target")]
    forward, _ = search_both(sides[0], sides[1], 2)
    assert agreement(sides[0], sides[1], forward) == 1
    wrong = forward.ids.copy()
    wrong[3, 0] += 1
    assert agreement(sides[0], sides[1], Neighbours(forward.scores, wrong)) == 1 - 1 / 200


def test_an_exact_search_that_was_none_fails_and_an_approximate_one_may() -> None:
    for index in ("auto", "Flat", "IVF8,SQfp16"):
        check({"as_brute_force": [1.0, 1.0]}, index)
    check({"as_brute_force": [0.9, 1.0]}, "IVF8,SQfp16")
    for index in ("auto", "Flat"):
        with pytest.raises(SystemExit, match=f"{index}: the neighbours are not"):
            check({"as_brute_force": [1.0, 0.999]}, index)
