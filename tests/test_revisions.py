"""Every stage's numbers against stored ones: who changes them must raise the stage's REVISION.

After a wanted change: raise REVISION in `commands/<stage>.py`, run
`XLIT_STORE_REVISIONS=1 pytest tests/test_revisions.py`, and commit `revisions.json` with it.
"""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.cli.conftest import cli as cli
from xlit.artefacts.manifest import read_manifest
from xlit.cli import STAGES
from xlit.retrieval.pairs import open_found
from xlit.retrieval.vectors import open_vectors

STORED = Path(__file__).parent / "revisions.json"
FAST = ("--epochs", "8", "--lr", "3e-3", "--batch-size", "8", "--freeze", "none")
FLOAT = ("--precision", "float32")


def revision(stage: str) -> int | None:
    module = importlib.import_module(f"xlit.commands.{stage.replace('-', '_')}")
    return getattr(module, "REVISION", None)


def numbers_of(path: str) -> dict[str, Any]:
    """What a stage computed, as far as another machine computes the same."""
    manifest = read_manifest(Path(path))
    if manifest.stage == "fetch":
        return {f"{d['split']} {d['language']}": d["digest"] for d in manifest.data}
    if manifest.sort == "data":
        return {"digest": json.loads(Path(path, "record.json").read_text())["digest"]}
    if manifest.sort == "vectors":
        vectors = open_vectors([path])
        return {
            f"{vectors.sentence(0)} {row}": float(vectors[:1][0] @ vectors[row : row + 1][0])
            for row in (1, 2)
        }
    if manifest.sort == "pairs":
        _, pairs = open_found(path)  # how many are kept hangs on last bits
        cosines, ratios = pairs.forward.scores, pairs.cut(retrieval="forward").scores
        return {"cosine": float(cosines.mean()), "ratio": float(ratios.mean())}
    if manifest.sort == "checkpoint":
        scores = {task: outcome["score"] for task, outcome in manifest.results["dev"].items()}
        return {"loss": manifest.results["loss"], "steps": manifest.results["steps"], **scores}
    return {
        f"{task} {language}": cell["main"]
        for task, languages in manifest.results["scores"].items()
        for language, cell in languages.items()
    }


def same(ours: Any, theirs: Any) -> bool:
    if any(isinstance(value, str) for value in theirs.values()):
        return ours == theirs
    return bool(ours == pytest.approx(theirs, rel=2e-3))


def test_numbers_change_only_with_the_revision(cli: Cli, tiny_encoder: Path) -> None:
    data = cli("subsample", "./little.toml", "--size", "16").paths[0]
    middle = cli("train-intermediate", data, "--from", tiny_encoder, *FAST, *FLOAT).paths[0]
    target = cli("train-target", "./little.toml", "--from", middle, *FAST, *FLOAT).paths[0]
    scores = cli("eval-xtreme", target, *FLOAT).paths[0]
    asked = ("--task", "pocket-bitext", "--lang", "de", *FLOAT)
    found = cli("retrieve", tiny_encoder, *asked).paths[0]
    task = ("--task", "pocket-bitext", "--lang", "de", *FLOAT)
    vectors = cli("encode", tiny_encoder, *task, "--side", "source").paths[0]
    halves = [cli("encode", tiny_encoder, *task, "--shard", part).paths for part in ("1/2", "2/2")]
    cells = [
        cli("retrieve", "--source", source, "--target", target, "--keep").paths[0]
        for source in (half[0] for half in halves)
        for target in (half[1] for half in halves)
    ]
    made = {
        "fetch": cli("fetch", "./little.toml").paths[0],
        "subsample": data,
        "train-intermediate": middle,
        "train-target": target,
        "eval-xtreme": scores,
        "encode": vectors,
        "retrieve": found,
        "cut": cli("cut", *cells, "--keep").paths[0],
    }
    assert set(made) == {stage for stage in STAGES if revision(stage) is not None}
    now = {
        stage: {"revision": revision(stage), "numbers": numbers_of(path)}
        for stage, path in made.items()
    }
    stored = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    storing = bool(os.environ.get("XLIT_STORE_REVISIONS"))
    raised = False  # what is computed from another stage's new numbers is new without a fault
    for stage, entry in now.items():
        before = stored.get(stage, {"revision": 0})
        if entry["revision"] == before["revision"]:
            if storing and raised and stage == "eval-xtreme":
                continue
            # processors round differently: a loss may change in its third digit
            assert same(entry["numbers"], before["numbers"]), f"{stage}: raise its REVISION"
        else:
            assert storing, f"{stage}: store the new numbers"
            raised = True
    if storing:
        STORED.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
