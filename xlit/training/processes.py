"""The processes that make one checkpoint: one alone, or those that torchrun starts.

Every process draws the same batches and takes its share of each; gradients are summed, so that all
take the same optimiser step. Nothing here loads torch, which a stage that waits in a pipe has no
use for yet.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from xlit import torchrun

if TYPE_CHECKING:
    from torch import nn


class Processes:
    """One process alone, with the methods that several have."""

    rank: int = 0
    size: int = 1

    def gather(self, data: bytes) -> list[bytes]:
        """What each process gives, in the order of ranks, on all of them."""
        return [data]

    def largest(self, number: int) -> int:
        """The largest of what they give, on all of them."""
        return number

    def wait(self) -> None:
        """Go on when all have come here."""
        self.largest(0)

    def sum_gradients(
        self, parameters: "Sequence[nn.Parameter]", *numbers: float
    ) -> Sequence[float]:
        """Sum the gradients in place, and some numbers; parameters without a gradient anywhere stay
        without."""
        return numbers

    @contextmanager
    def together(self) -> Iterator[None]:
        """What goes wrong in the block for one goes wrong for all."""
        yield

    @property
    def first(self) -> bool:
        """Whether this is the process that claims, prints and saves."""
        return self.rank == 0

    def of_first(self, data: bytes = b"") -> bytes:
        """What the first process gives, on all of them."""
        return self.gather(data if self.first else b"")[0]

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """The first process goes through the block alone, then the others: they find what it
        made."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def merge(self, arrays: Mapping[int, NDArray[Any]]) -> dict[int, NDArray[Any]]:
        """The numbered arrays of all processes; no number is given by two of them."""
        if self.size == 1:
            return dict(arrays)
        own = {str(key): np.ascontiguousarray(array) for key, array in arrays.items()}
        parts = self.gather(safetensors.numpy.save(own))
        return {int(k): x for part in parts for k, x in safetensors.numpy.load(part).items()}


@contextmanager
def started() -> Iterator[Processes]:
    """The processes of this run, for as long as the block runs: several under torchrun."""
    place = torchrun.place()
    if place.size == 1:
        yield Processes()
        return
    from xlit.training.several import connected

    with connected(place) as processes:
        yield processes
