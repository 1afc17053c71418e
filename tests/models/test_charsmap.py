import struct
import unicodedata

import pytest
from tokenizers.normalizers import Precompiled

from xlit.models.charsmap import decomposed_letters, double_array, write_charsmap

MAP = {
    "Ａ": "A",
    "ﬁ": "fi",
    "\u200b": " ",
    "\x01": "",
    "①": "1",
    "½": "1⁄2",
    "が": "が",
    "\U0001d400": "A",
}


def look_up(trie: bytes, key: bytes) -> int | None:
    """A reader after darts-clone's exactMatchSearch, written apart from the writer."""
    units = struct.unpack(f"<{len(trie) // 4}I", trie)
    at = 0
    for byte in key:
        at ^= (units[at] >> 10) << ((units[at] & (1 << 9)) >> 6)
        at ^= byte
        if units[at] & ((1 << 31) | 0xFF) != byte:
            return None
    if not units[at] >> 8 & 1:
        return None
    at ^= (units[at] >> 10) << ((units[at] & (1 << 9)) >> 6)
    return units[at] & 0x7FFFFFFF


def test_every_key_is_found_with_its_value() -> None:
    keys = [f"{a}{b}" for a in "aäяक字\U0001f600" for b in ["", *"aébз漢"]]
    values = {key.encode(): i for i, key in enumerate(keys)}
    trie = double_array(values)
    assert {key: look_up(trie, key) for key in values} == values


def test_what_is_no_key_is_not_found() -> None:
    keys = [chr(c).encode() for c in range(0x100, 0x1000, 7)]
    trie = double_array(dict.fromkeys(keys, 1))
    others = [chr(c).encode() for c in range(0x100, 0x1000) if chr(c).encode() not in keys]
    assert [other for other in others if look_up(trie, other) is not None] == []


def test_the_library_reads_what_is_written() -> None:
    normalizer = Precompiled(write_charsmap(MAP))
    for key, text in MAP.items():
        assert normalizer.normalize_str(f"x{key}y") == f"x{text}y"


def test_what_is_not_mapped_stays() -> None:
    text = "Grüße, мир! 你好 \U0001f600"
    assert Precompiled(write_charsmap(MAP)).normalize_str(text) == text


@pytest.mark.parametrize("key", ["", "a\0b"], ids=["empty", "NUL"])
def test_a_key_that_a_trie_cannot_hold_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="cannot be a key"):
        write_charsmap({key: "x"})


def test_decomposed_letters_take_the_value_of_the_composed_one() -> None:
    pairs = decomposed_letters({"ſ": "s", "é": "E"})
    assert pairs["e\u0301"] == "E"
    assert pairs["o\u0308"] == "ö"
    assert all(unicodedata.normalize("NFC", pair) not in ("", pair) for pair in pairs)


def test_decomposed_letters_leave_out_what_is_never_looked_up() -> None:
    pairs = decomposed_letters({"a": "b"})
    assert "a\u0301" not in pairs  # its base is mapped itself
    assert "か\u3099" not in pairs  # six bytes
    assert max(len(pair.encode()) for pair in pairs) == 5
