"""sentence-transformers' files: written beside a checkpoint, and read where a model has them.

What is written opens with `SentenceTransformer(DIR)` and gives the same vectors as here; it is of
the form that has been read since version 2 and still is. What is read says how a model's vectors
are made: first-token or mean pooling of the last layer, of length 1, is what can be done here.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlit.models.pooling import DEFAULT, DefaultHow, Pooling, pooling_of
from xlit.models.references import (
    MANIFEST,
    MODULES_FILE,
    EncoderRef,
    encoder_folder,
    fetch,
    read_json,
    read_modules,
)

MODULES = (
    ("", "sentence_transformers.models.Transformer"),
    ("1_Pooling", "sentence_transformers.models.Pooling"),
    ("2_Normalize", "sentence_transformers.models.Normalize"),  # our vectors have length 1
)
TRANSFORMER_FILE = "sentence_bert_config.json"
PROMPTS_FILE = "config_sentence_transformers.json"
FILES = (MODULES_FILE, TRANSFORMER_FILE, PROMPTS_FILE, "*/config.json")
SOURCE = "its files of sentence-transformers"
USUAL_LENGTH = 512
"""Tokens that are written where nothing is known of a shorter limit: no limit of the encoder."""

FLAGS = {  # of versions before 6, each true or false; since then one `pooling_mode`
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


def write_sentence_transformers(
    directory: Path, *, pooling: DefaultHow, hidden_size: int, max_length: int
) -> None:
    """Add the files beside a saved encoder; they pool its last layer. `max_length` in tokens."""
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": kind}
        for i, (path, kind) in enumerate(MODULES)
    ]
    _write(directory / MODULES_FILE, modules)
    _write(directory / TRANSFORMER_FILE, {"max_seq_length": max_length, "do_lower_case": False})
    _write(
        directory / "1_Pooling" / "config.json",
        {
            "word_embedding_dimension": hidden_size,
            "pooling_mode_cls_token": pooling == "cls",
            "pooling_mode_mean_tokens": pooling == "mean",
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    )


def usual_pooling_of(ref: EncoderRef, root: str | None = None) -> Pooling:
    """How the vectors of an encoder are made when nothing else is said.

    As sentence-transformers' files say where it came with such; else by its name, or by that of the
    encoder at its `root`. Files that xlit has written itself have to pool the last layer and name
    some length, so that for them a known name comes first and `USUAL_LENGTH` is none. Raises
    DamagedError for files that cannot be read.
    """
    named = pooling_of(root or ref.name)
    folder = _folder(ref)
    if folder is None or not (folder / MODULES_FILE).is_file():
        return named
    own = (folder / MANIFEST).is_file()
    if own and named is not DEFAULT:
        return named
    told = read_sentence_transformers(folder)
    return replace(told, max_length=None) if own and told.max_length == USUAL_LENGTH else told


def read_sentence_transformers(folder: Path) -> Pooling:
    """What the files in a folder say. Raises DamagedError where they cannot be read.

    What cannot be done here is in `refused`; the rest then is what its encoder alone gives.
    """
    how, reason = _pooling(folder)
    about = _optional(encoder_folder(folder) or folder, TRANSFORMER_FILE)
    if about.get("do_lower_case"):
        reason = reason or "its texts are lower-cased"
    length = about.get("max_seq_length")
    prompts = _optional(folder, PROMPTS_FILE)
    named = prompts.get("prompts") or {}
    prompt = named.get(prompts.get("default_prompt_name")) or ""
    return Pooling(
        how=how,
        layer=-1,
        source=SOURCE,
        max_length=length if isinstance(length, int) else None,
        prompt=str(prompt),
        refused=reason,
    )


def copy_files(ref: EncoderRef, directory: Path) -> None:
    """Copy the files that say how the vectors of an encoder are made; it lies in `directory`
    itself, wherever it lay before."""
    folder = _folder(ref)
    assert folder is not None  # the bundled encoder has no such files
    inner = encoder_folder(folder)
    for file in (file for pattern in FILES for file in folder.glob(pattern)):
        if file.parent != inner:
            copy = directory / file.relative_to(folder)
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, copy)
    if inner is not None:
        first, *others = read_modules(folder)
        _write(directory / MODULES_FILE, [{**first, "path": ""}, *others])
        if (inner / TRANSFORMER_FILE).is_file():
            shutil.copyfile(inner / TRANSFORMER_FILE, directory / TRANSFORMER_FILE)


def _pooling(folder: Path) -> tuple[DefaultHow, str]:
    """The pooling, and why the vectors cannot be made here; the reason is empty where they can."""
    modules = read_modules(folder)
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    foreign = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]
    if "Pooling" not in kinds:
        return "mean", f"they go through {foreign[0]}" if foreign else "they are not pooled"
    place = str(modules[kinds.index("Pooling")].get("path", ""))
    config = read_json(folder / place / "config.json")
    modes = config.get("pooling_mode") or [mode for flag, mode in FLAGS.items() if config.get(flag)]
    wanted = [modes] if isinstance(modes, str) else list(modes)
    how: DefaultHow = "cls" if wanted == ["cls"] else "mean"
    if foreign:
        return how, f"they go through {foreign[0]}"
    if wanted not in (["cls"], ["mean"]):
        return how, f"they are pooled by {' and '.join(map(str, wanted)) or 'nothing'}"
    if config.get("include_prompt") is False:
        return how, "their prompt is left out of the mean"
    return how, ""


def _folder(ref: EncoderRef) -> Path | None:
    """Where the files would be: beside the encoder, or above it."""
    if ref.sort == "bundled":
        return None
    if ref.path is None:
        return fetch(ref.name, patterns=list(FILES), commit=ref.identity)
    above = ref.path.parent
    return above if encoder_folder(above) == ref.path else ref.path


def _optional(folder: Path, name: str) -> dict[str, Any]:
    return read_json(folder / name) if (folder / name).is_file() else {}


def _write(file: Path, value: object) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
