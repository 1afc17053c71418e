"""Nested subsets and carved splits, from the rows' content alone.

The same rows on every machine, whatever the order of the file or the version of a library: a row's
place follows from a keyed hash of its normalised content (DESIGN 6).
"""

import hashlib
import json
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlit.errors import UsageError
from xlit.tasks.rows import ChoiceRow, Row, TextRow

if TYPE_CHECKING:
    from xlit.tasks.card import Card


def subset_order(rows: Sequence[Row], card: "Card", seed: int) -> list[int]:
    """The indices of all rows in the order in which subsets take them.

    Strata are the labels where rows have one. Without a `group` in the card every row is a unit of
    its own; with one, the rows of a group stand together and there is a single stratum.
    """
    return [index for unit in _ordered_units(rows, card, seed) for index in unit]


def subset(rows: Sequence[Row], card: "Card", size: int, seed: int) -> list[int]:
    """The indices of a subset, in the order of ranks: the first `size` rows of the order.

    Where the card has a `group`, whole groups are taken while they fit: at most `size` rows. The
    subset of a smaller size is always the beginning of that of a larger. All rows where there are
    no more than `size`. Raises UsageError for a size that holds nothing.
    """
    chosen: list[int] = []
    for unit in _ordered_units(rows, card, seed):
        if len(chosen) + len(unit) > size:
            # stopping at the first group that is too large, not skipping it, keeps subsets nested
            break
        chosen += unit
    if not chosen:
        what = f"row and {card.group}" if card.group else "row"
        raise UsageError(f"a subset of size {size} of {card.name} holds no whole {what}")
    return chosen


def carve(
    rows: Sequence[Row], card: "Card", shares: Sequence[tuple[str, float]]
) -> dict[str, list[Row]]:
    """The rows of each carved split, and under "" the rows that are left, all in their order.

    `shares` are the splits and their shares of the units (rows, or groups). The place of a unit
    between 0 and 1 follows from its content, so that a row is never in two of them.
    """
    parts: dict[str, list[Row]] = {"": [], **{split: [] for split, _ in shares}}
    for row in rows:
        content = _group_content(row, card.group) if card.group else _content(row)
        place = int.from_bytes(_keyed("carve", content)[:8]) / 2**64
        for split, share in shares:
            if place < share:
                parts[split].append(row)
                break
            place -= share
        else:
            parts[""].append(row)
    return parts


def _ordered_units(rows: Sequence[Row], card: "Card", seed: int) -> list[list[int]]:
    if card.kind == "bitext":
        raise UsageError(f"{card.name} is evaluated only: a bitext task has no subsets")
    # stratum -> (hash, indices) of each unit
    strata: dict[str | int | None, list[tuple[bytes, list[int]]]] = defaultdict(list)
    key = str(seed)
    if card.group is None:
        for index, row in enumerate(rows):
            label = row.label if isinstance(row, TextRow | ChoiceRow) else None
            strata[label].append((_keyed(key, _content(row)), [index]))
    else:
        groups: dict[str, list[tuple[bytes, int]]] = defaultdict(list)
        for index, row in enumerate(rows):
            content = _group_content(row, card.group)
            groups[content].append((_keyed(key, _content(row)), index))
        for content, members in groups.items():
            strata[None].append((_keyed(key, content), [index for _, index in sorted(members)]))
    ranked: list[tuple[float, bytes, list[int]]] = []
    for units in strata.values():
        units.sort()
        # (i + 1/2) / N as one correctly rounded division: equal ranks are equal on every machine
        ranked += [
            ((2 * i + 1) / (2 * len(units)), hashed, unit) for i, (hashed, unit) in enumerate(units)
        ]
    ranked.sort()
    return [unit for _, _, unit in ranked]


def _keyed(key: str, content: str) -> bytes:
    return hashlib.sha256(f"{key}\n{content}".encode()).digest()


def _content(row: Row) -> str:
    """All of a row but its id, which may be no more than a line number."""
    values = [getattr(row, name) for name in row.__slots__ if name != "id"]
    return json.dumps(_normalised(values), ensure_ascii=False)


def _group_content(row: Row, group: str) -> str:
    return json.dumps(_normalised(getattr(row, group)), ensure_ascii=False)


def _normalised(value: object) -> object:
    """Text in NFC with single blanks; the rest as it is."""
    if isinstance(value, str):
        return " ".join(unicodedata.normalize("NFC", value).split())
    if isinstance(value, list | tuple):
        return [_normalised(one) for one in value]
    return value
