"""Time and memory of a piece of work inside this process."""

import ctypes
import gc
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import torch
from torch import Tensor

from tests.benchmarks.clock import RESET, peak_resident
from xlit import device

T = TypeVar("T")
PRODUCT_SECONDS = 0.1  # that a product is repeated for


@dataclass(frozen=True)
class Taken:
    """Wall clock and CPU seconds; bytes beyond those that were there before, at the peak."""

    seconds: float
    cpu_seconds: float
    peak: int


def timed(work: Callable[[], T]) -> tuple[T, Taken]:
    """What the work gave, and what it took; the memory of what ran before is given back first."""
    gc.collect()
    _give_back()
    before = _forget_peak()
    _wait()
    began, cpu = time.perf_counter(), time.process_time()
    given = work()
    _wait()
    taken = time.perf_counter() - began, time.process_time() - cpu
    return given, Taken(*taken, max(0, _peak() - before))


def product_speed(shapes: list[tuple[int, int, int, int]], dtype: torch.dtype) -> float:
    """FLOP/s of products (rows, inner, columns), each so many times, weighted by their FLOPs.

    Each is taken the faster way of two: with the second factor as it lies, or transposed.
    """
    where = device.pick()
    flops = seconds = 0.0
    for rows, inner, columns, count in shapes:
        left = torch.randn(rows, inner, device=where).to(dtype)
        right = torch.randn(inner, columns, device=where).to(dtype)
        across = right.t().contiguous().t()
        out = torch.empty(rows, columns, device=where, dtype=dtype)
        best = min(_median_seconds(left, one, out) for one in (right, across))
        seconds += count * best
        flops += count * 2.0 * rows * inner * columns
    return flops / seconds


def _median_seconds(left: Tensor, right: Tensor, out: Tensor) -> float:
    for _ in range(3):
        torch.mm(left, right, out=out)
    times: list[float] = []
    until = time.perf_counter() + PRODUCT_SECONDS
    while len(times) < 5 or time.perf_counter() < until:
        _wait()
        began = time.perf_counter()
        torch.mm(left, right, out=out)
        _wait()
        times.append(time.perf_counter() - began)
    return median(times)


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _give_back() -> None:
    """Memory that was freed goes back to the system, so that the next peak is its own."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    with suppress(OSError, AttributeError):  # of glibc alone
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _forget_peak() -> int:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    if RESET.exists():
        RESET.write_text("5")  # the peak of the resident memory (man 5 proc)
    return peak_resident()


def _peak() -> int:
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else peak_resident()
