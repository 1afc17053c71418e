"""Shards are encoded as one list of texts is, survive a failure, and are made again if damaged."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.conftest import SENTENCES
from xlit.errors import InputError
from xlit.models.encoders import Loaded, load_encoder, resolve_encoder
from xlit.retrieval import storing
from xlit.retrieval.centring import centred, unit
from xlit.retrieval.encode import encode_layers
from xlit.retrieval.shards import publish_folder
from xlit.retrieval.storing import Storage, encode_shards
from xlit.retrieval.texts import TextFile, TextList, open_text

CPU = torch.device("cpu")
LAYERS = (0, 2)
TEXTS = [*SENTENCES[:6], "", *SENTENCES[3:8], SENTENCES[3], "", ""]
SPOKEN = [place for place, text in enumerate(TEXTS) if text]


@pytest.fixture(scope="module")
def loaded(tiny_encoder: Path) -> Loaded:
    return load_encoder(resolve_encoder(str(tiny_encoder)))


@pytest.fixture
def text(tmp_path: Path) -> TextFile:
    (tmp_path / "a.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    found = open_text(tmp_path / "a.txt", "--text", tmp_path)
    assert isinstance(found, TextFile)
    return found


def storage(folder: Path, **changes: Any) -> Storage:
    (folder / "partial").mkdir(exist_ok=True)
    values: dict[str, Any] = {
        "directory": folder / "partial",
        "saves": folder / "partial/saves",
        "rows": range(len(TEXTS)),
        "shard_rows": 4,
        "dtype": np.dtype(np.float32),
        "center": False,
        **changes,
    }
    return Storage(**values)


def run(loaded: Loaded, text: TextFile, where: Storage) -> int:
    return encode_shards(loaded, text, LAYERS, where, device=CPU)


def vectors_of(where: Storage) -> NDArray[Any]:
    """(layers, rows, width) of all shards."""
    blocks = list(where.blocks())
    return np.stack(
        [
            np.concatenate([where.final(n, rows, 32).vectors(layer) for n, rows in blocks])
            for layer in LAYERS
        ]
    )


def files(where: Storage) -> dict[str, bytes]:
    folder = where.directory / "shards"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def expected(loaded: Loaded, *, center: bool = False) -> NDArray[np.float32]:
    texts = [TEXTS[place] for place in SPOKEN]
    found = np.zeros((len(LAYERS), len(TEXTS), 32), np.float32)
    made = encode_layers(loaded, texts, LAYERS, device=CPU, normalise=not center)
    for place, of_layer in enumerate(made):
        found[place, SPOKEN] = unit(centred(of_layer)) if center else of_layer
    return found


@pytest.mark.parametrize("center", [False, True], ids=["plain", "centred"])
def test_shards_hold_the_vectors_of_all_texts_and_zeros_for_blank_ones(
    loaded: Loaded, text: TextFile, tmp_path: Path, center: bool
) -> None:
    where = storage(tmp_path, center=center)
    assert run(loaded, text, where) == len(TEXTS) - len(SPOKEN)
    found = vectors_of(where)
    assert np.allclose(found, expected(loaded, center=center), atol=1e-5)
    assert not found[:, [place for place, text in enumerate(TEXTS) if not text]].any()
    assert np.allclose(np.linalg.norm(found[:, SPOKEN], axis=2), 1, atol=1e-5)
    sentences = where.final(1, range(4, 8), 32).sentences().to_pydict()
    assert sentences == {"id": ["5", "6", "7", "8"], "text": TEXTS[4:8]}


def test_a_side_of_a_task_that_is_blank_throughout_is_zero(loaded: Loaded, tmp_path: Path) -> None:
    where = storage(tmp_path, rows=range(2), center=True)
    texts = TextList(["1", "2"], ["", ""], "0")
    with np.errstate(all="raise"):  # the mean of no text divides by nothing
        assert encode_shards(loaded, texts, LAYERS, where, device=CPU) == 2
    assert not where.final(0, range(2), 32).vectors(2).any()


def test_half_precision_is_the_rounded_vector(
    loaded: Loaded, text: TextFile, tmp_path: Path
) -> None:
    where = storage(tmp_path, dtype=np.dtype(np.float16))
    run(loaded, text, where)
    assert vectors_of(where).dtype == np.float16
    assert np.allclose(vectors_of(where), expected(loaded), atol=1e-3)


def test_a_part_holds_its_rows_alone(loaded: Loaded, text: TextFile, tmp_path: Path) -> None:
    where = storage(tmp_path, rows=range(5, 11))
    assert run(loaded, text, where) == 1
    assert np.allclose(vectors_of(where), expected(loaded)[:, 5:11], atol=1e-5)
    assert where.final(0, range(4), 32).sentences().column("id").to_pylist() == [*"6789"]


@pytest.mark.parametrize("center", [False, True], ids=["plain", "centred"])
def test_whatever_shard_fails_the_next_run_makes_what_is_missing_and_the_same_bytes(
    loaded: Loaded,
    text: TextFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    center: bool,
) -> None:
    (tmp_path / "whole").mkdir()
    whole = storage(tmp_path / "whole", center=center)
    run(loaded, text, whole)
    steps = 0  # shards, the mean and centred shards begun

    def failing(folder: Path) -> Any:
        nonlocal steps
        steps += 1
        if steps % 2 == 0:
            raise ZeroDivisionError(folder)
        return publish_folder(folder)

    # each publishes one folder, and fails at the next: every place to fail is met
    monkeypatch.setattr(storing, "publish_folder", failing)
    where = storage(tmp_path, center=center)
    failures = 0
    while True:
        try:
            run(loaded, text, where)
            break
        except ZeroDivisionError:
            failures += 1
    assert files(where) == files(whole)
    published = 4 if not center else 4 + 1 + 4
    assert (failures, steps) == (published - 1, 2 * published - 1)  # nothing is made twice


@pytest.mark.parametrize("harm", ["cut", "gone", "foreign"])
def test_a_shard_that_is_not_whole_is_told_of_and_made_again(
    loaded: Loaded,
    text: TextFile,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    harm: str,
) -> None:
    where = storage(tmp_path)
    run(loaded, text, where)
    before = files(where)
    path = where.directory / "shards/00002/layer-2.npy"
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(b"foreign" if harm == "foreign" else path.read_bytes()[:-1])
    run(loaded, text, where)
    assert files(where) == before
    said = capsys.readouterr().err
    assert "shards/00002: not used: not whole" in said
    assert "going on: 3 of 4 shards are there" in said


def test_centred_shards_without_their_mean_are_made_again(
    loaded: Loaded, text: TextFile, tmp_path: Path
) -> None:
    where = storage(tmp_path, center=True)
    run(loaded, text, where)
    before = files(where)
    shutil.rmtree(where.saves)
    run(loaded, text, where)
    assert files(where) == before


def test_nothing_is_kept_of_a_text_that_changed(
    loaded: Loaded, text: TextFile, tmp_path: Path
) -> None:
    text.path.write_text("\n".join(reversed(TEXTS)), encoding="utf-8")
    where = storage(tmp_path)
    with pytest.raises(InputError, match="changed while it was read"):
        run(loaded, text, where)
    assert not (where.directory / "shards").exists()


def test_with_many_layers_a_shard_is_made_a_part_at_a_time(
    loaded: Loaded, text: TextFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "WINDOW_BYTES", 4 * len(LAYERS) * 32 * 3)  # three rows
    sizes = []

    def counting(loaded: Loaded, texts: list[str], *args: Any, **options: Any) -> Any:
        sizes.append(len(texts))
        return encode_layers(loaded, texts, *args, **options)

    monkeypatch.setattr(storing, "encode_layers", counting)
    where = storage(tmp_path, shard_rows=100)
    run(loaded, text, where)
    assert np.allclose(vectors_of(where), expected(loaded), atol=1e-5)
    assert max(sizes) == 3
