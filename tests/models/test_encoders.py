import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCTC,
    AutoModelForMaskedLM,
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    BertForSequenceClassification,
)

from xlit.errors import DamagedError, UsageError
from xlit.models.encoders import (
    LoadReport,
    count_parameters,
    load_encoder,
    load_tokenizer,
    load_with_head,
)
from xlit.models.references import resolve_encoder

NLI = {
    "num_labels": 3,
    "id2label": {0: "entailment", 1: "neutral", 2: "contradiction"},
    "label2id": {"entailment": 0, "neutral": 1, "contradiction": 2},
}


@pytest.fixture
def copy(tiny_encoder: Path, tmp_path: Path) -> Path:
    """A checkpoint that a test may damage."""
    return Path(shutil.copytree(tiny_encoder, tmp_path / "copy"))


@pytest.fixture
def nli(tiny_encoder: Path, tmp_path: Path) -> Path:
    """A saved classifier of three labels, whose pooler and classifier are far from random."""
    loaded = load_with_head(
        resolve_encoder(str(tiny_encoder)), AutoModelForSequenceClassification, config=NLI, seed=5
    )
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            if "pooler" in name or "classifier" in name:
                parameter.fill_(7.0)
    loaded.model.save_pretrained(tmp_path / "nli")
    loaded.tokenizer.save_pretrained(tmp_path / "nli")
    return tmp_path / "nli"


def rewrite(directory: Path, change: Any) -> None:
    """Put changed tensors into a checkpoint."""
    tensors = load_file(directory / "model.safetensors")
    change(tensors)
    save_file(tensors, directory / "model.safetensors", {"format": "pt"})


def test_a_bare_encoder_has_no_pooler(tiny_encoder: Path) -> None:
    loaded = load_encoder(resolve_encoder(str(tiny_encoder)))
    assert loaded.model.pooler is None
    assert loaded.report == LoadReport(str(tiny_encoder), 37, (), ())
    assert not loaded.model.training
    assert loaded.model(**loaded.tokenizer("frei", return_tensors="pt"))[0].shape[2] == 32


def test_a_masked_lm_head_is_dropped_and_said(tiny_xlmr: Path) -> None:
    report = load_encoder(resolve_encoder(str(tiny_xlmr))).report
    assert report.loaded == 37
    assert "lm_head.dense.weight" in report.dropped


def test_weights_are_loaded_as_saved(tiny_encoder: Path) -> None:
    saved = load_file(tiny_encoder / "model.safetensors")
    state = load_encoder(resolve_encoder(str(tiny_encoder))).model.state_dict()
    assert state.keys() == saved.keys()
    assert all(torch.equal(state[key], saved[key]) for key in saved)


def test_half_precision_files_are_loaded_in_float32(copy: Path) -> None:
    def halve(tensors: dict[str, torch.Tensor]) -> None:
        tensors.update({key: tensor.to(torch.bfloat16) for key, tensor in tensors.items()})

    rewrite(copy, halve)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}))
    model = load_encoder(resolve_encoder(str(copy))).model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("auto_class", "config", "new"),
    [
        (AutoModelForSequenceClassification, NLI, 4),
        (AutoModelForMultipleChoice, {"num_labels": 1}, 4),
        (AutoModelForQuestionAnswering, {}, 2),
        (AutoModelForTokenClassification, {"num_labels": 5}, 2),
        (AutoModelForMaskedLM, {}, 6),
    ],
    ids=["classification", "choice", "span", "tagging", "masked LM"],
)
def test_only_the_head_is_new(
    tiny_encoder: Path, auto_class: Any, config: dict[str, Any], new: int
) -> None:
    ref = resolve_encoder(str(tiny_encoder))
    loaded = load_with_head(ref, auto_class, config=config, seed=0)
    bare = load_encoder(ref).model.state_dict()
    state = loaded.model.base_model.state_dict()
    assert loaded.report.loaded == 37
    assert len(loaded.report.new) == new
    assert all(torch.equal(state[key], bare[key]) for key in bare)
    assert all(tensor.isfinite().all() for tensor in loaded.model.state_dict().values())


def test_xlmr_gets_a_head_too(tiny_xlmr: Path) -> None:
    loaded = load_with_head(
        resolve_encoder(str(tiny_xlmr)), AutoModelForSequenceClassification, config=NLI, seed=0
    )
    assert loaded.report.new == (
        "classifier.dense.bias",
        "classifier.dense.weight",
        "classifier.out_proj.bias",
        "classifier.out_proj.weight",
    )
    batch = loaded.tokenizer(["frei", "равны"], padding=True, return_tensors="pt")
    assert loaded.model(**batch).logits.shape == (2, 3)


def heads_of(directory: Path, seed: int) -> list[torch.Tensor]:
    ref = resolve_encoder(str(directory))
    loaded = load_with_head(ref, AutoModelForSequenceClassification, config=NLI, seed=seed)
    return [loaded.model.state_dict()[name] for name in loaded.report.new]


def test_a_head_depends_on_its_seed_only(tiny_encoder: Path) -> None:
    torch.manual_seed(1)
    first = heads_of(tiny_encoder, 3)
    torch.manual_seed(2)
    torch.rand(5)
    second, third = heads_of(tiny_encoder, 3), heads_of(tiny_encoder, 4)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first, third, strict=True))


def test_loading_leaves_the_random_state_alone(tiny_encoder: Path) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    heads_of(tiny_encoder, 3)
    load_encoder(resolve_encoder(str(tiny_encoder)))
    assert torch.equal(torch.get_rng_state(), before)


def test_an_old_head_is_dropped_even_where_it_would_fit(nli: Path) -> None:
    ref = resolve_encoder(str(nli))
    loaded = load_with_head(ref, AutoModelForSequenceClassification, config=NLI, seed=0)
    state = loaded.model.state_dict()
    names = ("bert.pooler.dense.bias", "bert.pooler.dense.weight", "classifier.bias")
    assert loaded.report.new == (*names, "classifier.weight")
    assert all((state[name] != 7.0).all() for name in loaded.report.new)
    assert len(loaded.report.dropped) == 4


def test_an_old_label_count_does_not_get_through(nli: Path) -> None:
    loaded = load_with_head(resolve_encoder(str(nli)), AutoModelForQuestionAnswering, seed=0)
    assert loaded.model.qa_outputs.out_features == 2
    assert len(loaded.model.config.id2label) == 2


def test_a_saved_head_comes_back_for_evaluation(nli: Path) -> None:
    ref = resolve_encoder(str(nli))
    loaded = load_with_head(ref, AutoModelForSequenceClassification, config=NLI, keep_head=True)
    expected = BertForSequenceClassification.from_pretrained(nli).state_dict()
    state = loaded.model.state_dict()
    assert all(torch.equal(state[key], expected[key]) for key in expected)
    assert loaded.report == LoadReport(str(nli), 41, (), ())
    assert loaded.model.config.id2label[2] == "contradiction"


def test_a_saved_head_needs_no_config(nli: Path) -> None:
    loaded = load_with_head(
        resolve_encoder(str(nli)), AutoModelForSequenceClassification, keep_head=True
    )
    assert loaded.model.config.label2id == NLI["label2id"]


def test_keeping_a_head_that_is_not_there_is_refused(tiny_encoder: Path, nli: Path) -> None:
    with pytest.raises(DamagedError, match=r"no saved head.*bert\.pooler"):
        load_with_head(
            resolve_encoder(str(tiny_encoder)), AutoModelForSequenceClassification, keep_head=True
        )
    with pytest.raises(DamagedError, match="qa_outputs"):
        load_with_head(resolve_encoder(str(nli)), AutoModelForQuestionAnswering, keep_head=True)


def test_a_saved_head_of_another_size_is_refused(nli: Path) -> None:
    with pytest.raises(DamagedError, match=r"classifier.* does not fit"):
        load_with_head(
            resolve_encoder(str(nli)),
            AutoModelForSequenceClassification,
            config={"num_labels": 4},
            keep_head=True,
        )


def test_a_head_that_transformers_lacks_is_wrong_usage(tiny_encoder: Path) -> None:
    with pytest.raises(UsageError, match="no AutoModelForCTC for bert"):
        load_with_head(resolve_encoder(str(tiny_encoder)), AutoModelForCTC)


def test_a_missing_encoder_tensor_is_refused_by_name(copy: Path) -> None:
    rewrite(copy, lambda tensors: tensors.pop("encoder.layer.1.output.dense.weight"))
    with pytest.raises(DamagedError, match=r"layer\.1\.output\.dense\.weight is missing"):
        load_encoder(resolve_encoder(str(copy)))


def test_an_encoder_tensor_of_another_shape_is_refused_by_name(copy: Path) -> None:
    def widen(tensors: dict[str, torch.Tensor]) -> None:
        tensors["encoder.layer.0.output.dense.bias"] = torch.zeros(33)

    rewrite(copy, widen)
    with pytest.raises(DamagedError, match=r"layer\.0\.output\.dense\.bias does not fit.*33"):
        load_encoder(resolve_encoder(str(copy)))


@pytest.mark.parametrize("size", [0, 4, 1000, -8], ids=["empty", "length", "header", "tensors"])
def test_truncated_weights_are_named(copy: Path, size: int) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:size])
    with pytest.raises(DamagedError, match=r"copy/model\.safetensors"):
        load_encoder(resolve_encoder(str(copy)))


@pytest.mark.parametrize(
    "text",
    [
        '{"model_type": "be',
        "[]",
        "{}",
        '{"model_type": "nonsense"}',
        '{"model_type": "bert", "hidden_size": "wide"}',
        '{"model_type": "bert", "num_attention_heads": 5}',
    ],
    ids=["cut", "list", "empty", "unknown type", "wrong value", "no fit"],
)
def test_a_garbled_config_is_named(copy: Path, text: str) -> None:
    (copy / "config.json").write_text(text)
    with pytest.raises(DamagedError, match=r"copy/config\.json"):
        load_encoder(resolve_encoder(str(copy)))


def test_a_garbled_tokenizer_is_refused(copy: Path) -> None:
    (copy / "tokenizer.json").write_text('{"version": "1.0", "mod')
    with pytest.raises(DamagedError, match="tokenizer cannot be read"):
        load_tokenizer(resolve_encoder(str(copy)))


def test_a_checkpoint_without_tokenizer_is_refused(copy: Path) -> None:
    (copy / "tokenizer.json").unlink()
    (copy / "tokenizer_config.json").unlink()
    with pytest.raises(DamagedError, match="no tokenizer files"):
        load_tokenizer(resolve_encoder(str(copy)))


def test_loading_says_nothing_itself(nli: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_with_head(resolve_encoder(str(nli)), AutoModelForTokenClassification, seed=0)
    assert capfd.readouterr() == ("", "")


def test_the_report_is_one_line() -> None:
    report = LoadReport("e5-small", 197, ("bert.pooler.dense.weight", "classifier.bias"), ())
    assert (
        report.line()
        == "e5-small: 197 tensors loaded, 2 new (bert.pooler.dense.weight, ...), 0 dropped"
    )


def test_parameters_are_counted_without_the_weights(tiny_xlmr: Path) -> None:
    ref = resolve_encoder(str(tiny_xlmr))
    assert count_parameters(ref) == sum(p.numel() for p in load_encoder(ref).model.parameters())


@pytest.mark.encoder
@pytest.mark.usefixtures("bundled_encoder")
def test_the_bundled_encoder_takes_a_head() -> None:
    ref = resolve_encoder("e5-small")
    loaded = load_with_head(ref, AutoModelForSequenceClassification, config=NLI, seed=0)
    assert loaded.report.line() == (
        "e5-small: 197 tensors loaded, 4 new (bert.pooler.dense.bias, ...), 0 dropped"
    )
    assert isinstance(loaded.model.config, BertConfig)
    assert count_parameters(ref) == 117_505_920
    batch = loaded.tokenizer(["a", "b c"], ["d", "e"], padding=True, return_tensors="pt")
    assert loaded.model(**batch).logits.isfinite().all()
