"""The example that runs MTEB's Tatoeba task on a checkpoint, with its data from files."""

import gzip
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.cli.conftest import cli as cli
from tests.conftest import SENTENCES

SCRIPT = Path(__file__).parents[2] / "examples/mteb/tatoeba.py"


@pytest.fixture
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Thirty pairs in Tatoeba's files: the English ones plain, the German ones gzipped."""
    folder = tmp_path / "tatoeba"
    folder.mkdir()
    english = [f"{SENTENCES[n % 4]} {n}" for n in range(30)]
    german = [f"{SENTENCES[4 + n % 2]} {SENTENCES[n % 4].split()[1]} {n}" for n in range(30)]
    (folder / "tatoeba.deu-eng.eng").write_text("\n".join(english) + "\n", encoding="utf-8")
    packed = gzip.compress("\n".join(german).encode())
    (folder / "tatoeba.deu-eng.deu.gz").write_bytes(packed)
    return folder


def test_a_pair_is_read_plain_or_gzipped_with_english_second(
    script: dict[str, Any], data: Path
) -> None:
    pairs = script["read_pair"](data, "deu-eng")
    assert pairs.column_names == ["sentence1", "sentence2"]
    assert len(pairs) == 30
    assert pairs[29]["sentence1"].endswith(" 29") and pairs[29]["sentence1"].startswith("Alle")
    assert pairs[0]["sentence2"] == f"{SENTENCES[0]} 0"


def test_accuracy_in_mteb_is_foreign_to_english_here(
    script: dict[str, Any],
    data: Path,
    cli: Cli,
    tiny_encoder: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("mteb", reason="mteb is not installed: it is not needed but for this")
    script["main"]([str(tiny_encoder), str(data), "deu"])
    accuracy, _, pair = capfd.readouterr().out.split()
    assert pair == "deu-eng"
    ran = cli("retrieve", tiny_encoder, "--task", "tatoeba", "--lang", "de")
    assert ran.code == 0, ran.err
    manifest = json.loads((Path(ran.paths[0]) / "manifest.json").read_text(encoding="utf-8"))
    score = manifest["results"]["scores"]["tatoeba"]["de"]["foreign_to_english"]
    assert 0 < score < 100  # neither nothing found nor everything
    assert accuracy == f"{score:.1f}"
