"""xsim: the share of sentences whose translation a margin search does not find, lower is better.

The rules are those of LASER (facebookresearch/LASER, source/xsim.py and tasks/xsim/README.md): the
two sides are aligned line by line; each source sentence takes, of its k nearest targets, the one
with the best margin, ratio with k = 4 where nothing else is asked for; the error by index counts
those that are not the aligned one, the error by text those whose text is another, so that a
repeated sentence does no harm; LASER's eval.py takes the one by text unless told otherwise. Queries
are the source side alone, as there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlit.retrieval.bitext import Bitext
from xlit.retrieval.cut import cut
from xlit.retrieval.margin import Margin
from xlit.retrieval.search import Neighbours


@dataclass(frozen=True)
class XsimErrors:
    """How many of the `sentences` of the source side took a wrong target."""

    by_index: int
    by_text: int
    sentences: int


def aligned(bitext: Bitext) -> NDArray[np.int64] | None:
    """The place of each source sentence's target, (sources,), where the sides are aligned: every
    sentence of both is in exactly one gold pair. None of other bitexts, which have no xsim."""
    place_of = {target: place for place, target in enumerate(bitext.target_ids)}
    target_of = dict(bitext.gold)
    sizes = {len(bitext.source_ids), len(place_of), len(bitext.gold), len(target_of)}
    if (
        len(sizes) > 1
        or set(target_of) != set(bitext.source_ids)
        or set(target_of.values()) != set(place_of)
    ):
        return None
    return np.array([place_of[target_of[source]] for source in bitext.source_ids], np.int64)


def xsim(
    bitext: Bitext,
    right: NDArray[np.int64],
    forward: Neighbours,
    backward: Neighbours,
    margin: Margin = "ratio",
) -> XsimErrors:
    """The errors of aligned sides, whose targets are `right`, from the neighbours of both sides.

    Of equally good targets the nearer is taken, of equally near ones the earlier.
    """
    pairs = cut(forward, backward, margin=margin, retrieval="forward")
    found = np.full(len(right), -1, np.int64)  # -1: an inexact search found no neighbour
    found[pairs.sources] = pairs.targets
    wrong = np.flatnonzero(found != right)
    texts = bitext.target_texts
    by_text = sum(
        place < 0 or texts[place] != texts[wanted]
        for place, wanted in zip(found[wrong].tolist(), right[wrong].tolist(), strict=True)
    )
    return XsimErrors(by_index=len(wrong), by_text=by_text, sentences=len(right))
