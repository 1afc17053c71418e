"""Two sides rounded for screening, and a proof of how far a screened product can be off.

Screening multiplies numbers of few bits, which is fast, and rounds the result to few bits, which
halves what is written. This module bounds the error of what comes out, so that `screening` can tell
which pairs may be among the k best; those are scored again (`rescoring`), and the result is that of
scoring all pairs.

Notation: x a row of one side, y of the other, a and b any fixed vectors (here the sides' means),
bx = x - a rounded to the screening type, dx = x - a - bx what the rounding lost; by, dy likewise.

1. Centring. Exactly,
       x.y - a.b = (x-a).(y-b) + r + q,  r = (x-a).b,  q = a.(y-b),
       (x-a).(y-b) = bx.by + bx.dy + dx.(y-b).
   r and q are put beside bx and by as two numbers of the screening type each (the value rounded,
   and what that lost, rounded), with ones on the other side, so that one product gives
       T = bx.by + r' + q'.
   Sentence vectors share a large mean: what is left is near zero, where numbers of few bits are
   dense. a.b moves all pairs alike and is left away.

2. The error of T. By Cauchy-Schwarz, for one x and every y,
       |T - (x.y - a.b)| <= |bx| max|dy| + |dx| max|y-b| + |r-r'| + max|q-q'|.
   These lengths are measured, not estimated. They are computed in float32 and raised by what that
   can be off: a sum of n squares by a factor 1 + (n+2) 2^-24, the subtraction of the mean by
   2^-24 |x-a| (twice either is taken), and squares that vanish (of numbers below 2^-63) by
   sqrt(n) 2^-63 in the length.

3. Accumulation. The processor sums the w products of T in float32, in an order of its own: off by
   at most gamma (|bx| max|by| + |r'| + max|q'|), gamma = 2 w 2^-24. Any order of rounding to
   nearest needs half of that; the half that is left over pays for second-order terms. Numbers below
   2^-126 may be taken for zero (`vdpbf16ps` does): `TINY` below. A GPU's tensor cores cut off
   instead of rounding, and align several products before adding: gamma is 8 times that there.

4. The score S of a pair is x.y summed in float64 and rounded once to float32: off by at most
   2^-23 |x||y| + 2^-149, where half of the first term would do.

Together these are E(x), with |f - (S - a.b)| <= E(x) for the float32 number f before the product is
rounded to the screening type. E(y) is the same with the sides exchanged.

5. Rounding the result. R(f), f rounded to nearest in the screening type, is monotone. Let t be the
   k-th largest R(f) of x among any of the y. Then k of them have f >= l(t), the lower edge of what
   is rounded to t (half a step below t; t itself where nothing is rounded), hence S - a.b >=
   l(t) - E. So the k-th best of all has at least that, every pair among the k best has
   f >= l(t) - 2E, and by monotony
       R(f) >= R(l(t) - 2E).
   This threshold follows the k-th value itself, so it holds for near-duplicates, whose products are
   large and their steps wide, as for anything else. It rises as t does and never passes a pair of
   the k best. A pair at the threshold is kept.

A row whose E is not finite, or to which more pairs get through than are worth scoring, is left open
by `screening` and searched again by other means.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xlit.retrieval.rows import Rows, blocks

PAD = 128  # rows are filled up to a multiple of this with rows that no pair is kept of
PADDING = -3e38  # the value of their pairs: finite in bfloat16 and below what is allowed
LARGEST = 1e37  # of sums of products: beyond it float32 might overflow
TINY = 2.0**-120
WIDTH = 8  # screened rows have a multiple of this many numbers
BLOCK = 4096  # rows centred and rounded at a time: they stay in the cache


@dataclass(frozen=True, eq=False)
class Side:
    """One side, screened. Lengths are upper bounds, (rows) in float64."""

    values: Tensor  # (padded rows, width): the rounded row, its terms, ones
    rounded: Tensor  # |bx|
    lost: Tensor  # |dx|
    full: Tensor  # |x|
    term: Tensor  # |r'|
    term_lost: Tensor  # |r - r'|

    def __len__(self) -> int:
        return len(self.rounded)


def mean_of(rows: Rows) -> Tensor:
    """A float32 vector near the mean; any vector would do."""
    total = np.zeros(rows.shape[1])
    for _, block in blocks(rows):
        total += block.sum(axis=0, dtype=np.float64)
    with np.errstate(over="ignore"):
        mean = np.nan_to_num((total / max(1, len(rows))).astype(np.float32), posinf=0, neginf=0)
    return torch.from_numpy(mean)


def screened(
    rows: Rows, own: Tensor, other: Tensor, dtype: torch.dtype, device: torch.device, *, first: bool
) -> Side:
    """A side rounded to `dtype` about its mean `own`; `other` is that of the other side.

    `first` says which of the two sides it is: the terms of the first stand where the second has
    ones.
    """
    n, d = rows.shape
    padded = -(-n // PAD) * PAD
    width = -(-(d + 4) // WIDTH) * WIDTH
    values = torch.zeros((padded, width), dtype=dtype, device=device)
    lengths = torch.empty((5, n), dtype=torch.float64, device=device)
    at, ones = (d, d + 2) if first else (d + 2, d)
    values[:, ones : ones + 2] = 1
    values[n:, at] = PADDING
    own, other = own.to(device), other.to(device)
    mean_length, other_length = own.double().norm(), other.double().norm()
    mean_term = own.double() @ other.double()
    of_sum = 1 + 2 * (d + 2) * 2.0**-24
    vanished = d**0.5 * 2.0**-63
    for block, vectors in blocks(rows, BLOCK):
        x = torch.from_numpy(vectors).to(device)
        centred = x - own
        bx = values[block, :d]
        bx.copy_(centred)
        length = torch.linalg.vector_norm(bx.float(), dim=1).double() * of_sum + vanished
        residual = torch.linalg.vector_norm(centred.sub_(bx), dim=1).double() * of_sum + vanished
        lost = residual + (length + residual) * 2.0**-23
        full = length + lost + mean_length
        term = x.double() @ other.double() - mean_term
        high = term.to(dtype)
        low = (term - high).to(dtype)
        values[block, at], values[block, at + 1] = high, low
        term_lost = (term - high.double() - low.double()).abs()
        # the term itself is summed in float64
        term_lost += (full + mean_length) * other_length * (2 * d * 2.0**-53)
        for place, measured in enumerate(
            (length, lost, full, high.double().abs() + low.double().abs(), term_lost)
        ):
            lengths[place, block] = measured
    return Side(values, *lengths)


def errors(own: Side, other: Side) -> Tensor:
    """E (rows of `own`) in float64, infinite or not a number where nothing can be promised."""
    of_rounded, of_lost, of_full, of_term, of_term_lost = (
        lengths.max()
        for lengths in (other.rounded, other.lost, other.full, other.term, other.term_lost)
    )
    gamma = 2 * own.values.shape[1] * 2.0**-24
    if own.values.device.type != "cpu":
        gamma *= 8
    sizes = own.rounded * of_rounded + own.term + of_term
    error = own.rounded * of_lost + own.lost * (of_rounded + of_lost)
    error += own.term_lost + of_term_lost
    error += gamma * sizes
    error += 2.0**-23 * own.full * of_full
    error += TINY * own.values.shape[1] * (1 + own.rounded) * (1 + of_rounded)
    # what is computed here is itself rounded, in float64
    return torch.where(sizes < LARGEST, error * (1 + 1e-9), torch.inf)


def thresholds(kth: Tensor, error: Tensor, dtype: torch.dtype) -> Tensor:
    """R(l(t) - 2E) in `dtype` for the k-th values t (rows), given in float32."""
    value = kth.double()
    if dtype == torch.bfloat16:
        # eight bits of significand: half a step is 2^-9 of the power of two above |t|
        value = value - torch.exp2((torch.frexp(value).exponent - 9).double()) * (1 + 1e-9)
    # to float32 first, which is monotone too: f is a float32 number
    return (value - 2 * error).float().to(dtype)
