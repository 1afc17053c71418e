import re
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
)

from xlit.errors import DamagedError
from xlit.models.compact import compact, refusal
from xlit.models.encoders import load_with_head
from xlit.models.multitask import share_encoder
from xlit.models.references import resolve_encoder

PIECES = np.array([0, 1, 2, 7, 30, 31])


def classifier(directory: Path, seed: int = 0) -> Any:
    ref = resolve_encoder(str(directory))
    return load_with_head(ref, AutoModelForSequenceClassification, seed=seed).model.eval()


def modern() -> Any:
    config = ModernBertConfig(
        vocab_size=100,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        pad_token_id=1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return ModernBertForSequenceClassification(config).eval()


@pytest.fixture(params=["tiny_encoder", "tiny_xlmr", "modernbert"])
def model(request: pytest.FixtureRequest) -> Any:
    if request.param == "modernbert":
        return modern()
    return classifier(request.getfixturevalue(request.param))


def logits(model: Any, ids: list[list[int]]) -> torch.Tensor:
    inputs = torch.tensor(ids)
    return model(input_ids=inputs, attention_mask=(inputs != 1).long()).logits


def test_a_compact_model_takes_the_ordinary_ids(model: Any, tmp_path: Path) -> None:
    ids = [[0, 30, 7, 31, 2], [0, 7, 2, 1, 1]]
    before = logits(model, ids)
    compact([model], PIECES, tmp_path)
    assert model.get_input_embeddings().weight.shape[0] == len(PIECES)
    assert torch.equal(logits(model, ids), before)


def test_what_is_put_back_is_the_same_model(model: Any, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    made = compact([model], PIECES, tmp_path)
    made.restore([])
    assert type(model.get_input_embeddings()) is nn.Embedding
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_the_padding_piece_is_held_and_gets_no_gradient(model: Any, tmp_path: Path) -> None:
    made = compact([model], np.array([0, 2, 7]), tmp_path)
    assert made.pieces.tolist() == [0, 1, 2, 7]
    torch.autograd.backward(logits(model, [[0, 7, 2], [0, 2, 1]]).sum())
    gradient = made.embedding.weight.grad
    assert gradient is not None
    assert [bool(row.any()) for row in gradient] == [True, False, True, True]


def test_a_piece_without_a_row_is_refused_by_its_number(tiny_encoder: Path, tmp_path: Path) -> None:
    model = classifier(tiny_encoder)
    compact([model], PIECES, tmp_path)
    with pytest.raises(IndexError, match="piece 8 is not among the 6 of this run"):
        logits(model, [[0, 8, 2]])


def test_rows_that_were_not_held_are_decayed_as_adamw_does_it(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    """With zero gradients all 50 steps, by torch's own fused kernel, at a rate whose decay is
    about the spacing of float32: the closed form would be 1.7e-6 off."""
    model = classifier(tiny_encoder)
    weight = model.get_input_embeddings().weight
    dense = nn.Parameter(weight.detach().clone())
    optimiser = torch.optim.AdamW([dense], weight_decay=0.01, fused=True)
    rates = [1e-5 * (50 - step) / 50 for step in range(50)]
    for rate in rates:
        optimiser.param_groups[0]["lr"] = rate
        dense.grad = torch.zeros_like(dense)
        optimiser.step()
    made = compact([model], PIECES, tmp_path)
    made.restore([1 - rate * 0.01 for rate in rates])
    restored = model.get_input_embeddings().weight
    unseen = np.setdiff1d(np.arange(len(dense)), PIECES)
    assert torch.equal(restored[unseen], dense[unseen])
    assert not torch.equal(restored[unseen], weight[unseen])
    assert torch.equal(restored[PIECES], weight[PIECES])


def test_frozen_rows_are_not_decayed(tiny_encoder: Path, tmp_path: Path) -> None:
    model = classifier(tiny_encoder)
    weight = model.get_input_embeddings().weight.requires_grad_(False)
    before = weight.clone()
    compact([model], PIECES, tmp_path).restore([0.5])
    after = model.get_input_embeddings().weight
    assert torch.equal(after, before)
    assert not after.requires_grad


def test_models_that_share_an_encoder_are_compact_together(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    models = {name: classifier(tiny_encoder, seed) for seed, name in enumerate("ab")}
    share_encoder(models)
    first, second = models.values()
    before = first.get_input_embeddings().weight.detach().clone()
    made = compact([first, second], PIECES, tmp_path)
    assert first.get_input_embeddings() is second.get_input_embeddings() is made.embedding
    made.restore([])
    assert first.get_input_embeddings() is second.get_input_embeddings()
    assert torch.equal(second.get_input_embeddings().weight, before)


def test_the_full_matrix_is_nowhere_while_its_rows_are_trained(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    model = classifier(tiny_encoder)
    made = compact([model], PIECES, tmp_path)
    assert made.full.weight.numel() == 0
    assert list(tmp_path.iterdir()) == []  # the file that holds it has no name


def test_without_a_directory_the_models_stay_compact(tiny_encoder: Path) -> None:
    model = classifier(tiny_encoder)
    made = compact([model], PIECES, None)
    before = made.embedding.weight.clone()
    made.restore([0.5])
    assert model.get_input_embeddings() is made.embedding
    assert torch.equal(made.embedding.weight, before)


def test_a_matrix_that_cannot_be_read_back_whole_is_not_put_back(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    model = classifier(tiny_encoder)
    made = compact([model], PIECES, tmp_path)
    made.file.truncate(50_000)
    with pytest.raises(OSError, match="full word embeddings has become shorter"):
        made.restore([])
    assert model.get_input_embeddings() is made.embedding


def test_a_piece_beyond_the_matrix_is_refused(tiny_encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="has a piece 99999, the encoder 766 rows"):
        compact([classifier(tiny_encoder)], np.array([0, 99999]), tmp_path)


def test_a_full_disk_leaves_the_model_as_it_was(tiny_encoder: Path, tmp_path: Path) -> None:
    model = classifier(tiny_encoder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            compact([model], PIECES, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert model.get_input_embeddings().weight.shape == (766, 32)


class Scaled(nn.Embedding):
    """As some encoders have it: a table that does more than look up."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(ids)


def masked_lm(directory: Path) -> list[Any]:
    return [load_with_head(resolve_encoder(str(directory)), AutoModelForMaskedLM).model]


def tied(directory: Path) -> list[Any]:
    model = classifier(directory)
    model.classifier.again = nn.Linear(32, 4)
    model.classifier.again.weight = nn.Parameter(model.get_input_embeddings().weight[:4])
    return [model]


def normed(directory: Path) -> list[Any]:
    model = classifier(directory)
    model.get_input_embeddings().max_norm = 1.0
    return [model]


def scaled(directory: Path) -> list[Any]:
    model = classifier(directory)
    full = model.get_input_embeddings()
    model.set_input_embeddings(Scaled(full.num_embeddings, full.embedding_dim))
    return [model]


def half(directory: Path) -> list[Any]:
    return [classifier(directory).bfloat16()]


def apart(directory: Path) -> list[Any]:
    return [classifier(directory), classifier(directory)]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (masked_lm, "the head of BertForMaskedLM has an output for every piece"),
        (tied, "classifier.again.weight shares the memory of its word embeddings"),
        (normed, "no plain table"),
        (scaled, "no plain table .Scaled."),
        (half, "its word embeddings are torch.bfloat16"),
        (apart, "its tasks have word embeddings each"),
    ],
)
def test_what_would_not_be_exact_is_refused(make: Any, why: str, tiny_encoder: Path) -> None:
    reason = refusal(make(tiny_encoder))
    assert reason is not None
    assert re.search(why, reason)


def test_an_encoder_with_its_own_table_is_not_refused(model: Any) -> None:
    assert refusal([model]) is None
