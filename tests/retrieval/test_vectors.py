"""Stored vectors read as one array: shards, workers, layers, and artefacts that are no one side."""

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.retrieval.stored import some_texts, some_vectors, store
from xlit.artefacts.store import Plan, claim
from xlit.errors import DamagedError, InputError, UsageError
from xlit.retrieval import vectors as vectors_module
from xlit.retrieval.parts import Part, part_from
from xlit.retrieval.shards import SENTENCES
from xlit.retrieval.vectors import (
    StoredVectors,
    check_comparable,
    open_vectors,
)

ROWS = 11
VECTORS = some_vectors(ROWS)
TEXTS = some_texts(ROWS)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredVectors:
    """Eleven rows in shards of four."""
    root = tmp_path_factory.mktemp("runs")
    return open_vectors([store(root, {12: VECTORS}, TEXTS).path])


@given(st.slices(ROWS))
def test_any_slice_is_that_of_the_array(stored: StoredVectors, rows: slice) -> None:
    assert np.array_equal(stored[rows], VECTORS[rows])
    assert stored.sentences(rows) == TEXTS[rows]


@given(st.lists(st.integers(-ROWS, ROWS - 1), max_size=30))
def test_any_rows_in_any_order_are_those_of_the_array(
    stored: StoredVectors, rows: list[int]
) -> None:
    ids = np.array(rows, np.int64)
    assert np.array_equal(stored[ids], VECTORS[ids])
    assert stored[ids].shape == (len(rows), 5)
    assert stored.sentences(ids) == [TEXTS[row] for row in rows]
    assert stored.row_ids(ids) == [str(row % ROWS + 1) for row in rows]


def test_they_have_the_shape_the_type_and_the_sentences_of_what_was_stored(
    stored: StoredVectors,
) -> None:
    assert (stored.shape, len(stored), str(stored.dtype)) == ((ROWS, 5), ROWS, "float32")
    assert stored.sentence(7) == TEXTS[7]
    assert stored.layer == 12


def test_a_slice_within_a_shard_is_read_from_its_file_and_not_copied(
    stored: StoredVectors,
) -> None:
    array: Any = stored[4:8]
    while isinstance(array, np.ndarray):
        array = array.base
    assert isinstance(array, mmap.mmap)


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (np.array([0, ROWS]), IndexError),
        (np.array([-ROWS - 1]), IndexError),
        (np.array([0.5]), TypeError),
        (np.array([True] * ROWS), TypeError),
        (np.array([[1]]), TypeError),
    ],
    ids=["beyond", "before", "no whole number", "a mask", "two axes"],
)
def test_rows_that_are_not_there_are_refused(
    stored: StoredVectors, rows: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        stored[rows]


def test_more_shards_than_files_may_be_open_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors_module, "OPEN", 4)  # so that a dozen shards are too many
    rows = 12
    many = store(tmp_path, {3: some_vectors(rows, 2)}, some_texts(rows), shard_rows=1)
    stored = open_vectors([many.path])
    before = len(list(Path("/proc/self/fd").iterdir()))
    for order in (1, -1):
        assert np.array_equal(stored[::order], some_vectors(rows, 2)[::order])
        assert stored.sentences(slice(None, None, order)) == some_texts(rows)[::order]
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 4


def test_workers_of_one_text_are_one_side_in_the_order_of_the_text(tmp_path: Path) -> None:
    parts = [
        store(tmp_path, {12: VECTORS}, TEXTS, name=f"p{number}", shard=f"{number}/10").path
        for number in range(1, 11)
    ]
    stored = open_vectors(sorted(parts, key=str))  # p10 stands before p2
    assert np.array_equal(stored[:], VECTORS)
    assert stored.sentences() == TEXTS
    assert stored.row_ids() == [str(line) for line in range(1, ROWS + 1)]


def test_a_part_that_is_not_named_is_told_and_one_named_twice_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = (
        store(tmp_path, {12: VECTORS}, TEXTS, shard=f"{number}/3").path for number in (1, 2, 3)
    )
    assert len(open_vectors([third, first])) == len(VECTORS) - len(open_vectors([second]))
    assert "of its text part 2 of 3 is not named" in capsys.readouterr().err
    with pytest.raises(InputError, match="twice"):
        open_vectors([first, first])


def test_the_parts_of_several_texts_come_text_by_text(tmp_path: Path) -> None:
    texts = {"first": TEXTS[:7], "second": TEXTS[7:]}
    parts = {
        f"{name} {number}": store(
            tmp_path, {12: VECTORS[: len(text)]}, text, name=name, shard=f"{number}/2"
        ).path
        for name, text in texts.items()
        for number in (1, 2)
    }
    mixed = [parts[name] for name in ("second 2", "first 2", "first 1", "second 1")]
    assert open_vectors(mixed).sentences() == TEXTS[7:] + TEXTS[:7]


def test_artefacts_of_other_texts_follow_in_the_order_given(tmp_path: Path) -> None:
    one = store(tmp_path, {12: VECTORS[:3]}, TEXTS[:3]).path
    two = store(tmp_path, {12: VECTORS[3:]}, TEXTS[3:]).path
    assert open_vectors([two, one]).sentences() == TEXTS[3:] + TEXTS[:3]


@pytest.mark.parametrize("layer", [3, -10, 12, -1])
def test_one_of_several_layers_is_picked(tmp_path: Path, layer: int) -> None:
    path = store(tmp_path, {3: VECTORS, 12: -VECTORS}, TEXTS).path
    sign = 1 if layer in (3, -10) else -1
    assert np.array_equal(open_vectors([path], layer=layer)[:], sign * VECTORS)


def test_a_layer_has_to_be_named_where_there_are_several(tmp_path: Path) -> None:
    path = store(tmp_path, {3: VECTORS, 12: -VECTORS}, TEXTS).path
    with pytest.raises(UsageError, match=r"several layers.*--layer 3 or 12"):
        open_vectors([path])
    with pytest.raises(UsageError, match=r"no layer 5.*--layer 3 or 12"):
        open_vectors([path], layer=5)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("encoder", "other"), ("pooling", "cls"), ("center", True), ("prefix", "query: ")],
)
def test_vectors_made_in_two_ways_are_no_one_side(tmp_path: Path, setting: str, value: Any) -> None:
    one = store(tmp_path, {12: VECTORS}, TEXTS, prefix="")
    two = store(tmp_path, {12: VECTORS}, TEXTS, **{"prefix": "", setting: value})
    with pytest.raises(InputError, match=rf"are not one side: {setting}"):
        open_vectors([one.path, two.path])


def test_two_sides_need_one_encoder_and_layer_and_may_have_prefixes_of_their_own(
    tmp_path: Path,
) -> None:
    query = open_vectors([store(tmp_path, {12: VECTORS}, TEXTS, prefix="query: ").path])
    half = open_vectors([store(tmp_path, {12: VECTORS.astype(np.float16)}, TEXTS).path])
    check_comparable(query, half)
    other = open_vectors([store(tmp_path, {12: VECTORS}, TEXTS, encoder="other").path])
    with pytest.raises(InputError, match="cannot be compared: encoder"):
        check_comparable(query, other)
    lower = open_vectors([store(tmp_path, {11: VECTORS}, TEXTS).path])
    with pytest.raises(InputError, match="cannot be compared: layer 12 and 11"):
        check_comparable(query, lower)


def test_an_artefact_of_another_sort_is_refused(tmp_path: Path) -> None:
    with claim(Plan("data", "toy", 1, "toy", {}), tmp_path) as work:
        data = work.publish({})
    with pytest.raises(UsageError, match="a data artefact, not a vectors artefact"):
        open_vectors([data.path])


@pytest.mark.parametrize("name", ["layer-12.npy", SENTENCES])
@pytest.mark.parametrize("harm", ["cut", "gone", "changed"])
def test_a_damaged_file_is_told(tmp_path: Path, name: str, harm: str) -> None:
    artefact = store(tmp_path, {12: VECTORS}, TEXTS)
    path = artefact.path / "shards/00001" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:100] if harm == "cut" else content)
    with pytest.raises(DamagedError, match=name):
        open_vectors([artefact.path])
    if harm != "changed":  # what is not held against its checksum is seen when it is read
        stored = open_vectors([artefact.path], check=False)
        with pytest.raises(DamagedError, match=name):
            stored[:], stored.sentences()


@pytest.mark.parametrize("total", [1, 7, 8, 1000])
@pytest.mark.parametrize("of", [1, 3, 7])
def test_parts_are_even_and_make_up_the_text(total: int, of: int) -> None:
    parts = [Part(number, of).rows(total) for number in range(1, of + 1)]
    assert [row for part in parts for row in part] == list(range(total))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "-1/3", "a/b", "1/3/5", "1.5/3"])
def test_a_part_that_is_none_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="not a part such as 1/8"):
        part_from(text)
