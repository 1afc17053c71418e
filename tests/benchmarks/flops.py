"""What the matrix products of an example cost, and how fast this machine multiplies.

FLOPs are counted by torch itself on the model without its weights: forward and backward of one
sequence. They are a polynomial of the second degree in its length, so three lengths settle it.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tests.benchmarks.records import Limits, Run
from tests.benchmarks.workloads import features_of, load
from xlit import device
from xlit.models.encoders import head_config, load_encoder, model_class

LENGTHS = (16, 64, 128)
TOKENS = {"cpu": 2048, "cuda": 16384}  # rows of a product, about those of a micro-batch
SECONDS = 0.25  # that every product is repeated for

# dense bf16 TFLOP/s without sparsity, from the makers' data sheets; the first that fits the name
PEAKS = (
    ("H100 PCIe", 756.0),
    ("H100 NVL", 835.0),
    ("H100", 989.0),
    ("H200", 989.0),
    ("A100", 312.0),
    ("L40S", 362.0),
    ("L40", 181.0),
    ("L4", 121.0),
    ("A10G", 70.0),
)


def flops_by_length(auto_class: Any, config: Any) -> NDArray[np.float64]:
    """(3,): FLOPs of one sequence of n pieces are `c[0] n^2 + c[1] n + c[2]`, both passes."""
    concrete = model_class(auto_class, config)
    with torch.device("meta"):
        model = concrete(config)
    model.set_attn_implementation("eager")  # plain products: kernels may recompute
    counts = []
    for length in LENGTHS:
        ids = torch.ones((1, length), dtype=torch.long, device="meta")
        if "MultipleChoice" in concrete.__name__:
            ids = ids[None]
        counter = FlopCounterMode(display=False)
        with counter:
            outputs = model(input_ids=ids)
            logits = outputs.logits if "logits" in outputs else outputs.start_logits
            torch.autograd.backward(logits.sum())
        counts.append(counter.get_total_flops())
    return np.polyfit(LENGTHS, counts, 2)


def skipped(config: Any, length: int) -> float:
    """FLOPs of the last layer, both passes, on which the first token's output does not depend.

    Of the other tokens: query, scores, weighted values, output projection and feed-forward.
    """
    hidden, inner, others = config.hidden_size, config.intermediate_size, length - 1
    linear = 2 * others * (2 * hidden * hidden + 2 * hidden * inner)
    return float(3 * (linear + 4 * others * length * hidden))


def shapes_of(config: Any) -> list[tuple[int, int, int]]:
    """(inputs, outputs, how many a layer) of an encoder layer's linear maps."""
    hidden, inner = config.hidden_size, config.intermediate_size
    return [(hidden, hidden, 4), (hidden, inner, 1), (inner, hidden, 1)]


def product_speed(config: Any, where: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s over the products of a layer's training step, weighted by their FLOPs.

    Of every linear map the forward product and both backward ones, as autograd lays them out.
    """
    rows = TOKENS[where.type]
    flops = seconds = 0.0
    for inputs, outputs, count in shapes_of(config):
        x = torch.randn(rows, inputs, device=where).to(dtype)
        weight = torch.randn(outputs, inputs, device=where).to(dtype)
        gradient = torch.randn(rows, outputs, device=where).to(dtype)
        for product in (
            lambda x=x, weight=weight: x @ weight.t(),
            lambda gradient=gradient, weight=weight: gradient @ weight,
            lambda gradient=gradient, x=x: gradient.t() @ x,
        ):
            seconds += count * _median_seconds(product, where)
            flops += count * 2.0 * rows * inputs * outputs
    return flops / seconds


def _median_seconds(product: Callable[[], Tensor], where: torch.device) -> float:
    for _ in range(3):
        product()
    times: list[float] = []
    until = time.perf_counter() + SECONDS
    while len(times) < 5 or time.perf_counter() < until:
        if where.type == "cuda":
            torch.cuda.synchronize()
        began = time.perf_counter()
        product()
        if where.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return median(times)


def peak_of(name: str) -> float | None:
    """The maker's dense bf16 FLOP/s of a GPU, None for one that is not listed."""
    return next((peak * 1e12 for part, peak in PEAKS if part in name), None)


def limits_of(run: Run) -> Limits:
    """The work of the run's examples and this machine's speed, measured now."""
    loaded = load(run)
    encoder = load_encoder(loaded.ref)
    features = features_of(loaded, encoder.tokenizer)
    lengths = [len(sequence) for feature in features for sequence in feature.sequences]
    config = head_config(encoder.model.config, loaded.kind.head(loaded.card.labels))
    total = flops_of(lengths, flops_by_length(loaded.kind.auto_class, config))
    first_alone = loaded.kind.name in ("classification", "multiple_choice")
    spare = sum(skipped(config, length) for length in lengths) if first_alone else 0.0
    del encoder
    where = device.pick()
    name = device.describe(where)
    return Limits(
        workload=run.workload,
        flops=total / len(features),
        least=(total - spare) / len(features),
        tokens=sum(lengths) / len(features),
        products={
            "float32": product_speed(config, where, torch.float32),
            "bf16": product_speed(config, where, torch.bfloat16),
        },
        peak=peak_of(name) if where.type == "cuda" else None,
        device=name,
        round=run.round,
    )


def flops_of(lengths: Sequence[int], by_length: NDArray[np.float64]) -> float:
    """FLOPs of sequences of these lengths, both passes."""
    return float(np.polyval(by_length, np.asarray(lengths, dtype=np.float64)).sum())
