"""The four source and four target vectors of XTREME's worked example, in three dimensions."""

import numpy as np
from numpy.typing import NDArray

RAW_SOURCES = np.array([[0, 1, 3], [1, 0, 1], [1, 1, 3], [2, 1, 3]], np.float32)
RAW_TARGETS = np.array([[3, 1, 1], [2, 1, 1], [2, 2, 3], [3, 2, 1]], np.float32)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, np.float32)


SOURCES, TARGETS = unit(RAW_SOURCES), unit(RAW_TARGETS)
