"""Write a normalisation map in the binary form that `tokenizers.normalizers.Precompiled` reads.

The form is SentencePiece's (`DecodePrecompiledCharsMap` in its `normalizer.cc`): the bytes of the
trie as u32, the trie, then the replacements as UTF-8, each ended by NUL. The trie is a double array
of u32 units as in darts-clone's `darts.h`: bits 0-7 the label, bit 8 that a key ends here, bits
10-30 the offset. A child is at (own index XOR offset XOR label); the end of a key is the child with
label 0, which holds bit 31 and the value.
"""

import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

HAS_LEAF = 1 << 8
IS_LEAF = 1 << 31
OFFSET_SHIFT = 10
OFFSET_LIMIT = 1 << 21  # larger offsets need the extension bit, which this writer never sets
BLOCK = 256  # a reader adds any byte to a base by XOR, so bases are good for whole blocks


@dataclass(slots=True)
class Node:
    """A trie node: where its children go (`base`), and the value of a key that ends here."""

    children: dict[int, "Node"] = field(default_factory=dict)
    value: int | None = None
    base: int = 0

    def labels(self) -> list[int]:
        """The bytes that lead on, with 0 for the end of a key."""
        return sorted(self.children) if self.value is None else [0, *sorted(self.children)]


def write_charsmap(replacements: Mapping[str, str]) -> bytes:
    """The binary map of these replacements; an empty replacement deletes.

    Raises ValueError for a key that is empty or holds NUL, which ends a key in the trie.
    """
    texts = bytearray()
    offsets: dict[str, int] = {}
    values: dict[bytes, int] = {}
    for key, text in replacements.items():
        if not key or "\0" in key:
            raise ValueError(f"{key!r} cannot be a key of a double array")
        if text not in offsets:
            offsets[text] = len(texts)
            texts += text.encode() + b"\0"
        values[key.encode()] = offsets[text]
    trie = double_array(values)
    return struct.pack("<I", len(trie)) + trie + bytes(texts)


def double_array(values: Mapping[bytes, int]) -> bytes:
    """A darts-clone double array as little-endian u32 units, from keys to values under 2**31."""
    root = Node()
    for key, value in values.items():
        node = root
        for byte in key:
            node = node.children.setdefault(byte, Node())
        node.value = value
    nodes = [root]
    for node in nodes:  # grows while it is walked: breadth first
        nodes.extend(node.children.values())
    size = _place(nodes)

    units = np.zeros(size, dtype="<u4")
    at = {id(root): 0}
    for node in nodes:
        index = at[id(node)]
        offset = index ^ node.base
        if offset >= OFFSET_LIMIT:
            raise ValueError(f"{len(values)} keys do not fit a double array without extension")
        units[index] |= offset << OFFSET_SHIFT
        if node.value is not None:
            units[index] |= HAS_LEAF
            units[node.base] = IS_LEAF | node.value
        for label, child in node.children.items():
            at[id(child)] = node.base ^ label
            units[node.base ^ label] = label
    return units.tobytes()


def _place(nodes: list[Node]) -> int:
    """Give each node a base of its own whose children's places are free; returns the size.

    Two nodes with one base would read each other's children: a unit only knows its label.
    """
    taken = bytearray(b"\1") + bytearray(BLOCK - 1)  # the root is at 0
    bases: set[int] = set()
    for node in sorted(nodes, key=lambda node: -len(node.children)):  # wide nodes first: they fit
        first, *rest = node.labels()
        place = -1
        while True:
            place = taken.find(0, place + 1)
            if place < 0:
                place = len(taken)
                taken += bytearray(BLOCK)
            base = place ^ first
            if base not in bases and not any(taken[base ^ label] for label in rest):
                break
        node.base = base
        bases.add(base)
        for label in (first, *rest):
            taken[base ^ label] = 1
    return len(taken)


def decomposed_letters(replacements: Mapping[str, str]) -> dict[str, str]:
    """Replacements for letters written as base and accent, which a map of single characters lacks.

    These are the pairs NFD(c) of at most five UTF-8 bytes that compose to c again and whose base
    has no replacement itself; the value is that of c. SentencePiece's nmt_nfkc has them, and
    longer ones are never looked up: `Precompiled` works on graphemes under six bytes.
    """
    pairs: dict[str, str] = {}
    for code in range(0xC0, 0xAC00):  # what lies above decomposes into six bytes and more
        letter = chr(code)
        pair = unicodedata.normalize("NFD", letter)
        if (
            len(pair) == 2
            and len(pair.encode()) < 6
            and pair[0] not in replacements
            and unicodedata.normalize("NFC", pair) == letter
        ):
            pairs[pair] = replacements.get(letter, letter)
    return pairs
