"""A text dealt to several workers: part i of n, as `--shard i/n` says it."""

from dataclasses import dataclass

from xlit.errors import UsageError


@dataclass(frozen=True, order=True)
class Part:
    """Worker `number`, from 1, of `of` that encode a text."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def rows(self, total: int) -> range:
        """The rows of a text that are this worker's: within one of an even share."""
        return range((self.number - 1) * total // self.of, self.number * total // self.of)


def part_from(text: str) -> Part:
    """The part that `i/n` names. Raises UsageError for anything else."""
    number, slash, of = text.partition("/")
    if slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of):
        return Part(int(number), int(of))
    raise UsageError(f"--shard {text}: not a part such as 1/8, of 1 to 8")
