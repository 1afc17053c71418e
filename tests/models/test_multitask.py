from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
)

from xlit.errors import DamagedError
from xlit.models.encoders import head_files, load_encoder, load_tokenizer, load_with_head
from xlit.models.multitask import head_tensors, save_multi, save_single, share_encoder
from xlit.models.quiet import quiet
from xlit.models.references import resolve_encoder

LABELS = {"num_labels": 3, "id2label": {0: "a", 1: "b", 2: "c"}}
TASKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "nli": (AutoModelForSequenceClassification, LABELS),
    "qa": (AutoModelForQuestionAnswering, {"num_labels": 2}),
    "lm": (AutoModelForMaskedLM, {}),
}


@pytest.fixture(params=["tiny_encoder", "tiny_xlmr"])
def source(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


def shared_models(source: Path) -> dict[str, PreTrainedModel]:
    ref = resolve_encoder(str(source))
    models = {
        task: load_with_head(ref, auto_class, config=config, seed=seed).model
        for seed, (task, (auto_class, config)) in enumerate(TASKS.items())
    }
    share_encoder(models)
    return models


def test_shared_models_have_one_encoder_and_their_own_heads(source: Path) -> None:
    models = shared_models(source)
    encoders = {
        id(parameter)
        for model in models.values()
        for name, parameter in model.base_model.named_parameters()
        if not name.startswith("pooler.")
    }
    heads = {id(p) for model in models.values() for p in model.parameters()} - encoders
    assert len(encoders) == 37
    assert len(heads) == sum(len(head_tensors(model)) for model in models.values())


def test_a_tied_head_follows_the_shared_embeddings(source: Path) -> None:
    models = shared_models(source)
    embeddings = models["nli"].get_input_embeddings().weight
    assert models["lm"].get_output_embeddings().weight is embeddings


def test_a_step_on_one_task_moves_the_encoder_of_the_others(source: Path) -> None:
    models = shared_models(source)
    batch = load_tokenizer(resolve_encoder(str(source)))("frei und gleich", return_tensors="pt")
    before = models["qa"](**batch).start_logits.detach()
    models["nli"](**batch).logits[0, 0].backward()
    with torch.no_grad():
        for parameter in models["nli"].parameters():
            if parameter.grad is not None:
                parameter -= parameter.grad
    assert not torch.allclose(models["qa"](**batch).start_logits, before)


def test_a_checkpoint_of_several_tasks_has_exactly_these_files(
    source: Path, tmp_path: Path
) -> None:
    save_multi(shared_models(source), load_tokenizer(resolve_encoder(str(source))), tmp_path)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")) == [
        "config.json",
        "heads/lm.safetensors",
        "heads/nli.safetensors",
        "heads/qa.safetensors",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert list(head_files(tmp_path)) == ["lm", "nli", "qa"]


def test_several_tasks_come_back_bit_for_bit(source: Path, tmp_path: Path) -> None:
    models = shared_models(source)
    save_multi(models, load_tokenizer(resolve_encoder(str(source))), tmp_path)
    ref = resolve_encoder(str(tmp_path))
    for task, model in models.items():
        again = load_with_head(
            ref, TASKS[task][0], keep_head=True, head_file=head_files(tmp_path)[task]
        )
        state, expected = again.model.state_dict(), model.state_dict()
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[key], expected[key]) for key in expected)
        assert (again.report.new, again.report.dropped) == ((), ())
        assert again.model.config.id2label == model.config.id2label


def test_several_tasks_open_as_a_bare_encoder(source: Path, tmp_path: Path) -> None:
    save_multi(shared_models(source), load_tokenizer(resolve_encoder(str(source))), tmp_path)
    with quiet():
        model, info = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert {name.partition(".")[0] for name in info["missing_keys"]} == {"pooler"}
    assert not info["unexpected_keys"]
    assert len(model.config.id2label) == 2  # none of the tasks' labels
    ours = load_encoder(resolve_encoder(str(tmp_path)))
    original = load_encoder(resolve_encoder(str(source))).model.state_dict()
    state = ours.model.state_dict()
    assert all(torch.equal(state[key], original[key]) for key in original)


def test_a_head_of_another_kind_is_refused(source: Path, tmp_path: Path) -> None:
    save_multi(shared_models(source), load_tokenizer(resolve_encoder(str(source))), tmp_path)
    with pytest.raises(DamagedError, match="no saved head"):
        load_with_head(
            resolve_encoder(str(tmp_path)),
            AutoModelForSequenceClassification,
            keep_head=True,
            head_file=head_files(tmp_path)["qa"],
        )


def test_an_unknown_head_is_refused_with_the_known_ones(source: Path, tmp_path: Path) -> None:
    save_multi(shared_models(source), load_tokenizer(resolve_encoder(str(source))), tmp_path)
    with pytest.raises(DamagedError, match="saved heads: lm, nli, qa"):
        load_with_head(
            resolve_encoder(str(tmp_path)),
            AutoModelForQuestionAnswering,
            keep_head=True,
            head_file=tmp_path / "heads" / "squad.safetensors",
        )


def test_a_truncated_head_is_named(source: Path, tmp_path: Path) -> None:
    save_multi(shared_models(source), load_tokenizer(resolve_encoder(str(source))), tmp_path)
    file = head_files(tmp_path)["qa"]
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(DamagedError, match=r"qa\.safetensors"):
        load_with_head(
            resolve_encoder(str(tmp_path)),
            AutoModelForQuestionAnswering,
            keep_head=True,
            head_file=file,
        )


def test_one_task_is_saved_as_its_own_class(source: Path, tmp_path: Path) -> None:
    loaded = load_with_head(
        resolve_encoder(str(source)), AutoModelForSequenceClassification, config=LABELS, seed=1
    )
    save_single(loaded.model, loaded.tokenizer, tmp_path)
    with quiet():
        again, info = AutoModelForSequenceClassification.from_pretrained(
            tmp_path, output_loading_info=True
        )
    assert not any(info.values())
    assert again.config.id2label == LABELS["id2label"]
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        assert set(file.keys()) == loaded.model.state_dict().keys()
    text = "すべての人間は"
    assert AutoTokenizer.from_pretrained(tmp_path)(text) == loaded.tokenizer(text)
