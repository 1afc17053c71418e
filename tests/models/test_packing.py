import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors import safe_open
from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertForSequenceClassification,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from xlit.models import packing
from xlit.models.dual import AutoDualEncoder, vectors_of
from xlit.models.encoders import load_encoder, load_with_head
from xlit.models.masked_lm import piece_losses
from xlit.models.multitask import save_multi, save_single, share_encoder
from xlit.models.packed_attention import NAME
from xlit.models.packing import TOLERANCE, Reads, pack
from xlit.models.quiet import quiet
from xlit.models.references import resolve_encoder

PAD = 1
SHAPE = {
    "vocab_size": 200,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 600,
    "pad_token_id": PAD,
    "bos_token_id": 0,
    "eos_token_id": 2,
}
WINDOW = 16
LOCAL = {
    "local_attention": WINDOW,
    "global_attn_every_n_layers": 2,
    "cls_token_id": 0,
    "sep_token_id": 2,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "bert": SHAPE,
    "xlm-roberta": SHAPE,
    "modernbert": SHAPE | LOCAL,
    "deberta-v2": SHAPE | {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
}
FAMILIES = ("bert", "xlm-roberta", "modernbert")
HEADS = {
    "states": AutoModel,
    "classification": AutoModelForSequenceClassification,
    "tagging": AutoModelForTokenClassification,
    "span QA": AutoModelForQuestionAnswering,
    "dual": AutoDualEncoder,
}
LENGTHS = (7, 40, 3, 7, 512, 1, 90)  # not in order; windows of 16 end long before


def make(family: str, auto_class: Any = AutoModel, **dropout: float) -> Any:
    config = transformers.AutoConfig.for_model(family, **CONFIGS[family], **dropout)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        build = getattr(auto_class, "from_config", auto_class)
        model = build(config).eval()
        for module in model.modules():  # states far from each other, so that a slip would show
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.2)
    return model


def batch_of(*lengths: int) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(5)
    real = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    ids = torch.randint(3, SHAPE["vocab_size"], real.shape, generator=random)
    return {"input_ids": ids.masked_fill(~real, PAD), "attention_mask": real.long()}


def without_dropout(model: Any) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def apart(one: Any, other: Any, real: Tensor) -> float:
    """The largest difference between outputs at real tokens, of the largest number or of 1."""
    found = 0.0
    for key, value in one.items():
        a, b = value, other[key]
        if a.shape[:2] == real.shape:
            a, b = a[real], b[real]
        assert a.shape == b.shape
        found = max(found, float((a - b).abs().max() / a.abs().max().clamp(min=1)))
    return found


def gradients(model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of a sum that weighs every number of the outputs in another way."""
    model.zero_grad()
    real = batch["attention_mask"].bool()
    total = torch.zeros(())
    for value in model(**batch).values():
        numbers = value[real] if value.shape[:2] == real.shape else value
        weights = torch.linspace(-1, 1, numbers.numel()).view_as(numbers)
        total = total + (numbers * weights).sum()
    torch.autograd.backward(total)
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_packed_and_padded_outputs_agree_with_long_inputs_included(family: str, head: str) -> None:
    model = make(family, HEADS[head])
    batch = batch_of(*LENGTHS)
    padded = model(**batch)
    packed = pack(model, pad_id=PAD)
    assert (packed.on, packed.reason) == (True, "")
    again = model(**batch)
    assert type(again) is type(padded)
    assert again.keys() == padded.keys()
    assert apart(padded, again, batch["attention_mask"].bool()) < TOLERANCE


@torch.no_grad()
def test_the_local_window_matters_in_this_test() -> None:
    near, far = make("modernbert"), make("modernbert")
    for layer in far.layers:
        layer.attn.sliding_window = None
    assert pack(near, pad_id=PAD).on
    assert not pack(far, pad_id=PAD).on  # its padded masks keep the window
    assert near.layers[1].attn.sliding_window == WINDOW // 2 + 1


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_padding_is_zero_and_the_row_has_no_padding(family: str) -> None:
    model = make(family)
    batch = batch_of(2, 6, 4)
    assert pack(model, pad_id=PAD).on
    seen = []
    hook = model.get_input_embeddings().register_forward_pre_hook(
        lambda module, args: seen.append(args[0].shape)
    )
    states = model(**batch).last_hidden_state
    hook.remove()
    assert seen == [(1, 12)]
    assert states.shape == (3, 6, 32)
    assert not states[~batch["attention_mask"].bool()].any()


@pytest.mark.parametrize("reads", ["all", "first"])
@pytest.mark.parametrize("checkpointing", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_agree(family: str, checkpointing: bool, reads: Reads) -> None:
    heads = {"first": AutoModelForSequenceClassification, "all": AutoModelForTokenClassification}
    model = make(family, heads[reads])
    model.train()
    without_dropout(model)
    batch = batch_of(7, 40, 3, 7, 90)
    expected = gradients(model, batch)
    packed = pack(model, pad_id=PAD, reads=reads)
    assert packed.on
    assert model.training
    if checkpointing:
        model.activation_checkpointing_enable()
    got = gradients(model, batch)
    assert got.keys() == expected.keys()
    for name, gradient in expected.items():
        scale = gradient.abs().max().clamp(min=1)
        assert float((got[name] - gradient).abs().max() / scale) < 1e-4, name


@pytest.mark.parametrize("auto_class", HEADS.values(), ids=HEADS)
def test_deberta_falls_back_by_itself(auto_class: Any) -> None:
    model = make("deberta-v2", auto_class)
    batch = batch_of(7, 3, 7)
    expected = model(**batch)
    packed = pack(model, pad_id=PAD)
    assert not packed.on
    assert packed.reason == "its attention is not called through transformers' interface"
    assert "forward" not in vars(model.base_model)
    assert all(torch.equal(model(**batch)[key], expected[key]) for key in expected)


def test_states_that_differ_are_refused_with_the_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # a slip of one position, which raises nothing
    monkeypatch.setattr(packing, "positions", lambda base, ids: torch.full_like(ids, 4))
    packed = pack(make("bert"), pad_id=PAD)
    assert not packed.on
    assert packed.reason.startswith("its last_hidden_state differ by ")


def test_what_raises_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make("bert")

    def fails(base: Any, ids: Tensor) -> Tensor:
        raise RuntimeError("no positions\nhere")

    monkeypatch.setattr(packing, "positions", fails)  # no architecture at hand raises by itself
    packed = pack(model, pad_id=PAD)
    assert (packed.on, packed.reason) == (False, "no positions")
    assert "forward" not in vars(model)
    assert model.config._attn_implementation == "sdpa"


class ReadsAllLayers(BertForSequenceClassification):
    def forward(self, *args: Any, **inputs: Any) -> Any:
        outputs = self.base_model(*args, **inputs, output_hidden_states=True)
        return SequenceClassifierOutput(logits=self.classifier(outputs.hidden_states[1][:, 0]))


def test_a_head_that_is_always_given_padded_states_is_not_said_to_be_packed() -> None:
    packed = pack(make("bert", ReadsAllLayers), pad_id=PAD)
    assert not packed.on
    assert packed.reason == "its head asks the encoder for more than the last states"


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
@pytest.mark.parametrize(
    "auto_class", [AutoModelForSequenceClassification, AutoModelForMultipleChoice]
)
@torch.no_grad()
def test_a_head_of_first_tokens_leaves_the_last_layer_little_to_do(
    family: str, auto_class: Any
) -> None:
    model = make(family, auto_class)
    batch = batch_of(40, 7, 90, 7)
    if auto_class is AutoModelForMultipleChoice:
        batch = {key: value.view(2, 2, -1) for key, value in batch.items()}
    padded = model(**batch).logits
    packed = pack(model, pad_id=PAD, reads="first")
    assert (packed.on, packed.reads) == (True, "first")
    rows = []
    hooks = [
        layer.intermediate.register_forward_hook(lambda m, args, out: rows.append(out.shape[1]))
        for layer in model.base_model.encoder.layer
    ]
    assert torch.allclose(model(**batch).logits, padded, atol=1e-5)
    assert rows == [144, 144, 4]
    for hook in hooks:
        hook.remove()


def test_a_head_that_reads_more_is_given_all_states() -> None:
    model = make("bert", AutoModelForTokenClassification)
    packed = pack(model, pad_id=PAD, reads="first")
    assert (packed.on, packed.reads) == (True, "all")


def test_the_probe_leaves_modes_and_the_random_state_alone() -> None:
    model = make("bert", AutoModelForSequenceClassification)
    model.train()
    model.base_model.encoder.layer[0].eval()
    modes = [module.training for module in model.modules()]
    before = torch.get_rng_state()
    pack(model, pad_id=PAD, reads="first")
    assert torch.equal(torch.get_rng_state(), before)
    assert [module.training for module in model.modules()] == modes


@torch.no_grad()
def test_undo_brings_everything_back() -> None:
    model = make("bert", AutoModelForSequenceClassification)
    batch = batch_of(9, 4)
    expected = model(**batch).logits
    packed = pack(model, pad_id=PAD, reads="first")
    packed.undo()
    packed.undo()  # once is enough
    assert torch.equal(model(**batch).logits, expected)
    assert "forward" not in vars(model.base_model)
    assert not model.base_model.encoder.layer[-1]._forward_pre_hooks
    assert model.config._attn_implementation == "sdpa"


@torch.no_grad()
def test_a_batch_that_is_not_padded_at_its_end_goes_the_ordinary_way() -> None:
    model = make("bert")
    batch = batch_of(9, 4)
    batch["attention_mask"][0, 2] = 0
    cases: list[dict[str, Any]] = [
        batch,
        {"input_ids": batch["input_ids"]},
        {"inputs_embeds": model.get_input_embeddings()(batch["input_ids"])},
        batch_of(9, 4) | {"output_hidden_states": True},
    ]
    expected = [model(**case) for case in cases]
    assert pack(model, pad_id=PAD).on
    for case, before in zip(cases, expected, strict=True):
        after = model(**case)
        assert torch.allclose(after.last_hidden_state, before.last_hidden_state, atol=1e-6)
        assert after.keys() == before.keys()


@torch.no_grad()
def test_a_sequence_of_padding_alone_gives_zeros() -> None:
    model = make("xlm-roberta", AutoModelForTokenClassification)
    batch = batch_of(5, 9, 2)
    expected = model(**batch).logits
    assert pack(model, pad_id=PAD).on
    batch["attention_mask"][1] = 0
    states = model.base_model(**batch).last_hidden_state
    assert not states[1].any()
    assert torch.allclose(model(**batch).logits[2, :2], expected[2, :2], atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_masked_lm_has_the_same_losses(family: str) -> None:
    model = make(family, AutoModelForMaskedLM)
    batch = batch_of(7, 40, 12)
    rows, positions = torch.tensor([0, 1, 1, 2]), torch.tensor([3, 0, 39, 11])
    gold = torch.tensor([5, 6, 7, 8])
    expected, best = piece_losses(model, batch, rows, positions, gold)
    assert pack(model, pad_id=PAD).on
    got, best_again = piece_losses(model, batch, rows, positions, gold)
    assert torch.allclose(got, expected, atol=1e-5)
    assert torch.equal(best, best_again)


@torch.no_grad()
def test_a_dual_encoder_has_the_same_vectors() -> None:
    model = make("bert", AutoDualEncoder)
    batch = batch_of(7, 40, 12)
    expected = vectors_of(model, batch)
    assert pack(model, pad_id=PAD).on
    assert torch.allclose(vectors_of(model, batch), expected, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_mixed_precision_with_dropout_trains(family: str) -> None:
    rates = {"attention_dropout": 0.3, "mlp_dropout": 0.3} if family == "modernbert" else {}
    model = make(family, AutoModelForSequenceClassification, **rates)
    batch = batch_of(7, 40, 3, 7)
    assert pack(model, pad_id=PAD, reads="first").on
    plain = model(**batch).logits.detach()
    model.train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        first, second = (model(**batch).logits.float() for _ in range(2))
        torch.autograd.backward(first.sum())
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)
    assert not torch.equal(first, second)  # dropout
    model.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.allclose(model(**batch).logits.float(), plain, atol=0.1)


@torch.no_grad()
def test_dropout_of_the_attention_is_done_in_training_alone() -> None:
    model = make("bert")
    without_dropout(model)
    for layer in model.encoder.layer:
        layer.attention.self.dropout.p = 0.5
    batch = batch_of(7, 40)
    assert pack(model, pad_id=PAD).on
    still = [model(**batch).last_hidden_state for _ in range(2)]
    model.train()
    drawn = [model(**batch).last_hidden_state for _ in range(2)]
    assert torch.equal(*still)
    assert not torch.equal(*drawn)


def shared(source: Path) -> dict[str, Any]:
    """A classifier, a tagger and a masked LM on one encoder."""
    ref = resolve_encoder(str(source))
    labels = {"num_labels": 3, "id2label": {0: "a", 1: "b", 2: "c"}}
    models = {
        "nli": load_with_head(ref, AutoModelForSequenceClassification, config=labels).model,
        "tags": load_with_head(ref, AutoModelForTokenClassification, config=labels).model,
        "lm": load_with_head(ref, AutoModelForMaskedLM).model,
    }
    share_encoder(models)
    return models


@pytest.mark.parametrize("order", [("nli", "tags", "lm"), ("lm", "nli", "tags")])
@pytest.mark.parametrize("source", ["tiny_encoder", "tiny_xlmr"])
@torch.no_grad()
def test_models_of_one_encoder_are_packed_and_undone_each_by_itself(
    source: str, order: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    models = shared(request.getfixturevalue(source))
    batch = batch_of(30, 5, 12, 5)
    real = batch["attention_mask"].bool()
    expected = {name: model(**batch) for name, model in models.items()}
    reads: dict[str, Reads] = {"nli": "first"}
    packed = {name: pack(models[name], pad_id=PAD, reads=reads.get(name, "all")) for name in models}
    assert {name: one.reads for name, one in packed.items() if one.on} == {
        "nli": "first",
        "tags": "all",
        "lm": "all",
    }
    for name in [None, *order]:
        if name is not None:
            packed[name].undo()
        for task, model in models.items():
            assert apart(expected[task], model(**batch), real) < TOLERANCE
    assert {m.config._attn_implementation for m in models.values()} == {"sdpa"}
    assert not models["nli"].base_model.encoder.layer[-1]._forward_pre_hooks


def read(file: Path) -> Any:
    """What a file holds; safetensors writes metadata in another order every time."""
    if file.suffix != ".safetensors":
        return file.read_bytes()
    with safe_open(file, framework="pt") as opened:
        tensors = {key: opened.get_tensor(key).tolist() for key in opened.keys()}  # noqa: SIM118 (no dict)
        return tensors, opened.metadata()


def test_saved_files_are_those_of_an_ordinary_model(tiny_encoder: Path, tmp_path: Path) -> None:
    loaded = load_with_head(resolve_encoder(str(tiny_encoder)), AutoModelForSequenceClassification)
    models = shared(tiny_encoder)
    for name in ("before", "packed", "after"):
        (tmp_path / name).mkdir()
    save_single(loaded.model, loaded.tokenizer, tmp_path / "before" / "one")
    save_multi(models, loaded.tokenizer, tmp_path / "before" / "many")
    packed = [pack(m, pad_id=PAD, reads="first") for m in (loaded.model, *models.values())]
    assert all(one.on for one in packed)
    save_single(loaded.model, loaded.tokenizer, tmp_path / "packed" / "one")
    save_multi(models, loaded.tokenizer, tmp_path / "packed" / "many")
    for one in packed:
        one.undo()
    save_single(loaded.model, loaded.tokenizer, tmp_path / "after" / "one")
    save_multi(models, loaded.tokenizer, tmp_path / "after" / "many")
    files = sorted(p.relative_to(tmp_path / "before") for p in tmp_path.glob("before/**/*.*"))
    assert len(files) > 8
    for file in files:
        contents = [read(tmp_path / folder / file) for folder in ("before", "packed", "after")]
        assert contents[0] == contents[1] == contents[2], file
    assert NAME not in (tmp_path / "packed" / "one" / "config.json").read_text(encoding="utf-8")
    with quiet():
        again = AutoModel.from_pretrained(tmp_path / "packed" / "one")
    assert again.config._attn_implementation == "sdpa"


@torch.no_grad()
def test_a_copy_of_a_packed_model_computes_with_its_own_weights() -> None:
    model = make("bert", AutoModelForTokenClassification)
    assert pack(model, pad_id=PAD).on
    other = copy.deepcopy(model)
    for parameter in other.parameters():
        parameter.zero_()
    assert model(**batch_of(4, 9)).logits.any()
    assert not other(**batch_of(4, 9)).logits.any()


@pytest.mark.encoder
@torch.no_grad()
def test_the_bundled_encoder_is_packed(bundled_encoder: Path) -> None:
    loaded = load_encoder(resolve_encoder("e5-small"))
    texts = ["Der Hund schläft.", "the old house near the river " * 30, "", "犬"]
    batch = dict(loaded.tokenizer(texts, padding=True, return_tensors="pt"))
    expected = loaded.model(**batch)
    assert pack(loaded.model, pad_id=loaded.tokenizer.pad_token_id).on
    assert apart(expected, loaded.model(**batch), batch["attention_mask"].bool()) < TOLERANCE
