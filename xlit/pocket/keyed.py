"""Choices made by hashing a string, so that the world is the same for every Python and machine."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def draw(key: str, size: int) -> int:
    """A number from 0 to `size` - 1 that depends on `key` alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % size


def another(key: str, size: int, taken: int) -> int:
    """A number from 0 to `size` - 1 that is not `taken`."""
    return (taken + 1 + draw(key, size - 1)) % size


def pick(key: str, items: Sequence[Item]) -> Item:
    """One of `items`."""
    return items[draw(key, len(items))]


def shuffled(key: str, items: Sequence[Item]) -> list[Item]:
    """All of `items` in an order that depends on `key` and their number, not on what they are."""
    ranks = [hashlib.sha256(f"{key} {place}".encode()).digest() for place in range(len(items))]
    return [items[place] for place in sorted(range(len(items)), key=ranks.__getitem__)]
