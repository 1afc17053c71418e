"""Centring: the mean of a side taken off each of its vectors, the cheap control of retrieval.

The vectors of an encoder that was trained on masked tokens alone share a large component, which
differs between languages. Taking each side's mean away costs nothing and needs no translation and
no label, so a gain in retrieval that training brings should be larger than what this brings.

The mean is that of the side's own sentences, in its language, repeated ones as often as they
occur, and it is taken before vectors are brought to length 1. This is not the shift of XTREME's
`use_shift_embeds` (`retrieval.mine`, `shift`), which moves the queries alone, after that, by the
difference of the two sides' means.
"""

import numpy as np
import torch

from xlit.retrieval.encode import NORM_EPSILON
from xlit.retrieval.search import Vectors


def unit(vectors: Vectors) -> Vectors:
    """Vectors (texts, hidden) of length 1, as `encode` gives them; zero stays as it is."""
    rows = torch.from_numpy(vectors)
    scaled: Vectors = torch.nn.functional.normalize(rows, dim=1, eps=NORM_EPSILON).numpy()
    return scaled


def centred(vectors: Vectors) -> Vectors:
    """Vectors (texts, hidden) less their mean; equal ones become exactly zero."""
    if not len(vectors):
        return vectors
    mean = vectors.mean(axis=0, dtype=np.float64)  # exact for equal vectors
    return (vectors - mean).astype(np.float32)
