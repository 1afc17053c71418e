"""A whole model as files of its own: configuration, tokenizer, weights as safetensors.

It opens with `AutoModel.from_pretrained(DIR)` and `SentenceTransformer(DIR)`, and needs neither the
hub nor its cache any more.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from huggingface_hub import list_repo_files
from huggingface_hub.errors import HfHubHTTPError

from xlit.errors import DamagedError, UsageError
from xlit.models.encoders import load_encoder
from xlit.models.interchange import (
    FILES,
    SOURCE,
    USUAL_LENGTH,
    copy_files,
    usual_pooling_of,
    write_sentence_transformers,
)
from xlit.models.quiet import quiet
from xlit.models.references import (
    CONFIG,
    SHARDS,
    TOKENIZER_FILES,
    WEIGHTS,
    EncoderRef,
    directory_digest,
    fetch,
    resolve_encoder,
    weight_files,
)

ABOUT = "README.md"
# of intfloat/multilingual-e5-small, by its model card
BUNDLED_LICENCE = "mit"
# what the hub's HTTP client raises when nothing answers: the client differs between its versions
UNREACHABLE = (cast(type[Exception], HfHubHTTPError.__mro__[1]), OSError)
PICKLES = re.compile(r"(?:pytorch_model|model).*\.(?:bin|pt|pth|ckpt)")


@dataclass(frozen=True)
class Snapshot:
    """A model that is there, all of it: what it is, and the folder of its files.

    `revision` is a hub id's commit; `digest` is over the files that decide what it computes. The
    bundled encoder has no folder of files.
    """

    ref: EncoderRef
    folder: Path | None
    digest: str
    revision: str | None
    licence: str

    def settings(self) -> dict[str, Any]:
        """What the stored model depends on. A directory's name is not among it; what files of
        sentence-transformers say of its vectors is, which the digest does not cover."""
        name = None if self.ref.sort == "directory" else self.ref.name.partition("@")[0]
        usual = usual_pooling_of(self.ref)
        vectors = {"how": usual.how, "max_length": usual.max_length, "refused": usual.refused}
        return {
            "source": self.ref.sort,
            "model": name,
            "revision": self.revision,
            "digest": self.digest,
            **({"vectors": vectors} if usual.source == SOURCE else {}),
        }


def gather(name: str) -> Snapshot:
    """The model of that name, fetched whole into the hub's cache where it is a hub id.

    Raises MissingError where it is nowhere, DamagedError where it has no safetensors, UsageError
    for an artefact.
    """
    ref = resolve_encoder(name, fetched=False)
    if ref.sort == "artefact":
        raise UsageError(f"{name} is an artefact already", hint="it can be copied as it is")
    if ref.sort == "bundled":
        return Snapshot(ref, None, ref.identity, None, BUNDLED_LICENCE)
    if ref.path is not None:
        return Snapshot(ref, ref.path, ref.identity, None, licence_in(ref.path))
    wanted = [CONFIG, "model*.safetensors", SHARDS, *TOKENIZER_FILES, ABOUT, *FILES]
    folder = fetch(ref.name, patterns=wanted, commit=ref.identity)
    if not (folder / WEIGHTS).is_file() and not (folder / SHARDS).is_file():
        _refuse(ref, folder)
    return Snapshot(ref, folder, directory_digest(folder), ref.identity, licence_in(folder))


def _refuse(ref: EncoderRef, folder: Path) -> None:
    """Raises DamagedError that says whether the hub has the weights as a pickle."""
    repository = ref.name.partition("@")[0]
    try:
        names = list_repo_files(repository, revision=ref.identity)
    except UNREACHABLE:
        weight_files(folder)  # offline the cache alone can say it
        raise DamagedError(f"{ref.name} has no {WEIGHTS}") from None
    pickles = sorted(name for name in names if PICKLES.fullmatch(name))
    if pickles:
        raise DamagedError(
            f"{ref.name} has its weights as a pickle only ({pickles[0]}), and xlit reads"
            " safetensors only: a pickle runs whatever code it holds",
            hint="convert it where you trust it, and fetch the directory",
        )
    raise DamagedError(f"{ref.name} has no {WEIGHTS}")


def licence_in(folder: Path) -> str:
    """The licence that the front matter of a model's README names; empty if none."""
    try:
        text = (folder / ABOUT).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    front = re.match(r"---\r?\n(.*?)\r?\n---", text, re.DOTALL)
    found = re.search(r"^license:[ \t]*[\"']?([\w.+-]+)", front[1], re.MULTILINE) if front else None
    return found[1] if found else ""


def save_model(snapshot: Snapshot, directory: Path) -> dict[str, Any]:
    """Write a model's files into `directory`, and load them once; gives the manifest's results."""
    if snapshot.folder is None:
        loaded = load_encoder(snapshot.ref)
        with quiet():
            loaded.model.save_pretrained(directory)
            loaded.tokenizer.save_pretrained(directory)
    else:
        _copy(snapshot.folder, directory)
        stored = EncoderRef(snapshot.ref.name, "directory", directory, snapshot.digest)
        loaded = load_encoder(stored)
    usual = usual_pooling_of(snapshot.ref)
    if usual.refused and snapshot.folder is not None:
        copy_files(snapshot.ref, directory)  # so that what is stored is refused as well
    else:
        write_sentence_transformers(
            directory,
            pooling=usual.how,
            hidden_size=loaded.model.config.hidden_size,
            max_length=min(usual.max_length or USUAL_LENGTH, loaded.tokenizer.model_max_length),
        )
    return {
        "licence": snapshot.licence,
        "tensors": loaded.report.loaded,
        "parameters": sum(tensor.numel() for tensor in loaded.model.parameters()),
    }


def _copy(folder: Path, directory: Path) -> None:
    weights = weight_files(folder)
    names = [CONFIG, *TOKENIZER_FILES, ABOUT, *(file.name for file in weights)]
    for name in names:
        if (folder / name).is_file():  # the hub's cache holds links: copies of what they lead to
            shutil.copyfile(folder / name, directory / name)
