"""xsim's errors, against a plain loop over LASER's rules and cases worked out by hand."""

from typing import Literal

import numpy as np
import pytest

from xlit.retrieval.bitext import bitext_of
from xlit.retrieval.search import Vectors, search_both
from xlit.retrieval.tatoeba import tatoeba
from xlit.retrieval.xsim import XsimErrors, aligned, xsim
from xlit.tasks.rows import BitextRow, Row

from .worked_example import SOURCES, TARGETS, unit


def rows_of(texts: list[str], gold: list[tuple[int, int]], sources: int | None = None) -> list[Row]:
    return [
        *(BitextRow(f"s{i}", "source", f"satz {i}") for i in range(sources or len(texts))),
        *(BitextRow(f"t{i}", "target", text) for i, text in enumerate(texts)),
        *(BitextRow(f"s{s}", "gold", f"t{t}") for s, t in gold),
    ]


def plain(
    sources: Vectors, targets: Vectors, right: list[int], texts: list[str], k: int, margin: str
) -> XsimErrors:
    """One sentence after the other, one neighbour after the other."""
    cosines = sources.astype(np.float64) @ targets.astype(np.float64).T
    near = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    own = [cosines[i, near[i]].mean() for i in range(len(sources))]
    other = [np.sort(cosines[:, j])[::-1][:k].mean() for j in range(len(targets))]
    by_index = by_text = 0
    for i, wanted in enumerate(right):
        best, chosen = -np.inf, -1
        for j in near[i]:
            a, b = cosines[i, j], (own[i] + other[j]) / 2
            score = {"ratio": a / b, "distance": a - b, "absolute": a}[margin]
            if score > best:
                best, chosen = score, j
        by_index += chosen != wanted
        by_text += texts[chosen] != texts[wanted]
    return XsimErrors(by_index, by_text, len(right))


@pytest.mark.parametrize("margin", ["ratio", "distance", "absolute"])
@pytest.mark.parametrize("k", [1, 4, 60])
def test_the_errors_are_those_of_a_plain_loop(
    margin: Literal["ratio", "distance", "absolute"], k: int
) -> None:
    random = np.random.default_rng(k)
    right = random.permutation(40)
    common = np.full(8, 2.0)  # so that no neighbourhood mean is near zero
    sources = unit((random.normal(size=(40, 8)) + common).astype(np.float32))
    targets = np.empty_like(sources)
    targets[right] = unit(sources + 0.2 * random.normal(size=(40, 8)).astype(np.float32))
    texts = [f"sentence {i // 3}" for i in range(40)]  # three of every text
    bitext = bitext_of(rows_of(texts, list(enumerate(right.tolist()))))
    places = aligned(bitext)
    assert places is not None
    assert places.tolist() == right.tolist()
    found = xsim(bitext, places, *search_both(sources, targets, k), margin)
    assert found == plain(sources, targets, right.tolist(), texts, k, margin)
    assert 0 < found.by_text < found.by_index < 40


def test_the_worked_example_misses_three_of_four_and_a_repeated_text_is_no_error() -> None:
    # PROTOCOL-scoring 12.4, ratio, k = 4: s0-t2, s1-t0, s2-t2, s3-t2
    gold = [(i, i) for i in range(4)]
    other = tatoeba(rows_of(["a", "b", "c", "d"], gold), SOURCES, TARGETS)
    assert (other.metrics["xsim_error"], other.metrics["xsim_text_error"]) == (75.0, 75.0)
    same = tatoeba(rows_of(["c", "b", "c", "d"], gold), SOURCES, TARGETS)
    assert (same.metrics["xsim_error"], same.metrics["xsim_text_error"]) == (75.0, 50.0)
    error = 100 * (0.5 * 0.5 / 4) ** 0.5
    assert same.standard_errors["xsim_text_error"] == pytest.approx(error)


def test_margin_and_k_are_those_asked_for() -> None:
    # the same, distance, k = 2: s0-t2, s1-t1, s2-t2, s3-t2
    rows = rows_of(["a", "b", "c", "d"], [(0, 2), (1, 1), (2, 0), (3, 3)])
    found = tatoeba(rows, SOURCES, TARGETS, k=2, margin="distance")
    assert found.metrics["xsim_error"] == 50.0
    assert tatoeba(rows, SOURCES, TARGETS).metrics["xsim_error"] == 75.0


@pytest.mark.parametrize(
    ("gold", "sources"),
    [
        ([(0, 0), (1, 1)], 3),
        ([(0, 0), (1, 1), (2, 2), (0, 1)], 3),
        ([(0, 0), (1, 1), (2, 0)], 3),
        ([(0, 0), (1, 1), (2, 2)], 4),
    ],
    ids=["one without a pair", "one in two pairs", "a target twice", "a source too many"],
)
def test_sides_that_are_not_aligned_have_no_xsim(gold: list[tuple[int, int]], sources: int) -> None:
    rows = rows_of(["a", "b", "c"], gold, sources)
    assert aligned(bitext_of(rows)) is None
    vectors = unit(np.eye(4, dtype=np.float32) + 0.1)
    found = tatoeba(rows, vectors[:sources], vectors[:3])
    assert found.metrics.keys() == {"english_to_foreign", "foreign_to_english"}
