"""The histogram of mined pairs, and the forms that `report` prints it in."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Cli
from tests.cli.conftest import cli as cli
from tests.retrieval.worked_example import unit
from xlit.artefacts.store import Artefact, Plan, claim
from xlit.retrieval.mine import search_sentences, unify
from xlit.retrieval.pairs import Listed, Mined, Side, open_found, write_mined
from xlit.study.histogram import histogram

ROWS = 400


def publish(rows: int = ROWS) -> Artefact:
    """Pairs of which half are translations, in vectors of a hundred dimensions."""
    numbers = np.random.default_rng(2)
    sources, targets = (numbers.normal(size=(rows, 100)) for _ in range(2))
    targets[: rows // 2] = sources[: rows // 2] + 0.5 * targets[: rows // 2]
    vectors = [unit(side.astype(np.float32) + 1) for side in (sources, targets)]
    texts = [[f"{name} {row}" for row in range(rows)] for name in ("satz", "sentence")]
    found = search_sentences(unify(texts[0]), unify(texts[1]), vectors[0], vectors[1])
    sides = [Side(name, 0, rows, rows, 0) for name in ("a", "b")]
    mined = Mined(found, 4, (sides[0], sides[1]), (Listed(texts[0]), Listed(texts[1])))
    plan = Plan("pairs", "retrieve", 1, "toy", settings={"k": 4, "rows": rows})
    with claim(plan, Path("runs")) as work:
        return work.publish(write_mined(mined, work.directory, texts=True))


@pytest.fixture
def artefact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artefact:
    monkeypatch.chdir(tmp_path)  # the run root is below the working directory
    return publish()


def test_every_source_is_in_one_bin_and_mutual_pairs_among_them(artefact: Artefact) -> None:
    found = histogram(*open_found(artefact.path))
    pairs = open_found(artefact.path)[1]
    assert int(found.forward.sum()) == ROWS
    assert int(found.mutual.sum()) == len(pairs.cut(retrieval="intersect"))
    assert (found.mutual <= found.forward).all()
    assert found.kept == len(pairs.cut())
    scores = pairs.cut(retrieval="forward").scores
    for place in range(1, len(found.forward) - 1):
        low, high = found.edges[place : place + 2]
        assert found.forward[place] == ((scores >= low) & (scores < high)).sum()


def test_translations_are_a_hump_of_their_own(artefact: Artefact) -> None:
    found = histogram(*open_found(artefact.path))
    right = found.edges[:-1] > 1.2
    assert 0.4 * ROWS < found.mutual[right].sum() <= 0.5 * ROWS
    assert 5 <= len(found.forward) <= 45


def test_edges_are_decimal_numbers(artefact: Artefact) -> None:
    edges = histogram(*open_found(artefact.path)).edges.tolist()
    assert all(len(str(edge)) <= 6 for edge in edges)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_pairs_have_a_histogram(artefact: Artefact, rows: int) -> None:
    found = histogram(*open_found(publish(rows).path))
    assert int(found.forward.sum()) == rows


def test_report_prints_it_in_every_form(cli: Cli) -> None:
    path = publish().path
    drawn = cli("report", path)
    assert drawn.code == 0, drawn.err
    assert f"{path.name}: ratio margins, k 4, 400 x 400 sentences" in drawn.out
    assert "█" in drawn.out and "░" in drawn.out
    markdown = cli("report", "--format", "markdown", stdin=f"{path}\n").out
    assert markdown.count("| from ") > 4 and "| below" in markdown
    header, *rows = cli("report", path, "--format", "csv").out.splitlines()
    assert header == "pairs,from,to,forward,mutual"
    assert sum(int(row.split(",")[3]) for row in rows) == ROWS
    bins = json.loads(cli("report", path, "--json").out)
    assert bins[0]["from"] is None
    assert sum(one["mutual"] for one in bins) == sum(int(row.split(",")[4]) for row in rows)
    refused = cli("report", path, "--baseline", "x")
    assert refused.code == 2 and "--baseline is for scores" in refused.err
