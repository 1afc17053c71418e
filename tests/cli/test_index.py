"""`--index` as typed: what is exact is the same artefact, what is not says what it misses."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from xlit.artefacts.manifest import read_manifest

POCKET = ("--task", "pocket-bitext", "--lang", "de")


def test_exact_searches_are_one_artefact_and_an_approximate_one_is_another(
    cli: Cli, tiny_encoder: Path
) -> None:
    made = cli("retrieve", tiny_encoder, *POCKET)
    assert made.code == 0, made.err
    for index in ("exact", "Flat"):
        again = cli("retrieve", tiny_encoder, *POCKET, "--index", index)
        assert "already done" in again.err
        assert again.out == made.out
    other = cli("retrieve", tiny_encoder, *POCKET, "--index", "IVF2,Flat:nprobe=1")
    assert other.code == 0, other.err
    assert other.out != made.out
    assert read_manifest(Path(other.paths[0])).settings["index"] == "IVF2,Flat:nprobe=1"
    assert "IVF2,Flat:nprobe=1: recall" in other.err


def cell_of(path: str) -> dict[str, Any]:
    cell: dict[str, Any] = read_manifest(Path(path)).results["scores"]["pocket-bitext"]["de"]
    return cell


def test_the_recall_of_an_approximate_index_is_kept_with_the_score(
    cli: Cli, tiny_encoder: Path
) -> None:
    (exact,) = cli("retrieve", tiny_encoder, *POCKET).paths
    assert "neighbours_found" not in cell_of(exact)
    ran = cli("retrieve", tiny_encoder, *POCKET, "--index", "IVF2,Flat:nprobe=1")
    found = cell_of(ran.paths[0])["neighbours_found"]
    assert found.keys() == {"forward", "backward"}
    for direction in found.values():
        assert f"recall {100 * direction['share']:.2f} %" in ran.err
        assert f"over {direction['queries']} of" in ran.err
    assert cli("report", ran.paths[0]).code == 0


def test_mining_searches_as_it_is_told(cli: Cli, tiny_encoder: Path) -> None:
    for side in ("de", "en"):
        words = [f"{side} {i} {i * i % 17}" for i in range(40)]
        Path(f"{side}.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    mine = ("retrieve", tiny_encoder, "--source", "de.txt", "--target", "en.txt")
    exact = cli(*mine, "--index", "exact")
    assert exact.code == 0, exact.err
    assert len(exact.out.splitlines()) > 1
    assert cli(*mine).out == cli(*mine, "--index", "Flat").out == exact.out
    told = cli(*mine, "--index", "IVF4,Flat:nprobe=4")
    assert told.out == exact.out
    assert told.err.count("IVF4,Flat:nprobe=4: recall 100.00 % of the 4 nearest") == 2


@pytest.mark.parametrize("index", ["Flatt", "IVF4,Flat:probes=4"])
@pytest.mark.parametrize("mining", [False, True])
def test_an_index_that_faiss_does_not_know_is_wrong_usage(
    cli: Cli, tiny_encoder: Path, index: str, mining: bool
) -> None:
    for side in ("de", "en"):
        Path(f"{side}.txt").write_text("a\nb\n", encoding="utf-8")
    what = ("--source", "de.txt", "--target", "en.txt") if mining else POCKET
    ran = cli("retrieve", tiny_encoder, *what, "--index", index)
    assert ran.code == 2
    assert f"--index {index}: FAISS says" in ran.err
    assert not ran.out
