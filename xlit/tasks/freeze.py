"""What of an encoder a recipe does not train, as text: `none`, `embeddings`, `embeddings,0-5`."""

import re
from dataclasses import dataclass

from xlit.errors import UsageError

NONE = "none"
EMBEDDINGS = "embeddings"
LAYERS = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?")


@dataclass(frozen=True, slots=True)
class Freeze:
    """Whether the word embeddings are frozen, and the frozen layers, ascending, counted from 0."""

    embeddings: bool = False
    layers: tuple[int, ...] = ()

    def __str__(self) -> str:
        """The shortest text: layers that follow each other as a range."""
        parts = [EMBEDDINGS] if self.embeddings else []
        begins = [layer for layer in self.layers if layer - 1 not in self.layers]
        ends = [layer for layer in self.layers if layer + 1 not in self.layers]
        parts += [str(a) if a == b else f"{a}-{b}" for a, b in zip(begins, ends, strict=True)]
        return ",".join(parts) or NONE

    def check(self, layers: int) -> None:
        """Raises UsageError where an encoder of so many layers has not all that are named."""
        if self.layers and self.layers[-1] >= layers:
            raise UsageError(f"--freeze {self}: the encoder has the layers 0 to {layers - 1}")


def parse_freeze(text: str) -> Freeze:
    """What a text names. Raises ValueError where it is none."""
    parts = [part.strip() for part in text.split(",")]
    if parts == [NONE]:
        return Freeze()
    layers: set[int] = set()
    for part in parts:
        if part == EMBEDDINGS:
            continue
        match = LAYERS.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is neither {NONE} nor {EMBEDDINGS} nor layers (0-5,8)")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise ValueError(f"{part}: the lower layer comes first")
        layers.update(range(first, last + 1))
    return Freeze(EMBEDDINGS in parts, tuple(sorted(layers)))


def canonical_freeze(text: str) -> str:
    """The one text for what `text` names. Raises ValueError where that is nothing."""
    return str(parse_freeze(text))
