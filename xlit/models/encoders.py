"""Load an encoder bare, or in a transformers class with a new or a saved head.

Between phases only the encoder passes on: the old head, BERT's pooler included, is dropped even
where its names and shapes would fit. Every load says which tensors were loaded, new and dropped.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoTokenizer, PretrainedConfig, PreTrainedModel

from xlit.errors import DamagedError, MissingError, UsageError
from xlit.models import bundled
from xlit.models.kept import kept_tokenizer, tokenizer_key
from xlit.models.quiet import quiet
from xlit.models.references import (
    CONFIG,
    HEADS,
    SHARDS,
    TOKENIZER_FILES,
    EncoderRef,
    fetch,
    read_json,
    resolve_encoder,
    weight_files,
)

__all__ = [
    "EncoderRef",
    "LoadReport",
    "Loaded",
    "count_layers",
    "count_parameters",
    "head_files",
    "load_encoder",
    "load_tokenizer",
    "load_with_head",
    "resolve_encoder",
]

POOLER = "pooler"
HEAD_CONFIG = "config"  # the key in a saved head's metadata


@dataclass(frozen=True)
class LoadReport:
    """What became of the tensors: `new` by the model's names, `dropped` by the checkpoint's."""

    name: str
    loaded: int
    new: tuple[str, ...]
    dropped: tuple[str, ...]

    def line(self) -> str:
        """For people, in one line."""
        return (
            f"{self.name}: {self.loaded} tensors loaded, {len(self.new)} new"
            f"{_examples(self.new)}, {len(self.dropped)} dropped{_examples(self.dropped)}"
        )


@dataclass
class Loaded:
    """A model in float32 and evaluation mode, its tokenizer, and how the loading went.

    `ways` are kept by `xlit.models.inference`, which fills them.
    """

    model: PreTrainedModel
    tokenizer: Any
    report: LoadReport
    ways: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)


def load_encoder(ref: EncoderRef) -> Loaded:
    """The bare encoder, without pooler.

    Raises DamagedError when files are damaged or the tensors do not fit the configuration,
    MissingError when an artefact's weights were pruned.
    """
    model, report = _bare(ref)
    return Loaded(model, load_tokenizer(ref), report)


def load_with_head(
    ref: EncoderRef,
    auto_class: Any,
    *,
    config: Mapping[str, Any] | None = None,
    seed: int = 0,
    keep_head: bool = False,
    head_file: Path | None = None,
    own_head: bool = False,
) -> Loaded:
    """The encoder in the `AutoModelFor...` class `auto_class`, `config` being the head's values.

    A new head depends on `seed` and its own shapes only; the global random state is neither read
    nor moved. With `keep_head` the head is the saved one, from the checkpoint or from `head_file`
    (a file of `head_files`), and DamagedError is raised if a tensor of it is not there; `config`
    may then be left out. With `own_head` the head is the one in the encoder's weight file where a
    whole one is there (XLM-R as published has that of masked LM), else it is new.
    """
    if own_head and ref.sort != "bundled":
        found = _own_head(ref, auto_class, config or {})
        if found is not None:
            return Loaded(found[0], load_tokenizer(ref), found[1])
    if keep_head and head_file is None:
        model, report = _saved_whole(ref, auto_class, config or {})
        return Loaded(model, load_tokenizer(ref), report)
    encoder, bare_report = _bare(ref)
    head, described = read_head(head_file) if keep_head and head_file else ({}, {})
    settings = head_config(encoder.config, {**described, **(config or {})})
    concrete = model_class(auto_class, settings)
    with torch.device("meta"):
        prefix = base_prefix(concrete(settings))
    state = {prefix + key: value for key, value in encoder.state_dict().items()}
    # The encoder's tensors are taken over, not copied; only what is missing is drawn.
    model, info = _from_pretrained(
        ref, concrete, None, settings, {"state_dict": state | head}, seed=seed
    )
    new = tuple(sorted(info["missing_keys"]))
    if keep_head and new:
        raise DamagedError(f"no saved head for this task: {new[0]} is missing", path=head_file)
    report = LoadReport(ref.name, len(state) + len(head), new, bare_report.dropped)
    return Loaded(model, load_tokenizer(ref), report)


def load_tokenizer(ref: EncoderRef) -> Any:
    """The encoder's tokenizer, without its weights. Raises DamagedError when it cannot be read."""
    if ref.sort == "bundled":
        return kept_tokenizer(ref.identity, lambda: bundled.bundled_tokenizer(_place(ref)))
    path = _directory(ref)
    if not any((path / name).is_file() for name in TOKENIZER_FILES):
        raise DamagedError("has no tokenizer files", path=path)

    def load() -> Any:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)

    with quiet():
        try:
            return kept_tokenizer(tokenizer_key(path, TOKENIZER_FILES, CONFIG), load)
        except Exception as error:  # the tokenizers library raises nothing narrower
            raise DamagedError(f"its tokenizer cannot be read: {error}", path=path) from error


def head_files(path: Path) -> dict[str, Path]:
    """The saved heads of a checkpoint of several tasks, by task; empty for any other."""
    return {file.stem: file for file in sorted((path / HEADS).glob("*.safetensors"))}


def read_head(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the configuration values of a saved head. Raises DamagedError."""
    if not file.is_file():
        known = ", ".join(head_files(file.parent.parent)) or "none"
        raise DamagedError(f"there is no such head (saved heads: {known})", path=file)
    try:
        with safe_open(file, framework="pt") as opened:
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
            described = json.loads((opened.metadata() or {}).get(HEAD_CONFIG, "{}"))
    except (SafetensorError, ValueError) as error:
        raise DamagedError(f"cannot be read: {error}", path=file) from error
    if "id2label" in described:  # JSON has made text of the numbers
        described["id2label"] = {int(i): label for i, label in described["id2label"].items()}
    return tensors, described


def head_config(config: PretrainedConfig, values: Mapping[str, Any]) -> PretrainedConfig:
    """A copy of an encoder's configuration with the head's values, and none of an earlier head.

    An old label count must not get through: span QA, for one, would size its outputs by it.
    """
    fresh: PretrainedConfig = type(config).from_dict(config.to_dict())
    fresh.num_labels = 2  # as transformers has it; sets both label tables too
    fresh.problem_type = None
    for key in sorted(values, key=lambda key: key != "num_labels"):  # it resets the tables
        setattr(fresh, key, values[key])
    return fresh


def model_class(auto_class: Any, config: PretrainedConfig) -> Any:
    """The class that an `AutoModel...` stands for with this configuration.

    Raises UsageError when transformers has no such head for this kind of encoder.
    """
    try:
        return _concrete(auto_class, config)
    except ValueError as error:
        message = f"transformers has no {auto_class.__name__} for {config.model_type}"
        raise UsageError(message) from error


def _concrete(auto_class: Any, config: PretrainedConfig) -> Any:
    with quiet(), torch.device("meta"):
        return type(auto_class.from_config(config, trust_remote_code=False))


def base_prefix(model: PreTrainedModel) -> str:
    """What stands before the encoder's names in this model's state dict: "bert.", say, or ""."""
    prefix = model.base_model_prefix
    return f"{prefix}." if prefix and hasattr(model, prefix) else ""


def without_pooler(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a bare encoder less its pooler, which belongs to the head here."""
    return {key: value for key, value in state.items() if not key.startswith(f"{POOLER}.")}


def count_parameters(ref: EncoderRef) -> int:
    """The parameters of the encoder without pooler, from its configuration alone."""
    with torch.device("meta"), quiet():
        model = AutoModel.from_config(_config(ref))
    return sum(tensor.numel() for tensor in without_pooler(dict(model.named_parameters())).values())


def count_layers(ref: EncoderRef) -> int:
    """The encoder's layers, from its configuration alone."""
    return int(_config(ref).num_hidden_layers)


def _bare(ref: EncoderRef) -> tuple[PreTrainedModel, LoadReport]:
    """The encoder without pooler, and the report on it alone."""
    path, source = None, {}
    if ref.sort == "bundled":
        config, source["state_dict"] = bundled.read_bundled(_place(ref))
    else:
        path, config = _weights(ref), _config(ref)
    model, info = _from_pretrained(ref, model_class(AutoModel, config), path, config, source)
    missing = [key for key in info["missing_keys"] if not key.startswith(f"{POOLER}.")]
    if missing:
        raise DamagedError(f"the encoder does not fit: {min(missing)} is missing", path=path)
    state = model.state_dict()
    loaded = without_pooler(state)
    dropped = {*info["unexpected_keys"], *(state.keys() - loaded.keys() - info["missing_keys"])}
    if getattr(model, POOLER, None) is not None:
        setattr(model, POOLER, None)
    return model, LoadReport(ref.name, len(loaded), (), tuple(sorted(dropped)))


def _saved_whole(
    ref: EncoderRef, auto_class: Any, values: Mapping[str, Any]
) -> tuple[PreTrainedModel, LoadReport]:
    """A checkpoint of one task with the head it was saved with."""
    path, config = _weights(ref), _config(ref)
    settings = head_config(config, values) if values else config
    model, info = _from_pretrained(ref, model_class(auto_class, settings), path, settings, {})
    if info["missing_keys"]:
        name = min(info["missing_keys"])
        raise DamagedError(f"no saved head for this task: {name} is missing", path=path)
    return model, _whole_report(ref, model, info)


def _own_head(
    ref: EncoderRef, auto_class: Any, values: Mapping[str, Any]
) -> tuple[PreTrainedModel, LoadReport] | None:
    """The model whole, with the head in its weight file; None where not all of one is there."""
    path, settings = _weights(ref), head_config(_config(ref), values)
    model, info = _from_pretrained(ref, model_class(auto_class, settings), path, settings, {})
    return None if info["missing_keys"] else (model, _whole_report(ref, model, info))


def _whole_report(ref: EncoderRef, model: PreTrainedModel, info: Mapping[str, Any]) -> LoadReport:
    return LoadReport(ref.name, len(model.state_dict()), (), tuple(sorted(info["unexpected_keys"])))


def _from_pretrained(
    ref: EncoderRef,
    concrete: Any,
    path: Path | None,
    config: PretrainedConfig,
    source: Mapping[str, Any],
    seed: int = 0,
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """transformers' own loading, in float32, with its random draws kept to itself."""
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach the GPUs too
        model, info = concrete.from_pretrained(
            path,
            config=config,
            dtype=torch.float32,  # not the file's type, which is the default
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused below, by name
            **source,
        )
    _refuse_mismatch(info["mismatched_keys"], path or ref.path)
    return model, info


def _refuse_mismatch(mismatched: Iterable[Sequence[Any]], path: Path | None) -> None:
    for name, found, wanted in sorted(mismatched, key=lambda entry: str(entry[0])):
        raise DamagedError(
            f"{name} does not fit: {tuple(found)} in the file, {tuple(wanted)} by {CONFIG}",
            path=path,
        )


def _config(ref: EncoderRef) -> PretrainedConfig:
    if ref.sort == "bundled":
        return bundled.BundledFile(_place(ref)).config()
    path = _directory(ref, [CONFIG])
    read_json(path / CONFIG)
    with quiet():
        try:
            config = AutoConfig.from_pretrained(path, trust_remote_code=False)
            _concrete(AutoModel, config)  # its values fit each other
        except Exception as error:  # a model's own code meets values that it never expected
            reason = str(error).partition("\n")[0]
            raise DamagedError(f"cannot be used: {reason}", path=path / CONFIG) from error
        return config


def _weights(ref: EncoderRef) -> Path:
    """The directory, after a look at the header and the length of every weight file."""
    path = _directory(ref)
    if ref.sort == "artefact" and not any(path.glob("model*.safetensors")):
        raise MissingError(
            "its weights are not there any more",
            hint=f"xlit show {path} --command prints what makes them again",
            path=path,
        )
    for file in weight_files(path):
        if file.name == SHARDS:
            continue
        try:
            with safe_open(file, framework="pt"):
                pass
        except SafetensorError as error:
            raise DamagedError(f"is damaged: {error}", path=file) from error
    return path


def _directory(ref: EncoderRef, patterns: Sequence[str] = ()) -> Path:
    if ref.path is not None:
        return ref.path
    wanted = list(patterns) or [CONFIG, "model*.safetensors", SHARDS, *TOKENIZER_FILES]
    return fetch(ref.name, patterns=wanted, commit=ref.identity)


def _place(ref: EncoderRef) -> Path:
    assert ref.path is not None  # only a hub id has none
    return ref.path


def _examples(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f" ({names[0]}{', ...' if len(names) > 1 else ''})"
