"""`encode` and `retrieve` killed at random and run again: the same files, but for times."""

import json
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_stopping import finish, launch
from tests.conftest import SENTENCES

COMMANDS = {
    "task": ("retrieve", "--task", "pocket-bitext", "--lang", "de,sw", "--layer", "all"),
    "mine": ("retrieve", "--source", "xx.txt", "--target", "en.txt", "--keep"),
    "encode": ("encode", "--text", "xx.txt", "--shard-rows", "40", "--layer", "0,1,2"),
}
TIMES = ("created", "seconds")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two texts: English sentences, and those of other languages, one in five of them repeated."""
    for name, texts in {"en": SENTENCES[:4], "xx": SENTENCES[4:]}.items():
        lines = [f"{texts[n % len(texts)]} {n % 160}\n" for n in range(200)]
        (tmp_path / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    return tmp_path


def contents(home: Path) -> dict[str, Any]:
    """Every published file by its path: its bytes, and of manifests all but times."""
    found: dict[str, Any] = {}
    for path in sorted((home / "runs").rglob("*")):
        name = path.relative_to(home / "runs").as_posix()
        assert ".partial" not in name, f"{name} is left over"
        if path.is_dir() or name.startswith(".locks"):
            continue
        found[name] = path.read_bytes()
        if path.name == "manifest.json":
            manifest = json.loads(found[name])
            found[name] = {key: value for key, value in manifest.items() if key not in TIMES}
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_kill_9_at_random_and_again_gives_the_same_files(
    name: str, home: Path, tiny_encoder: Path
) -> None:
    stage, *flags = COMMANDS[name]
    command = (stage, str(tiny_encoder), *flags)
    assert finish(launch(home, "show", "--help")) == 0  # what starts processes has started
    (home / "out").unlink()
    began = time.monotonic()
    assert finish(launch(home, *command)) == 0, (home / "err").read_text()
    took = time.monotonic() - began
    expected = contents(home)
    said = (home / "out").read_text()
    assert any(path.endswith("manifest.json") for path in expected)
    shutil.rmtree(home / "runs")
    (home / "out").unlink()
    moment = random.Random()  # any: the claim is of all of them
    for _ in range(3):
        process = launch(home, *command)
        process.join(moment.uniform(0, took))
        process.kill()
        process.join()
    (home / "out").unlink(missing_ok=True)
    assert finish(launch(home, *command)) == 0, (home / "err").read_text()
    assert contents(home) == expected
    assert (home / "out").read_text() == said
