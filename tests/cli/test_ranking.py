"""A ranking task from training to a scored submission, over the real command line."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from transformers import AutoModel

from tests.cli.conftest import Cli
from tests.tasks.ranking_cards import HEAD, QUESTIONS, asked, paragraph, squad
from xlit.artefacts.manifest import read_manifest
from xlit.models.quiet import quiet
from xlit.training.processes import Processes

CARD = f"""{HEAD}{QUESTIONS}
[[splits.train.sources]]
kind = "files"
languages = ["en"]
[[splits.train.sources.files]]
path = "find/train.json"
format = "squad"
[splits.dev.carve]
split = "train"
share = 0.3
"""
SUITE = """
name = "mine"
summary = "one task"
overall = "all_task"
[[tasks]]
name = "find"
folder = "find"
metric = "average_precision"
ext = "json"
card = "find.toml"
languages = ["en", "de"]
"""
FAST = ("--epochs", "1", "--batch-size", "4", "--precision", "float32")
PLACES = {"en": ("house", "river", "table"), "de": ("Haus", "Fluss", "Tisch")}


@pytest.fixture
def find(cli: Cli) -> str:
    """The card, with questions on who is where."""
    folder = Path("find")
    folder.mkdir()
    for language, places in PLACES.items():
        texts = [f"Ada is here. The dog is in the {place} {i}." for i, place in enumerate(places)]
        asks = [paragraph(t, asked(f"q{i}", t, "dog")) for i, t in enumerate(texts)]
        (folder / f"{language}.json").write_text(squad(*asks), encoding="utf-8")
    texts = [f"Bo sold it. The cat sees number {i}." for i in range(24)]
    asks = [paragraph(t, asked(f"t{i}", t, f"number {i}")) for i, t in enumerate(texts)]
    (folder / "train.json").write_text(squad(*asks), encoding="utf-8")
    Path("find.toml").write_text(CARD, encoding="utf-8")
    return "./find.toml"


def results(path: str) -> dict[str, Any]:
    return read_manifest(Path(path)).results


def test_a_ranking_task_goes_from_training_to_the_same_score_twice(
    cli: Cli, find: str, tiny_encoder: Path
) -> None:
    trained = cli("train-target", find, "--from", tiny_encoder, *FAST)
    assert trained.code == 0, trained.err
    assert results(trained.paths[0])["tensors"]["find"]["new"] == ["log_scale"]
    evaluated = cli("eval-xtreme", trained.paths[0], "--submission", "out")
    assert evaluated.code == 0, evaluated.err
    cells = results(evaluated.paths[0])["scores"]["find"]
    assert list(cells) == ["en", "de"]
    assert cells["en"]["pool"] == 12
    assert cells["en"]["pooled"] == pytest.approx((cells["en"]["main"] + cells["de"]["main"]) / 2)
    for command in (("report",), ("show",), ("show", "--command")):
        ran = cli(*command, evaluated.paths[0])
        assert ran.code == 0, ran.err
    for asked_for in (("tasks", find), ("tasks", "--check", find)):
        ran = cli(*asked_for)
        assert ran.code == 0, ran.err + ran.out
    Path("mine.toml").write_text(SUITE, encoding="utf-8")
    sides = ("out/predictions", "--labels", "out/labels", "--suite", "./mine.toml", "--json")
    scored = json.loads(cli("score", *sides).out)
    for language in ("en", "de"):
        ours = scored["tasks"]["find"][language]["map@20"]
        assert ours == pytest.approx(cells[language]["map@20"], abs=1e-12)
    whole = cli("eval-xtreme", trained.paths[0], "--suite", "./mine.toml")
    assert whole.code == 0, whole.err
    assert results(whole.paths[0])["suite"]["tasks"] == scored["tasks"]


def test_an_encoder_that_never_ranked_can_be_retrieved_with(
    cli: Cli, find: str, tiny_encoder: Path
) -> None:
    task = ("retrieve", tiny_encoder, "--task", find)
    plain, whole, centred = (cli(*task), cli(*task, "--metric", "map"), cli(*task, "--center"))
    for ran in (plain, whole, centred):
        assert ran.code == 0, ran.err
    assert len({ran.paths[0] for ran in (plain, whole, centred)}) == 3
    cell = results(whole.paths[0])["scores"]["find"]["de"]
    assert cell["pool"] <= 20  # so that both metrics see all of it
    assert cell["main"] == cell["map"] == pytest.approx(cell["map@20"])
    assert cell["main_metric"] == "map"
    assert results(plain.paths[0])["scores"]["find"]["de"]["map@20"] == cell["map@20"]


def test_languages_that_pick_a_layer_are_a_pool_of_their_own(
    cli: Cli, find: str, tiny_encoder: Path
) -> None:
    task = ("retrieve", tiny_encoder, "--task", find)
    swept = cli(*task, "--layer", "all", "--metric", "map", "-v")
    assert swept.code == 0, swept.err
    assert "find: en pick a layer" in swept.err and "a pool of their own" in swept.err
    about = results(swept.paths[0])["layers"]["find"]
    assert (about["picked_on"], about["metric"]) == (["test en"], "map")
    cells = results(swept.paths[0])["scores"]["find"]
    assert list(cells) == ["de"]
    assert (cells["de"]["pool"], cells["de"]["layer"]) == (6, about["layer"])
    layer = ("--layer", str(about["layer"]), "--metric", "map")
    alone = results(cli(*task, *layer, "--lang", "de").paths[0])["scores"]["find"]["de"]
    assert cells["de"] == alone
    assert "find: layers" in swept.err and "map@20" in swept.err
    again = cli("show", swept.paths[0], "--command").out.split()
    assert "already done" in cli(*again[1:], "--dry-run").out


def test_ranking_trains_beside_another_kind(cli: Cli, find: str, tiny_encoder: Path) -> None:
    both = cli("train-intermediate", "./little.toml", find, "--from", tiny_encoder, *FAST)
    assert both.code == 0, both.err
    path = Path(both.paths[0])
    assert set(results(both.paths[0])["dev"]) == {"little", "find"}
    assert list(load_file(path / "heads" / "find.safetensors")) == ["log_scale"]
    with quiet():
        _, info = AutoModel.from_pretrained(path, output_loading_info=True)
    assert not info["unexpected_keys"]
    for task in ("little", "find"):
        ran = cli("eval-xtreme", path, "--task", f"./{task}.toml", "--lang", "de")
        assert ran.code == 0, ran.err
    further = cli("train-target", "./little.toml", "--from", path, *FAST)
    assert further.code == 0, further.err


def test_subsets_of_a_ranking_task_can_be_trained_on(
    cli: Cli, find: str, tiny_encoder: Path
) -> None:
    subset = cli("subsample", find, "--size", "24")
    assert subset.code == 0, subset.err
    ran = cli("train-target", find, "--data", subset.paths[0], "--from", tiny_encoder, *FAST)
    assert ran.code == 0, ran.err
    assert results(ran.paths[0])["mixture"]["find"]["rows"] == 8  # of 24 rows, 16 are sentences


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--task", "./find.toml", "--layer", "0", "--dev-lang", "en"), "one of several layers"),
        (("--task", "pocket-bitext", "--metric", "map"), "is for ranking tasks"),
    ],
)
def test_flags_that_mean_nothing_are_refused(
    cli: Cli, find: str, tiny_encoder: Path, flags: tuple[str, ...], problem: str
) -> None:
    ran = cli("retrieve", tiny_encoder, *flags)
    assert ran.code == 2
    assert problem in ran.err


def test_a_suite_takes_the_checkpoint_trained_to_rank(
    cli: Cli, find: str, tiny_encoder: Path
) -> None:
    Path("mine.toml").write_text(SUITE, encoding="utf-8")
    trained = cli("train-target", find, "--from", tiny_encoder, *FAST).paths[0]
    ran = cli("eval-xtreme", trained, "--suite", "./mine.toml", "--submission", "out")
    assert ran.code == 0, ran.err
    suite = results(ran.paths[0])["suite"]
    cells = results(ran.paths[0])["scores"]["find"]
    assert suite["overall"]["all_task"] == pytest.approx(cells["en"]["pooled"])
    # every task of it is retrieval
    assert suite["without_retrieval"] is None and suite["missing"] == []
    scored = cli("score", "out/predictions", "--labels", "out/labels", "--suite", "./mine.toml",
                 "--json")  # fmt: skip
    official = json.loads(scored.out)
    assert official["tasks"] == suite["tasks"]
    assert official["overall"] == pytest.approx(suite["overall"])


def test_a_ranking_task_in_several_processes_is_wrong_usage_before_any_work(
    cli: Cli, find: str, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Two(Processes):
        size = 2

    # torchrun would take seconds to tell the same: tests/cli/test_torchrun.py runs it
    monkeypatch.setattr("xlit.training.processes.started", lambda: nullcontext(Two()))
    for more in ((), ("--dry-run",)):
        ran = cli("train-target", find, "--from", tiny_encoder, *FAST, *more)
        assert (ran.code, ran.out) == (2, "")
        assert "a batch of ranking cannot be spread over processes" in ran.err
    assert not Path("runs/checkpoint").exists()
