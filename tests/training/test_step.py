"""One gradient, however a step is cut."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.models.bert.modeling_bert import BertSelfAttention

from tests.training.test_loop import load, settings, task
from xlit import console
from xlit.errors import StoppedError
from xlit.kinds.kind import Feature
from xlit.models.activations import recomputed_activations
from xlit.training import step
from xlit.training.optimiser import adamw, parameters_of
from xlit.training.processes import Processes
from xlit.training.step import Gradients, share_of
from xlit.training.task import TrainTask


class OneOf(Processes):
    """One of several that is never told of the others."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size


def features_of(one: TrainTask, tokenizer: Any) -> Sequence[Feature]:
    return one.kind.training_features(one.rows, tokenizer, one.options)[0]


def gradients(
    directory: Path,
    *,
    fits: float = float("inf"),
    processes: Processes | None = None,
    recompute: bool = False,
    dropout: bool = True,
) -> tuple[float, list[Tensor], int | None]:
    """The loss and the gradient of one step of the toy task, and the micro-batch's tokens then.

    A forward of more padded tokens than `fits` is out of memory.
    """
    loaded = load(directory)
    one = task(loaded)
    if not dropout:
        for module in loaded.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0

    def crowded(module: Any, args: Any, kwargs: dict[str, Tensor]) -> None:
        if kwargs["input_ids"].numel() > fits:
            raise torch.OutOfMemoryError("CUDA out of memory")

    loaded.model.register_forward_pre_hook(crowded, with_kwargs=True)
    parameters = parameters_of(adamw([loaded.model], one.recipe))
    run = dataclasses.replace(settings(), processes=processes or Processes())
    steps = Gradients(loaded.tokenizer, run, parameters)
    with recomputed_activations([loaded.model] if recompute else []):
        loss, _ = steps.add(one, features_of(one, loaded.tokenizer), 5)
    found = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    return loss, found, steps.tokens


def test_out_of_memory_halves_the_micro_batch_and_repeats_the_step(
    tiny_encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    console.set_volume(quiet=False, verbose=False)
    loss, expected, before = gradients(tiny_encoder, dropout=False)
    assert before == step.CPU_TOKENS
    capsys.readouterr()
    again, found, tokens = gradients(tiny_encoder, dropout=False, fits=100)
    assert again == pytest.approx(loss, rel=1e-6)
    for one, two in zip(expected, found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-7)
    assert tokens is not None and 50 < tokens <= 200
    told = capsys.readouterr().err.splitlines()
    assert all("do not fit into the GPU's memory" in line for line in told)
    assert str(tokens) in told[-1]


def test_a_feature_that_does_not_fit_alone_ends_the_run_with_advice(tiny_encoder: Path) -> None:
    with pytest.raises(StoppedError, match="--gradient-checkpointing needs less") as stopped:
        gradients(tiny_encoder, fits=3)
    assert "toy: not enough GPU memory for a batch of 1" in stopped.value.message


def test_dropout_of_a_repeated_step_is_as_if_it_had_begun_with_less(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, repeated, tokens = gradients(tiny_encoder, fits=100)
    monkeypatch.setattr(step, "CPU_TOKENS", tokens)
    _, at_once, _ = gradients(tiny_encoder)
    assert all(torch.equal(one, two) for one, two in zip(repeated, at_once, strict=True))


def test_recomputed_activations_give_the_same_gradient_with_dropout(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    computed = BertSelfAttention.forward

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return computed(*args, **kwargs)

    loss, expected, _ = gradients(tiny_encoder)
    monkeypatch.setattr(BertSelfAttention, "forward", counted)  # nothing else tells
    again, found, _ = gradients(tiny_encoder, recompute=True)
    assert len(calls) == 4  # two layers, each once more for the gradient
    assert again == loss
    assert all(torch.equal(one, two) for one, two in zip(expected, found, strict=True))


def test_the_shares_of_processes_add_up_to_the_gradient_of_one(tiny_encoder: Path) -> None:
    loss, expected, _ = gradients(tiny_encoder, dropout=False)
    parts = [gradients(tiny_encoder, dropout=False, processes=OneOf(i, 3)) for i in range(3)]
    assert sum(part[0] for part in parts) == pytest.approx(loss, rel=1e-6)
    for number, whole in enumerate(expected):
        total = torch.stack([part[1][number] for part in parts]).sum(0)
        torch.testing.assert_close(total, whole, rtol=1e-5, atol=1e-7)


def test_each_process_drops_other_values(tiny_encoder: Path) -> None:
    # with a size of 1 each has all features
    found = [gradients(tiny_encoder, processes=OneOf(rank, 1))[0] for rank in (0, 1)]
    assert found[0] != found[1]


def test_shares_are_of_about_equal_tokens_and_leave_nothing_out() -> None:
    lengths = [9, 30, 2, 2, 41, 17, 8, 8, 25, 5]
    features = [
        Feature(row, ((0,) * length,), None, (1,), 1.0) for row, length in enumerate(lengths)
    ]
    shares = [share_of(features, rank, 3) for rank in range(3)]
    assert sorted(f.row for share in shares for f in share) == list(range(10))
    sums = [sum(f.tokens for f in share) for share in shares]
    assert max(sums) - min(sums) <= 2
    assert all([f.row for f in share] == sorted(f.row for f in share) for share in shares)
    assert share_of(features[:2], 2, 3) == []  # fewer features than processes
