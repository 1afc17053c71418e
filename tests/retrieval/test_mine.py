"""Mining against every row of the worked example (PROTOCOL-scoring 12.4), and its rules."""

import re
from pathlib import Path

import numpy as np
import pytest

from xlit.errors import InputError
from xlit.retrieval.margin import Margin
from xlit.retrieval.mine import MinedPair, Retrieval, mine, mine_sentences, unify

from .worked_example import SOURCES, TARGETS, unit

Expected = dict[tuple[int, int], float]


def read(pairs: str) -> Expected:
    """`s0-t2 1.5, ...` as {(0, 2): 1.5, ...}."""
    return {
        (int(source[1:]), int(target[1:])): float(score)
        for source, target, score in (
            re.split("[- ]", one, maxsplit=2) for one in pairs.split(", ")
        )
    }


EXAMPLE: list[tuple[int, Margin, Retrieval, str]] = [
    (4, "ratio", "forward", "s0-t2 1.166056, s1-t0 1.135438, s2-t2 1.153297, s3-t2 1.101633"),
    (4, "ratio", "backward", "s1-t0 1.135438, s1-t1 1.095179, s0-t2 1.166056, s3-t3 1.039718"),
    (4, "ratio", "intersect", "s0-t2 1.166056, s1-t0 1.135438"),
    (4, "ratio", "max", "s0-t2 1.166056, s1-t0 1.135438, s3-t3 1.039718"),
    (4, "distance", "forward", "s0-t2 0.120145, s1-t0 0.101725, s2-t2 0.126362, s3-t2 0.089702"),
    (4, "distance", "backward", "s1-t0 0.101725, s1-t1 0.075264, s2-t2 0.126362, s3-t3 0.030015"),
    (4, "distance", "intersect", "s1-t0 0.101725, s2-t2 0.126362"),
    (4, "distance", "max", "s2-t2 0.126362, s1-t0 0.101725, s3-t3 0.030015"),
    (4, "absolute", "forward", "s0-t2 0.843662, s1-t1 0.866025, s2-t2 0.950654, s3-t2 0.972306"),
    (4, "absolute", "backward", "s1-t0 0.852803, s3-t1 0.872872, s3-t2 0.972306, s3-t3 0.785714"),
    (4, "absolute", "intersect", "s3-t2 0.972306"),
    (4, "absolute", "max", "s3-t2 0.972306, s1-t1 0.866025"),
    (2, "ratio", "forward", "s0-t2 1.027909, s1-t1 1.000487, s2-t2 1.052726, s3-t2 1.032134"),
    (2, "ratio", "backward", "s1-t0 1.008594, s1-t1 1.000487, s2-t2 1.052726, s3-t3 0.927967"),
    (2, "ratio", "intersect", "s1-t1 1.000487, s2-t2 1.052726"),
    (2, "ratio", "max", "s2-t2 1.052726, s1-t0 1.008594, s3-t3 0.927967"),
    (2, "distance", "forward", "s0-t2 0.022907, s1-t1 0.000422, s2-t2 0.047613, s3-t2 0.030271"),
    (2, "distance", "backward", "s1-t0 0.007267, s1-t1 0.000422, s2-t2 0.047613, s1-t3 -0.060361"),
    (2, "distance", "intersect", "s1-t1 0.000422, s2-t2 0.047613"),
    (2, "distance", "max", "s2-t2 0.047613, s1-t0 0.007267"),
]


@pytest.mark.parametrize(
    ("k", "margin", "retrieval", "expected"),
    EXAMPLE,
    ids=[f"k={k}-{margin}-{retrieval}" for k, margin, retrieval, _ in EXAMPLE],
)
def test_the_worked_example_is_reproduced(
    k: int, margin: Margin, retrieval: Retrieval, expected: str
) -> None:
    pairs = mine(SOURCES, TARGETS, k=k, margin=margin, retrieval=retrieval)
    scores = {(p.source, p.target): p.score for p in pairs}
    assert scores == pytest.approx(read(expected), abs=1.5e-6)
    assert [p.score for p in pairs] == sorted((p.score for p in pairs), reverse=True)


@pytest.mark.parametrize(
    ("retrieval", "expected"),
    [
        ("forward", {(0, 3): 0.930650, (1, 0): 1.212128, (2, 3): 1.077682, (3, 3): 1.161705}),
        ("backward", {(1, 0): 0.957484, (0, 1): 1.027859, (0, 2): 1.301907, (0, 3): 0.970383}),
        ("max", {(0, 2): 1.301907, (1, 0): 1.212128, (3, 3): 1.161705}),
    ],
)
def test_shifted_vectors_give_the_shifted_example(retrieval: Retrieval, expected: Expected) -> None:
    pairs = mine(SOURCES, TARGETS, k=4, retrieval=retrieval, shift=True)
    assert {(p.source, p.target): p.score for p in pairs} == pytest.approx(expected, abs=1.5e-6)


def test_max_agrees_with_a_plain_loop_on_random_vectors() -> None:
    numbers = np.random.default_rng(0)
    sources = unit(numbers.normal(size=(40, 12)).astype(np.float32))
    targets = unit(numbers.normal(size=(55, 12)).astype(np.float32))
    cosines = sources.astype(np.float64) @ targets.astype(np.float64).T
    forward = np.sort(cosines, axis=1)[:, -4:].mean(axis=1)
    backward = np.sort(cosines, axis=0)[-4:].mean(axis=0)
    proposals = set()
    for i in range(40):
        near = np.argsort(-cosines[i])[:4]
        best = max(near, key=lambda j: cosines[i, j] / ((forward[i] + backward[j]) / 2))
        proposals.add((i, int(best)))
    for j in range(55):
        near = np.argsort(-cosines[:, j])[:4]
        best = max(near, key=lambda i: cosines[i, j] / ((forward[i] + backward[j]) / 2))
        proposals.add((int(best), j))
    score = {(i, j): cosines[i, j] / ((forward[i] + backward[j]) / 2) for i, j in proposals}
    expected, used = [], set()
    for i, j in sorted(proposals, key=lambda pair: -score[pair]):
        if ("s", i) not in used and ("t", j) not in used:
            used |= {("s", i), ("t", j)}
            expected.append((i, j))
    assert [(p.source, p.target) for p in mine(sources, targets)] == expected


@pytest.mark.parametrize("retrieval", ["forward", "backward", "intersect", "max"])
def test_a_threshold_cuts_every_retrieval(retrieval: Retrieval) -> None:
    every = mine(SOURCES, TARGETS, retrieval=retrieval)
    cut = mine(SOURCES, TARGETS, retrieval=retrieval, threshold=every[0].score - 1e-9)
    assert list(cut) == [every[0]]
    assert not len(mine(SOURCES, TARGETS, retrieval=retrieval, threshold=every[0].score))


def test_max_leaves_out_scores_that_are_not_positive_unless_told_otherwise() -> None:
    opposite = -SOURCES[:1]
    assert not len(mine(SOURCES[:1], opposite, margin="absolute"))
    [pair] = mine(SOURCES[:1], opposite, margin="absolute", threshold=-2.0)
    assert pair.score == pytest.approx(-1.0)


def test_equal_scores_stand_in_the_order_of_their_sentences() -> None:
    corners = np.eye(3, dtype=np.float32)
    pairs = mine(corners, corners[::-1].copy(), k=2)
    assert [(p.source, p.target) for p in pairs] == [(0, 2), (1, 1), (2, 0)]


def test_an_empty_side_gives_no_pairs() -> None:
    assert not len(mine(SOURCES[:0], TARGETS))
    assert not len(mine(SOURCES, TARGETS[:0]))


def test_unify_numbers_by_the_first_and_takes_the_last() -> None:
    unified = unify(["b", "a", "b", "c", "a"])
    assert unified.first.tolist() == [0, 1, 3]
    assert unified.last.tolist() == [2, 4, 3]


def test_the_last_line_unifies_too() -> None:
    # XTREME compares lines with their line ends, so a last line without one never unifies there.
    assert unify(["x", "y", "x"]).first.tolist() == [0, 1]


def test_repeated_sentences_count_once_with_the_vector_of_the_last() -> None:
    texts = ["s3", "s0", "s1", "s2", "s3"]
    vectors = np.concatenate([TARGETS[:1], SOURCES])  # the first vector of s3 is a wrong one
    pairs = mine_sentences(texts, ["t0", "t1", "t2", "t3"], vectors, TARGETS)
    assert [(texts[p.source], p.target) for p in pairs] == [("s0", 2), ("s1", 0), ("s3", 3)]
    assert pairs[2].source == 0
    assert isinstance(pairs[0], MinedPair)


def test_sentences_need_one_vector_each() -> None:
    with pytest.raises(InputError, match="3 target sentences have 4 vectors"):
        mine_sentences(["a", "b", "c", "d"], ["x", "y", "z"], SOURCES, TARGETS)


def test_blank_sentences_can_be_left_out() -> None:
    unified = unify(["", "b", " \t", "b", ""], blank=False)
    assert (unified.first.tolist(), unified.last.tolist(), unified.blank) == ([1], [3], 3)
    assert unify(["", "b", ""]).first.tolist() == [0, 1]
    for nothing in ([], [""]):
        unified = unify(nothing, blank=False)
        assert (len(unified.first), len(unified.last)) == (0, 0)


def test_rows_that_lie_elsewhere_are_mined_as_those_in_memory(tmp_path: Path) -> None:
    numbers = np.random.default_rng(6)
    texts = [f"s{i}" for i in range(30)] * 2
    vectors = unit(numbers.normal(size=(60, 8)).astype(np.float32)).astype(np.float16)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    targets = [f"t{i}" for i in range(60)]
    found = mine_sentences(texts, targets, mapped, vectors)
    wide = vectors.astype(np.float32)
    assert list(found) == list(mine_sentences(texts, targets, wide, wide))
    assert set(found.sources.tolist()) <= set(range(30))
