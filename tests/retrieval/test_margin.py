"""The cosine, ratio and distance tables of the worked example (PROTOCOL-scoring 12.4)."""

import numpy as np
import pytest

from xlit.retrieval.margin import Margin, margin_scores, neighbourhood_means
from xlit.retrieval.search import search

from .worked_example import SOURCES, TARGETS

COSINES = [
    [0.381385, 0.516398, 0.843662, 0.422577],
    [0.852803, 0.866025, 0.857493, 0.755929],
    [0.636364, 0.738549, 0.950654, 0.644658],
    [0.805823, 0.872872, 0.972306, 0.785714],
]
RATIOS = [
    [0.630337, 0.800948, 1.166056, 0.708294],
    [1.135438, 1.095179, 0.986139, 1.017893],
    [0.901588, 0.990665, 1.153297, 0.924390],
    [1.054554, 1.085905, 1.101633, 1.039718],
]
DISTANCES = [
    [-0.223664, -0.128335, 0.120145, -0.174035],
    [0.101725, 0.075264, -0.012053, 0.013288],
    [-0.069461, -0.006960, 0.126362, -0.052730],
    [0.041687, 0.069052, 0.089702, 0.030015],
]


@pytest.mark.parametrize(
    ("k", "forward", "backward"),
    [
        (4, [0.541005, 0.833062, 0.742556, 0.859179], [0.669094, 0.748461, 0.906029, 0.652220]),
        (2, [0.680030, 0.861759, 0.844602, 0.922589], [0.829313, 0.869448, 0.961480, 0.770822]),
    ],
    ids=["k=4", "k=2"],
)
def test_neighbourhood_means_are_those_of_the_example(
    k: int, forward: list[float], backward: list[float]
) -> None:
    assert neighbourhood_means(search(SOURCES, TARGETS, k).scores) == pytest.approx(
        forward, abs=1e-6
    )
    assert neighbourhood_means(search(TARGETS, SOURCES, k).scores) == pytest.approx(
        backward, abs=1e-6
    )


@pytest.mark.parametrize(
    ("margin", "table"),
    [("ratio", RATIOS), ("distance", DISTANCES), ("absolute", COSINES)],
)
def test_margins_are_those_of_the_example(margin: Margin, table: list[list[float]]) -> None:
    forward = neighbourhood_means(search(SOURCES, TARGETS, 4).scores)
    backward = neighbourhood_means(search(TARGETS, SOURCES, 4).scores)
    scores = margin_scores(SOURCES @ TARGETS.T, forward[:, None], backward[None], margin)
    assert np.allclose(scores, table, atol=1.5e-6)


def test_a_ratio_without_a_divisor_scores_zero() -> None:
    products = np.array([0.5, 0.5], np.float32)
    means = np.array([1.0, -1.0])
    assert margin_scores(products, means, np.array([1.0, 1.0]), "ratio").tolist() == [0.5, 0.0]
