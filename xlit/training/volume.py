"""How many pieces a step is made of, and how many of those that are computed are padding."""

from collections.abc import Sequence
from dataclasses import dataclass

from xlit.kinds.kind import Feature


@dataclass(frozen=True, slots=True)
class Volume:
    """The pieces of some rows: `tokens` without any padding, `computed` that went through the
    encoder, and `padded` that one ordinary batch of all of them would be."""

    examples: int = 0
    tokens: int = 0
    computed: int = 0
    padded: int = 0

    def __add__(self, other: "Volume") -> "Volume":
        return Volume(
            self.examples + other.examples,
            self.tokens + other.tokens,
            self.computed + other.computed,
            self.padded + other.padded,
        )

    @property
    def padding(self) -> float:
        """The share of what is computed that is padding, from 0 to 1."""
        return 1 - self.tokens / self.computed if self.computed else 0.0


def volume_of(features: Sequence[Feature], computed: int) -> Volume:
    """The volume of one step's features, of which so many pieces were computed.

    An example is a row, of however many features. An ordinary batch is as wide as its longest
    sequence and as deep, where a feature has several sequences, as its deepest feature.
    """
    deepest = max(len(feature.sequences) for feature in features)
    return Volume(
        examples=len({feature.row for feature in features}),
        tokens=sum(len(sequence) for feature in features for sequence in feature.sequences),
        computed=computed,
        padded=len(features) * deepest * max(feature.length for feature in features),
    )
