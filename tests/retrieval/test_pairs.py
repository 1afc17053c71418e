"""What is kept of a search, written and read again."""

from pathlib import Path

import numpy as np
import pytest

from tests.retrieval.stored import some_texts, store
from xlit.artefacts.store import Artefact, Plan, claim
from xlit.errors import DamagedError, UsageError
from xlit.retrieval.cut import Neighbourhood
from xlit.retrieval.mine import search_sentences, unify
from xlit.retrieval.pairs import (
    BATCH,
    Listed,
    Mined,
    Side,
    each_sentence,
    open_mined,
    vectors_side,
    write_mined,
)
from xlit.retrieval.rows import Neighbours
from xlit.retrieval.vectors import open_vectors

from .worked_example import SOURCES, TARGETS

TEXTS = (["satz", "", "Häuser\there", "satz", "vier"], ["one", "two", "three", "four"])
VECTORS = np.concatenate([SOURCES[:1], SOURCES]), TARGETS


def mined_texts(k: int = 4) -> Mined:
    source, target = unify(TEXTS[0], blank=False), unify(TEXTS[1], blank=False)
    found = search_sentences(source, target, *VECTORS, k=k)
    sides = Side("a", 0, 5, 3, 1), Side("b", 0, 4, 4, 0)
    return Mined(found, k, sides, (Listed(TEXTS[0]), Listed(TEXTS[1])))


def publish(root: Path, mined: Mined) -> Artefact:
    about = Plan(sort="pairs", stage="retrieve", revision=1, name="toy", settings={"k": mined.k})
    with claim(about, root) as work:
        return work.publish(write_mined(mined, work.directory, texts=True))


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    mined = mined_texts()
    artefact, again = open_mined(publish(tmp_path, mined).path)
    for name in ("forward", "backward"):
        for part in ("scores", "ids"):
            one = getattr(getattr(mined.found, name), part)
            other = getattr(getattr(again.found, name), part)
            assert one.dtype == other.dtype
            assert one.tolist() == other.tolist()
    assert list(again.found.cut()) == list(mined.found.cut())
    assert (again.sides, again.k) == (mined.sides, 4)
    assert again.sentences[0].sentences(np.array([4, 0, 2])) == ["vier", "satz", "Häuser\there"]
    assert artefact.manifest.results["source"]["different"] == 3


def test_blank_and_repeated_sentences_are_not_kept(tmp_path: Path) -> None:
    _, mined = open_mined(publish(tmp_path, mined_texts()).path)
    assert mined.found.source_rows.tolist() == [0, 2, 4]
    assert mined.sides[0].repeated == 1


def test_fewer_sentences_than_k_are_all_neighbours(tmp_path: Path) -> None:
    _, mined = open_mined(publish(tmp_path, mined_texts(k=100)).path)
    assert mined.k == 100
    assert mined.found.forward.ids.shape == (3, 4)
    assert list(mined.found.cut()) == list(mined_texts(k=4).found.cut())


@pytest.mark.parametrize(
    "name", ["forward-ids.npy", "backward-scores.npy", "source-rows.npy", "target.arrow"]
)
def test_files_of_another_artefact_are_damage(tmp_path: Path, name: str) -> None:
    artefact = publish(tmp_path, mined_texts())
    path = artefact.path / name
    path.write_bytes(path.read_bytes()[:-8] + b"\xff" * 8)
    with pytest.raises(DamagedError, match=f"{name} does not match its checksum"):
        open_mined(artefact.path)


def test_an_artefact_of_another_sort_is_refused(tmp_path: Path) -> None:
    stored = store(tmp_path, {12: np.asarray(TARGETS)}, TEXTS[1])
    with pytest.raises(UsageError, match="is a vectors artefact, not a pairs artefact"):
        open_mined(stored.path)


def test_sides_of_vectors_name_their_text_and_their_place_in_it(tmp_path: Path) -> None:
    texts = some_texts(10)
    vectors = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    parts = [
        open_vectors([store(tmp_path, {12: vectors}, texts, shard=f"{part}/3").path])
        for part in (1, 2, 3)
    ]
    sides = [vectors_side(part, len(part), 0) for part in parts]
    assert len({side.text for side in sides}) == 1
    assert [(side.first_row, side.rows) for side in sides] == [(0, 3), (3, 3), (6, 4)]
    assert [text for part in parts for text in each_sentence(part)] == texts


def test_sentences_of_several_batches_are_read_in_any_order(tmp_path: Path) -> None:
    count = BATCH + 10
    rows = np.arange(count)
    near = Neighbours(np.ones((count, 1), np.float32), rows[:, None])
    found = Neighbourhood(near, near, 2 * rows, 2 * rows)  # every other line was blank
    texts = Listed([str(row) for row in range(2 * count)])
    side = Side("a", 0, 2 * count, count, count)
    artefact = publish(tmp_path, Mined(found, 1, (side, side), (texts, texts)))
    _, mined = open_mined(artefact.path)
    asked = 2 * np.array([BATCH, 0, count - 1, BATCH - 1, BATCH, 7])
    assert mined.sentences[1].sentences(asked) == [str(row) for row in asked.tolist()]
