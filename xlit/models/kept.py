"""Tokenizers that this process has loaded, so that the next line of a pipe need not wait for one.

A large tokenizer takes over a second to load, and the checkpoints of a study have all the same.
They are known by what they are made of and not by where it lies.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

KEPT = 2
"""Tokenizers held: each takes some 100 MB where there are 250,000 pieces."""

HEAD = ("architectures", "id2label", "label2id", "num_labels", "problem_type")
"""What of a configuration belongs to a head; a tokenizer may read the rest."""

_kept: dict[str, Any] = {}


def kept_tokenizer(key: str, load: Callable[[], Any]) -> Any:
    """The tokenizer of that key, loaded if it is not here. It neither cuts nor pads by itself."""
    tokenizer = _kept.pop(key) if key in _kept else load()
    _kept[key] = tokenizer  # the last one used is the last to go
    while len(_kept) > KEPT:
        del _kept[next(iter(_kept))]
    if tokenizer.is_fast:  # as one that is loaded and was not used
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
    return tokenizer


def tokenizer_key(folder: Path, names: Sequence[str], config: str) -> str:
    """A digest of all that loading the tokenizer of a folder reads: the files of those names that
    are there, and the configuration but for its head."""
    sha = hashlib.sha256()
    for name in names:
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                sha.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    if (folder / config).is_file():
        values = json.loads((folder / config).read_bytes())
        if isinstance(values, dict):
            values = {key: value for key, value in values.items() if key not in HEAD}
        sha.update(json.dumps(values, sort_keys=True).encode())
    return sha.hexdigest()
