import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    EuroBertConfig,
    EuroBertForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)
from transformers.models.bert.modeling_bert import BertLayer

from xlit.models.dropout import Dropout, bits_of_torch, kept, scale
from xlit.models.kernels import accelerate, fast_layer, layers_of
from xlit.models.packed_attention import Layout
from xlit.models.packing import Reads, pack

SHAPE = {
    "vocab_size": 100,
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "pad_token_id": 1,
    "num_labels": 3,
}
LENGTHS = (9, 3, 30, 3, 4, 28, 1)  # runs of one, two lengths in a group, and far apart


def bert(**other: Any) -> Any:
    torch.manual_seed(0)
    return BertForSequenceClassification(BertConfig(**SHAPE | other))


def xlmr(**other: Any) -> Any:
    torch.manual_seed(0)
    config = XLMRobertaConfig(**SHAPE | other)
    return XLMRobertaForSequenceClassification(config)


def modern(**other: Any) -> Any:
    torch.manual_seed(0)
    return ModernBertForSequenceClassification(ModernBertConfig(**SHAPE | other))


def euro(**other: Any) -> Any:
    torch.manual_seed(0)
    special = {"bos_token_id": 2, "eos_token_id": 3, "mask_token_id": 4}
    return EuroBertForSequenceClassification(EuroBertConfig(**SHAPE | special | other))


def batch() -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(1)
    ids = torch.randint(2, 100, (len(LENGTHS), max(LENGTHS)), generator=random)
    mask = (torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]).long()
    return {"input_ids": torch.where(mask.bool(), ids, 1), "attention_mask": mask}


def gradients(model: Any, *, autocast: bool = False) -> tuple[Tensor, dict[str, Tensor]]:
    """The logits of the batch, and every parameter's gradient of a loss of them."""
    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        logits = model(**batch()).logits
    loss = torch.nn.functional.cross_entropy(logits.float(), torch.arange(len(LENGTHS)) % 3)
    torch.autograd.backward(loss)
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return logits.detach().float(), found


@pytest.mark.parametrize("reads", ["first", "all"])
@pytest.mark.parametrize("make", [bert, xlmr])
def test_layers_give_the_values_and_gradients_of_plain_ones(
    make: Callable[..., Any], reads: Reads
) -> None:
    model = make().eval()
    plain = copy.deepcopy(model)
    assert pack(model, pad_id=1, reads=reads).reads == reads
    assert accelerate([model]).on
    logits, found = gradients(model)
    expected, padded = gradients(plain)
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-6)
    assert_close(found, padded)


def test_attention_of_other_layers_has_the_gradients_of_padded_ones() -> None:
    plain = modern(local_attention=8, global_attn_every_n_layers=2).eval()
    packed = copy.deepcopy(plain)
    assert pack(packed, pad_id=1).on
    logits, found = gradients(packed)
    expected, padded = gradients(plain)
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-6)
    assert_close(found, padded)


@pytest.mark.parametrize("make", [bert, xlmr])
def test_bf16_is_no_further_from_float32_than_autocast_is(make: Callable[..., Any]) -> None:
    exact = make().eval()
    plain, fast = copy.deepcopy(exact), copy.deepcopy(exact)
    assert pack(fast, pad_id=1, reads="first").on
    assert accelerate([fast]).on
    expected, right = gradients(exact)
    theirs, plainly = gradients(plain, autocast=True)
    ours, quickly = gradients(fast, autocast=True)
    assert apart({"": ours}, {"": expected}) < 1.5 * apart({"": theirs}, {"": expected})
    assert 0 < apart(quickly, right) < 1.5 * apart(plainly, right) < 0.1


@pytest.mark.parametrize("make", [modern, euro])
def test_attention_of_other_layers_trains_in_bf16(make: Callable[..., Any]) -> None:
    """EuroBERT's rotary positions leave queries and keys in float32 and values in bfloat16."""
    exact = make().eval()
    plain, packed = copy.deepcopy(exact), copy.deepcopy(exact)
    assert pack(packed, pad_id=1).on
    _, right = gradients(exact)
    _, plainly = gradients(plain, autocast=True)
    _, found = gradients(packed, autocast=True)
    assert 0 < apart(found, right) < 1.5 * apart(plainly, right) < 0.1


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """All tensors equal but for the order of sums, each by its own largest number."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        # the gradient of the keys' bias is zero but for rounding
        scale = max(float(value.abs().max()), 1e-7)
        assert float((found[name] - value).abs().max()) < 1e-4 * scale, name


def apart(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """The distance of all tensors together, as a share of their norm."""
    distance = sum(float((found[name] - value).square().sum()) for name, value in expected.items())
    norm = sum(float(value.square().sum()) for value in expected.values())
    return float((distance / norm) ** 0.5)


def test_dropout_is_where_plain_layers_have_it() -> None:
    model = bert(num_hidden_layers=1, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.4)
    layer = layers_of(model.train().base_model)[0]
    states = torch.randn(1, 12, 64, requires_grad=True)
    tensors = [states, *layer.parameters()]
    upstream = torch.randn(1, 12, 64)
    torch.manual_seed(5)
    expected = plain_layer(layer, states[0], count=3)[None]
    theirs = torch.autograd.grad(expected, tensors, upstream)
    torch.manual_seed(5)
    found = fast_layer(layer, states, layout=Layout([(3, 4)]))
    ours = torch.autograd.grad(found, tensors, upstream)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found, fast_layer(layer, states, layout=Layout([(3, 4)])))


def plain_layer(layer: Any, states: Tensor, count: int) -> Tensor:
    """What transformers' layer computes for sequences of one length, with masks as drawn here."""
    attention, after, last = layer.attention.self, layer.attention.output, layer.output
    heads, rate, hidden = 4, attention.dropout.p, after.dropout.p
    random = bits_of_torch()
    query, key, value = (
        part(states).view(count, -1, heads, 16).transpose(1, 2)
        for part in (attention.query, attention.key, attention.value)
    )
    weights = (query @ key.transpose(2, 3) / 4).softmax(-1)
    mask = kept(random, (count * heads, *weights.shape[2:]), rate, torch.float32)
    context = (weights * mask.view_as(weights) * scale(rate)) @ value
    result = after.dense(context.transpose(1, 2).reshape(states.shape))
    mask = kept(random, tuple(states.shape), hidden, torch.float32)
    states = after.LayerNorm(states + result * mask * scale(hidden))
    mask = kept(bits_of_torch(), tuple(states.shape), hidden, torch.float32)
    return last.LayerNorm(states + last.dense(layer.intermediate(states)) * mask * scale(hidden))


@pytest.mark.parametrize("first", [False, True], ids=["all", "first"])
@pytest.mark.parametrize("runs", [[(1, 1)], [(1, 5)], [(2, 8), (4, 9), (1, 30)]], ids=str)
def test_gradients_with_dropout_are_what_a_small_step_changes(
    runs: list[tuple[int, int]], first: bool
) -> None:
    """With masks held still by the seed; 8 and 9 are one group, which is filled up."""
    model = bert(num_hidden_layers=1, hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.3)
    layer = layers_of(model.train().base_model)[0]
    lengths = torch.tensor([length for count, length in runs for _ in range(count)])
    firsts = lengths.cumsum(0) - lengths
    states = torch.randn(1, int(lengths.sum()), 64, requires_grad=True)
    tensors = [states, *layer.parameters()]
    with torch.no_grad():
        for parameter in layer.parameters():  # attention that is not even, biases that are not 0
            parameter.add_(0.15 * torch.randn_like(parameter))

    def output() -> Tensor:
        torch.manual_seed(7)
        asked = states[:, firsts] if first else states
        return fast_layer(
            layer, asked, layout=Layout(runs), **({"states": states} if first else {})
        )

    weights = torch.randn_like(output())
    found = torch.autograd.grad((output() * weights).sum(), tensors)
    largest = max(float(gradient.norm()) for gradient in found)
    for tensor, gradient in zip(tensors, found, strict=True):
        way = torch.randn_like(tensor) * 0.5 / tensor.numel() ** 0.5
        way += gradient / gradient.norm().clamp(min=1e-4 * largest)  # of the keys' bias it is 0
        sums = []
        for size in (3e-3, -6e-3):
            with torch.no_grad():
                tensor.add_(size * way)
                sums.append(float((output().double() * weights).sum()))
        with torch.no_grad():
            tensor.add_(3e-3 * way)
        expected, along = (sums[0] - sums[1]) / 6e-3, float((gradient * way).sum())
        assert along == pytest.approx(expected, rel=2e-3, abs=1e-3 * largest)


def test_gradient_checkpointing_draws_the_same_masks_again() -> None:
    layer = layers_of(bert().train().base_model)[0]
    states = torch.randn(1, 12, 64, requires_grad=True)
    upstream = torch.randn(1, 12, 64)
    call = partial(fast_layer, layer, layout=Layout([(3, 4)]))
    found = []
    for checkpointed in (False, True):
        torch.manual_seed(3)
        output = checkpoint(call, states, use_reentrant=False) if checkpointed else call(states)
        found.append(torch.autograd.grad(output, [states, *layer.parameters()], upstream))
    for once, again in zip(*found, strict=True):
        assert torch.equal(once, again)


def test_frozen_layers_get_no_gradient_and_the_others_theirs() -> None:
    plain = bert().eval()
    for part in (plain.bert.embeddings, plain.bert.encoder.layer[0]):
        part.requires_grad_(False)
    fast = copy.deepcopy(plain)
    pack(fast, pad_id=1)
    assert accelerate([fast]).on
    _, found = gradients(fast)
    _, expected = gradients(plain)
    assert not any("layer.0." in name or "embeddings" in name for name in found)
    assert_close(found, expected)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (modern, "its layers are not found where BERT has them"),
        (lambda: bert(hidden_act="relu"), "its activation is not GELU"),
        (lambda: bert(is_decoder=True), "it is a decoder's"),
    ],
    ids=["modernbert", "relu", "decoder"],
)
def test_other_layers_stay_as_they_are(make: Callable[[], Any], reason: str) -> None:
    model = make()
    kernels = accelerate([model])
    assert not kernels.on
    assert reason in kernels.reason
    assert not any("forward" in vars(layer) for layer in layers_of(model.base_model))


class Doubled(BertLayer):
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return 2 * super().forward(*args, **kwargs)


class Tuple(BertLayer):
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return (super().forward(*args, **kwargs),)


@pytest.mark.parametrize(
    ("other", "reason"),
    [(Doubled, "values differ"), (Tuple, "AttributeError")],
    ids=["other", "fails"],
)
def test_layers_that_compute_something_else_are_found_out(other: type, reason: str) -> None:
    model = bert()
    model.bert.encoder.layer[-1].__class__ = other
    kernels = accelerate([model])
    assert not kernels.on
    assert reason in kernels.reason
    assert not any("forward" in vars(layer) for layer in layers_of(model.base_model))


def test_undoing_leaves_the_model_as_it_was() -> None:
    model = bert().train()
    names, config = list(model.state_dict()), model.config.to_dict()
    state = torch.random.get_rng_state()
    kernels = accelerate([model, model])
    assert any(isinstance(module, Dropout) for module in model.modules())
    assert list(model.state_dict()) == names
    kernels.undo()
    assert not any(isinstance(module, Dropout) for module in model.modules())
    assert not any("forward" in vars(module) for module in model.modules())
    assert all(module.training for module in model.modules())
    assert model.config.to_dict() == config
    assert torch.equal(torch.random.get_rng_state(), state)


def test_calls_that_are_not_packed_go_the_old_way() -> None:
    model = bert().eval()
    expected, _ = gradients(model)
    accelerate([model])
    found, _ = gradients(model)
    assert torch.equal(found, expected)
