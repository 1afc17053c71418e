from itertools import chain

import pytest
import torch

from xlit.models.chunks import Chunk, cut_into_chunks, positions
from xlit.models.encoders import load_encoder
from xlit.models.references import resolve_encoder


def test_chunks_are_sorted_and_within_the_budget() -> None:
    lengths = [3, 9, 4, 30, 4, 8, 3]
    assert list(cut_into_chunks(lengths, 20, padded=True)) == [[3], [1, 5], [2, 4, 0, 6]]
    assert list(cut_into_chunks(lengths, 20, padded=False)) == [[3], [1, 5], [2, 4, 0, 6]]
    assert list(cut_into_chunks(lengths, 24, padded=True)) == [[3], [1, 5], [2, 4, 0, 6]]
    assert list(cut_into_chunks(lengths, 25, padded=False)) == [[3], [1, 5, 2, 4], [0, 6]]


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("budget", [1, 7, 100, 10_000])
def test_every_text_is_in_one_chunk(budget: int, padded: bool) -> None:
    lengths = torch.randint(1, 60, (500,), generator=torch.Generator().manual_seed(1)).tolist()
    found = list(cut_into_chunks(lengths, budget, padded=padded))
    assert sorted(chain(*found)) == list(range(500))
    for chunk in found:
        sizes = [lengths[text] for text in chunk]
        tokens = len(sizes) * sizes[0] if padded else sum(sizes)
        assert tokens <= budget or len(chunk) == 1
        assert sizes == sorted(sizes, reverse=True)


def test_no_texts_are_no_chunk() -> None:
    assert list(cut_into_chunks([], 10, padded=False)) == []


def test_padding_stands_behind_the_tokens() -> None:
    ids, mask = Chunk(torch.tensor([5, 6, 7, 8, 9]), (3, 2)).padded(1)
    assert ids.tolist() == [[5, 6, 7], [8, 9, 1]]
    assert mask.tolist() == [[1, 1, 1], [1, 1, 0]]


@pytest.mark.parametrize(
    ("fixture", "expected"),
    [("tiny_encoder", [0, 1, 2, 3, 0, 1]), ("tiny_xlmr", [2, 3, 1, 4, 2, 3])],
    ids=["from 0", "behind the padding"],
)
def test_positions_are_those_of_the_encoder(
    fixture: str, expected: list[int], request: pytest.FixtureRequest
) -> None:
    base = load_encoder(resolve_encoder(str(request.getfixturevalue(fixture)))).model
    # a text may have the token of padding written in it
    chunk = Chunk(torch.tensor([0, 7, 1, 2, 0, 2]), (4, 2))
    assert positions(base, chunk).tolist() == expected
