"""The example that goes from two texts to pairs, in a real shell."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import SENTENCES

SCRIPT = Path(__file__).parents[2] / "examples/mining/run.sh"


def test_two_texts_become_pairs(tmp_path: Path, tiny_encoder: Path) -> None:
    (tmp_path / "xlit").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m xlit "$@"\n')
    (tmp_path / "xlit").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    for name, count in (("one", 8), ("two", 6)):
        lines = "".join(f"{sentence}\n" for sentence in SENTENCES[:count])
        (tmp_path / f"{name}.txt").write_text(lines, encoding="utf-8")

    command = ["bash", SCRIPT, "one.txt", "two.txt", "out", tiny_encoder, "0"]
    ran = subprocess.run(
        [*map(str, command)],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    found = (tmp_path / "out/mined.tsv").read_text(encoding="utf-8").splitlines()
    assert {tuple(line.split("\t")[1:]) for line in found} == {(s, s) for s in SENTENCES[:6]}
    mutual = (tmp_path / "out/mutual.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["source"] for line in mutual} == set(SENTENCES[:6])
    assert "one-to-one (--retrieval max) 6 pairs are kept" in ran.stdout  # the histogram
