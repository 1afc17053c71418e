"""Features kept on disk, so that a row is tokenised once for all seeds, sizes and runs.

One folder for all that features depend on besides their rows (the kind and the version of its code,
the tokenizer, the options that the kind reads); in it Arrow files that only ever get more. A row's
features are found by a digest of its content: any subset or order of the rows seen before is a
selection, and of the others one more file is made.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers

from xlit.kinds.feature import Integers
from xlit.kinds.feature_files import read_batches, write_batches
from xlit.kinds.feature_table import KEY_BYTES, FeatureTable, Keys, Part, batch_of
from xlit.kinds.kind import AnyKind, FeatureOptions, ReadPlace
from xlit.kinds.segments import backend_of
from xlit.tasks.rows import Row

FORMAT = 1
"""To be raised when the layout of files changes."""

ROWS_A_BATCH = 8192
"""Rows whose features are objects at one time, while they are made."""


@dataclass(frozen=True)
class FeatureCache:
    """Where features are kept: `folder/KIND.DIGEST/*.arrow`. Without a folder nothing is kept."""

    folder: Path | None = None

    def features(
        self, kind: AnyKind, rows: Sequence[Row], tokenizer: Any, options: FeatureOptions
    ) -> FeatureTable:
        """What `kind.features` gives, made only for rows whose features are not here yet.

        What cannot be read or written here is told and costs time, never the run. Raises what
        `kind.features` raises.
        """
        keys = row_keys(kind, rows)
        parts: list[Part] = []
        if self.folder is not None:
            about = described(kind, tokenizer, options)
            place = self.folder / f"{kind.name}.{digest_of(about)}"
            parts = [Part(batch) for batch in read_batches(place)]
        missing = _Entries(parts).missing(keys)
        if len(missing):
            wanted = [rows[i] for i in missing.tolist()]
            batches = _batches(kind, wanted, keys[missing], tokenizer, options)
            made = list(batches) if self.folder is None else write_batches(batches, place, about)
            parts += [Part(batch) for batch in made]
        return _Entries(parts).table(keys, kind.place_reader(tokenizer))


def described(kind: AnyKind, tokenizer: Any, options: FeatureOptions) -> dict[str, Any]:
    """All that the features of a row depend on besides the row."""
    return {
        "format": FORMAT,
        "kind": kind.name,
        "version": kind.features_version,
        "options": {name: getattr(options, name) for name in kind.options_read},
        "tokenizer": tokenizer_digest(tokenizer),
        "tokenizers": tokenizers.__version__,
        "unicode": unicodedata.unidata_version,  # which letters are marks
        "numpy": np.__version__,  # what masked LM hides in evaluation
    }


def tokenizer_digest(tokenizer: Any) -> str:
    """sha256 over everything of a tokenizer that a kind may read; its name and files do not count.

    Takes a twentieth of a second for 250,000 pieces, so that it is computed anew for every use:
    tokenizers can be changed.
    """
    sha = hashlib.sha256(backend_of(tokenizer).to_str().encode())
    values = (
        tokenizer.model_input_names,
        tokenizer.model_max_length,
        tokenizer.split_special_tokens,
        tokenizer.all_special_ids,
        *(tokenizer.mask_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id),
    )
    sha.update(json.dumps(values).encode())
    return sha.hexdigest()


def digest_of(about: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]


def row_keys(kind: AnyKind, rows: Sequence[Row]) -> Keys:
    """The digest of what the kind reads of each row."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    return np.array(
        [
            hashlib.blake2b(encode(kind.content(row)).encode(), digest_size=KEY_BYTES).digest()
            for row in rows
        ],
        dtype=f"S{KEY_BYTES}",
    )


class _Entries:
    """The rows whose features are in parts: of each its key, part, first feature and count."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        starts = [_starts(part.keys) for part in parts]
        none = np.zeros(0, dtype=np.int64)
        keys = [part.keys[first] for part, first in zip(parts, starts, strict=True)]
        every = np.concatenate([np.zeros(0, f"S{KEY_BYTES}"), *keys])
        order = np.argsort(every, kind="stable")
        self.keys = every[order]
        numbers = [np.full(len(first), number) for number, first in enumerate(starts)]
        self.part = np.concatenate([none, *numbers])[order]
        self.first = np.concatenate([none, *starts])[order]
        counts = [
            np.diff(first, append=len(part)) for part, first in zip(parts, starts, strict=True)
        ]
        self.count = np.concatenate([none, *counts])[order]

    def find(self, keys: Keys) -> Integers:
        """The entry of each row, -1 where there is none, (rows,)."""
        if not len(self.keys):
            return np.full(len(keys), -1)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, -1)

    def missing(self, keys: Keys) -> Integers:
        """The positions of rows that have no entry, of several alike the first one's."""
        lacking = np.flatnonzero(self.find(keys) < 0)
        _, first = np.unique(keys[lacking], return_index=True)
        return lacking[np.sort(first)]

    def table(self, keys: Keys, read_place: ReadPlace) -> FeatureTable:
        """The features of rows that all have an entry."""
        entry = self.find(keys)
        assert not len(entry) or entry.min() >= 0
        counts = self.count[entry]
        ends = np.cumsum(counts)
        row = np.repeat(np.arange(len(keys)), counts)
        within = np.arange(len(row)) - np.repeat(ends - counts, counts)
        at = np.repeat(self.first[entry], counts) + within
        return FeatureTable(self.parts, np.repeat(self.part[entry], counts), at, row, read_place)


def _starts(keys: Keys) -> Integers:
    """Where the features of each row begin."""
    return np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))


def _batches(
    kind: AnyKind, rows: Sequence[Row], keys: Keys, tokenizer: Any, options: FeatureOptions
) -> Iterator[Any]:
    """The record batches of rows that are not kept yet."""
    for start in range(0, len(rows), ROWS_A_BATCH):
        some = slice(start, start + ROWS_A_BATCH)
        yield batch_of(kind, keys[some], kind.features(rows[some], tokenizer, options))
