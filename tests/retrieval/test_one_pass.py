"""Lists of texts encoded together: the same vectors, each text once, in bounded groups."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xlit.models.encoders import Loaded, load_encoder, resolve_encoder
from xlit.retrieval import one_pass
from xlit.retrieval.encode import encode_layers
from xlit.retrieval.one_pass import encode_lists

CPU = torch.device("cpu")
LISTS = [
    ["Das rote Haus.", "ein Buch", "Das rote Haus."],
    ["The red house.", "a book"],
    [],
    ["Der Fluss", "ein Buch"],
    ["The red house.", "the river and the red house"],
]
ROW = 2 * 32 * 4  # bytes of a text: two layers, 32 wide


@pytest.fixture(scope="module")
def loaded(tiny_encoder: Path) -> Loaded:
    return load_encoder(resolve_encoder(str(tiny_encoder)))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    made: list[list[str]] = []

    def noted(of: Loaded, texts: Sequence[str], *args: Any, **options: Any) -> Any:
        made.append(list(texts))
        return encode_layers(of, texts, *args, **options)

    # notes what the encoder is asked for; it answers as before
    monkeypatch.setattr(one_pass, "encode_layers", noted)
    return made


@pytest.mark.parametrize("held", [0, 3 * ROW, 10**9], ids=["one by one", "a few", "all"])
def test_every_list_has_the_vectors_that_it_has_alone(
    loaded: Loaded, calls: list[list[str]], held: int
) -> None:
    found = list(encode_lists(loaded, LISTS, [0, 2], held_bytes=held, device=CPU))
    assert [vectors.shape for vectors in found] == [(2, len(texts), 32) for texts in LISTS]
    for texts, vectors in zip(LISTS, found, strict=True):
        alone = encode_layers(loaded, texts, [0, 2], device=CPU)
        assert np.allclose(vectors, alone, atol=1e-6)
    assert np.array_equal(found[0][:, 0], found[0][:, 2])
    assert np.array_equal(found[0][:, 1], found[3][:, 1])  # encoded once, in whatever group
    encoded = [text for call in calls for text in call]
    assert sorted(encoded) == sorted({text for texts in LISTS for text in texts})


def test_lists_are_encoded_together_as_far_as_there_is_room(
    loaded: Loaded, calls: list[list[str]]
) -> None:
    vectors = encode_lists(loaded, LISTS, [0, 2], held_bytes=4 * ROW, device=CPU)
    next(vectors)
    assert [len(call) for call in calls] == [4]  # nothing beyond the first group yet
    list(vectors)
    assert [len(call) for call in calls] == [4, 2]


def test_a_list_larger_than_the_room_is_encoded_alone(
    loaded: Loaded, calls: list[list[str]]
) -> None:
    list(encode_lists(loaded, [["a", "b", "c"], ["d"], ["e"]], [1], held_bytes=2 * 128, device=CPU))
    assert calls == [["a", "b", "c"], ["d", "e"]]


def test_without_lists_nothing_is_encoded(loaded: Loaded, calls: list[list[str]]) -> None:
    assert list(encode_lists(loaded, [], [0], device=CPU)) == []
    assert list(encode_lists(loaded, [[], []], [0], device=CPU))[1].shape == (1, 0, 32)
    assert calls == []
