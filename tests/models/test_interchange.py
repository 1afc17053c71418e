import json
import shutil
import warnings
from pathlib import Path
from typing import get_args

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Normalize,
    Pooling,
    Transformer,
)
from transformers import AutoModelForQuestionAnswering, AutoModelForSequenceClassification

from xlit.commands.encoding import usable
from xlit.errors import DamagedError, UsageError
from xlit.models.encoders import load_encoder, load_with_head
from xlit.models.interchange import (
    SOURCE,
    USUAL_LENGTH,
    usual_pooling_of,
    write_sentence_transformers,
)
from xlit.models.multitask import save_multi, save_single, share_encoder
from xlit.models.pooling import KNOWN, DefaultHow, pool
from xlit.models.quiet import quiet
from xlit.models.references import EncoderRef, resolve_encoder
from xlit.models.snapshot import gather, save_model
from xlit.retrieval.encode import encode

TEXTS = [
    "The child reads a red book.",
    "Все люди",
    "人人生而自由，在尊严和权利上一律平等。",
    "",
    "a " * 90,
]


def our_vectors(directory: Path, how: DefaultHow, max_length: int) -> torch.Tensor:
    loaded = load_encoder(resolve_encoder(str(directory)))
    batch = loaded.tokenizer(
        TEXTS, padding=True, truncation=True, max_length=max_length, return_tensors="pt"
    )
    with torch.inference_mode():
        hidden = loaded.model(**batch).last_hidden_state
    return torch.nn.functional.normalize(pool(hidden, batch["attention_mask"], how))


def their_vectors(directory: Path) -> torch.Tensor:
    with quiet():
        model = SentenceTransformer(str(directory), device="cpu")
        return torch.from_numpy(model.encode(TEXTS, show_progress_bar=False))


def write(source: Path, directory: Path, tasks: int, how: DefaultHow, max_length: int) -> None:
    ref = resolve_encoder(str(source))
    loaded = load_with_head(ref, AutoModelForSequenceClassification, config={"num_labels": 3})
    if tasks == 1:
        save_single(loaded.model, loaded.tokenizer, directory)
    else:
        models = {"a": loaded.model, "b": load_with_head(ref, AutoModelForQuestionAnswering).model}
        share_encoder(models)
        save_multi(models, loaded.tokenizer, directory)
    write_sentence_transformers(directory, pooling=how, hidden_size=32, max_length=max_length)


@pytest.mark.parametrize("how", get_args(DefaultHow))
@pytest.mark.parametrize("tasks", [1, 2], ids=["one task", "two tasks"])
@pytest.mark.parametrize("source", ["tiny_encoder", "tiny_xlmr"])
def test_sentence_transformers_gives_our_vectors(
    source: str, tasks: int, how: DefaultHow, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    write(request.getfixturevalue(source), tmp_path, tasks, how, max_length=64)
    ours, theirs = our_vectors(tmp_path, how, 64), their_vectors(tmp_path)
    assert (ours - theirs).abs().max() < 1e-5
    assert (theirs.norm(dim=1) - 1).abs().max() < 1e-5


def test_a_shorter_length_is_kept(tiny_encoder: Path, tmp_path: Path) -> None:
    write(tiny_encoder, tmp_path, 1, "mean", max_length=16)
    with quiet():
        model = SentenceTransformer(str(tmp_path), device="cpu")
    assert model.max_seq_length == 16
    assert (our_vectors(tmp_path, "mean", 16) - their_vectors(tmp_path)).abs().max() < 1e-5


def test_opening_warns_of_nothing_deprecated(tiny_encoder: Path, tmp_path: Path) -> None:
    write(tiny_encoder, tmp_path, 1, "mean", max_length=64)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        warnings.simplefilter("error", DeprecationWarning)
        model = SentenceTransformer(str(tmp_path), device="cpu")
    assert [type(module).__name__ for module in model] == ["Transformer", "Pooling", "Normalize"]


def saved_by_them(
    encoder: Path, directory: Path, *, mode: str = "mean", dense: bool = False, length: int = 64
) -> Path:
    """A model that sentence-transformers itself has saved."""
    with quiet():
        body = Transformer(str(encoder), max_seq_length=length)
        modules = [body, Pooling(32, pooling_mode=mode)]
        if dense:
            modules.append(Dense(in_features=32, out_features=8))
        SentenceTransformer(modules=[*modules, Normalize()], device="cpu").save(str(directory))
    return directory


def encoded(directory: Path) -> torch.Tensor:
    """As `retrieve` encodes where no flag says otherwise."""
    ref = resolve_encoder(str(directory))
    usual = usual_pooling_of(ref)
    assert not usual.refused
    vectors = encode(
        load_encoder(ref),
        TEXTS,
        layer=usual.layer,
        pooling=usual.how,
        max_length=usual.max_length or 512,
        device=torch.device("cpu"),
    )
    return torch.from_numpy(vectors)


@pytest.mark.parametrize("mode", get_args(DefaultHow))
@pytest.mark.parametrize("source", ["tiny_encoder", "tiny_xlmr"])
def test_their_models_load_with_their_pooling(
    source: str, mode: DefaultHow, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    saved_by_them(request.getfixturevalue(source), tmp_path, mode=mode, length=16)
    usual = usual_pooling_of(resolve_encoder(str(tmp_path)))
    assert (usual.how, usual.layer, usual.source) == (mode, -1, SOURCE)
    assert (encoded(tmp_path) - their_vectors(tmp_path)).abs().max() < 1e-5


def by_module(encoder: Path, directory: Path) -> None:
    """As old versions saved them: the encoder in a folder of its own, flags for the pooling."""
    write_sentence_transformers(directory, pooling="cls", hidden_size=32, max_length=64)
    shutil.copytree(encoder, directory / "0_Transformer")
    modules = json.loads((directory / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (directory / "modules.json").write_text(json.dumps(modules))
    (directory / "sentence_bert_config.json").rename(
        directory / "0_Transformer" / "sentence_bert_config.json"
    )


def test_models_that_lie_by_module_load_too(tiny_encoder: Path, tmp_path: Path) -> None:
    by_module(tiny_encoder, tmp_path)
    ref = resolve_encoder(str(tmp_path))
    assert ref.path == tmp_path / "0_Transformer"
    assert usual_pooling_of(ref).how == "cls"
    assert (encoded(tmp_path) - their_vectors(tmp_path)).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("mode", "dense", "reason"),
    [
        ("mean", True, "they go through Dense"),
        ("max", False, "they are pooled by max"),
        (("mean", "max"), False, "they are pooled by mean and max"),
        ("lasttoken", False, "they are pooled by lasttoken"),
    ],
    ids=["dense", "max", "two", "last"],
)
def test_what_cannot_be_done_here_is_refused_with_the_reason(
    mode: str, dense: bool, reason: str, tiny_encoder: Path, tmp_path: Path
) -> None:
    saved_by_them(tiny_encoder, tmp_path, mode=mode, dense=dense)
    usual = usual_pooling_of(resolve_encoder(str(tmp_path)))
    assert usual.refused == reason
    with pytest.raises(UsageError, match=reason) as caught:
        usable(usual)
    assert caught.value.hint is not None
    assert "--pooling mean" in caught.value.hint


def test_what_is_refused_is_refused_as_well_when_it_was_stored(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    source, stored = tmp_path / "source", tmp_path / "stored"
    source.mkdir()
    by_module(tiny_encoder, source)
    about = source / "1_Pooling/config.json"
    flags = json.loads(about.read_text()) | {"pooling_mode_max_tokens": True}
    about.write_text(json.dumps(flags))
    stored.mkdir()
    save_model(gather(str(source)), stored)
    found = usual_pooling_of(resolve_encoder(str(stored)))
    assert found == usual_pooling_of(resolve_encoder(str(source)))
    assert found.refused == "they are pooled by cls and max"


def test_what_the_files_say_is_part_of_what_a_stored_model_depends_on(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_encoder, tmp_path / "model"))
    told = [gather(str(folder)).settings()]
    ways: tuple[tuple[DefaultHow, int], ...] = (("cls", 64), ("mean", 64), ("mean", 32))
    for how, length in ways:
        write_sentence_transformers(folder, pooling=how, hidden_size=32, max_length=length)
        told.append(gather(str(folder)).settings())
    assert len({json.dumps(settings) for settings in told}) == 4
    assert len({settings["digest"] for settings in told}) == 1  # that is of the encoder alone


def test_lower_casing_is_refused(tiny_encoder: Path, tmp_path: Path) -> None:
    write(tiny_encoder, tmp_path, 1, "mean", max_length=16)
    about = {"max_seq_length": 16, "do_lower_case": True}
    (tmp_path / "sentence_bert_config.json").write_text(json.dumps(about))
    assert "lower-cased" in usual_pooling_of(resolve_encoder(str(tmp_path))).refused


def test_a_prompt_of_the_model_is_told(tiny_encoder: Path, tmp_path: Path) -> None:
    saved_by_them(tiny_encoder, tmp_path)
    prompts = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    assert usual_pooling_of(resolve_encoder(str(tmp_path))).prompt == "query: "


def test_of_files_that_xlit_wrote_a_known_name_comes_first(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    """They pool the last layer, as sentence-transformers knows no other."""
    write(tiny_encoder, tmp_path, 1, "cls", max_length=16)
    ref = EncoderRef("here", "artefact", tmp_path, "")
    assert usual_pooling_of(ref, "xlm-roberta-large").layer == -1
    (tmp_path / "manifest.json").write_text("{}")
    assert usual_pooling_of(ref, "xlm-roberta-large") == KNOWN["xlm-roberta-large"]
    assert usual_pooling_of(ref, "some-model").how == "cls"
    assert usual_pooling_of(ref, "some-model").max_length == 16


def test_the_usual_length_in_files_that_xlit_wrote_limits_nothing(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    """An encoder with more positions takes longer texts, stored and trained as it did before."""
    write(tiny_encoder, tmp_path, 1, "mean", max_length=USUAL_LENGTH)
    ref = EncoderRef("here", "artefact", tmp_path, "")
    assert usual_pooling_of(ref).max_length == USUAL_LENGTH
    (tmp_path / "manifest.json").write_text("{}")
    assert usual_pooling_of(ref).max_length is None


@pytest.mark.parametrize(
    ("name", "text"),
    [("modules.json", "{"), ("modules.json", "{}"), ("1_Pooling/config.json", "[]")],
)
def test_damaged_files_are_named(name: str, text: str, tiny_encoder: Path, tmp_path: Path) -> None:
    write(tiny_encoder, tmp_path, 1, "cls", max_length=16)
    (tmp_path / name).write_text(text)
    with pytest.raises(DamagedError) as caught:
        usual_pooling_of(EncoderRef("here", "directory", tmp_path, ""))
    assert caught.value.path == tmp_path / name
