"""The operations of a profile, by what they are for."""

from collections.abc import Iterable
from typing import Any

# The first rule whose word is part of the op's name, or of the name of an op that it is part of,
# from the inside out. What autograd runs stands inside the backward of what it undoes.
Rules = tuple[tuple[str, tuple[str, ...]], ...]
RULES: Rules = (
    ("layers in one piece", ("attentionpart", "feedforwardpart")),  # all in them but products
    ("optimiser", ("adam", "optimizer", "foreach_norm", "clip_grad", "vector_norm")),
    ("dropout", ("dropout", "bernoulli", "random_", "native_drop")),
    ("attention", ("attention", "aten::bmm", "bmmbackward", "softmax", "baddbmm")),
    ("matmul", ("aten::mm", "addmm", "mkldnn_linear", "mkldnn::", "linear", "gemm", "_mm")),
    ("GELU", ("gelu", "aten::erf")),
    ("LayerNorm", ("layer_norm", "layernorm")),
    ("embeddings", ("embedding", "index_select", "index_add")),
    ("loss", ("log_softmax", "nll_loss", "cross_entropy")),
    ("casts", ("_to_copy", "aten::to", "tocopy", "to_copy")),
    ("bias sums", ("aten::sum",)),
)
LOSS_FIRST = ("log_softmax", "logsoftmax", "nll_loss", "nllloss", "cross_entropy")
OUTSIDE = "Python and data"
OTHER = "other"


# of a search, whose products and sums are others
SEARCH_RULES: Rules = (
    ("matmul", ("aten::mm", "addmm", "matmul", "mkldnn::", "linear", "gemm", "_mm")),
    ("maxima", ("aten::amax", "aten::max", "aten::topk", "aten::sort", "aten::kthvalue")),
    ("rescoring", ("aten::bmm", "einsum", "sampled_addmm", "aten::sum", "aten::mul")),
    ("candidates", ("nonzero", "index", "gather", "scatter", "aten::ge", "aten::gt", "aten::cat")),
    ("casts and copies", ("_to_copy", "aten::to", "to_copy", "aten::copy_")),
)


def group_of(names: Iterable[str], rules: Rules = RULES) -> str:
    """The group of an op, from its own name and those of the ops around it, innermost first."""
    for name in names:
        lower = name.lower()
        if any(word in lower for word in LOSS_FIRST):  # "softmax" alone is attention's
            return "loss"
        for group, words in rules:
            if any(word in lower for word in words):
                return group
    return OTHER


def grouped(
    events: Iterable[Any], took: float, *, cuda: bool, rules: Rules = RULES
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds by group, largest first, and the ten largest ops of no group.

    On a CPU the time of an op less that of the ops inside it, of all threads that issue ops one
    after the other, and what is left of the `took` seconds is Python and data. On a GPU the time
    of its kernels, and what is left is the time that it waits.
    """
    groups: dict[str, float] = {}
    others: dict[str, float] = {}
    for event in events:
        micros = event.self_device_time_total if cuda else event.self_cpu_time_total
        if micros <= 0:
            continue
        group = group_of(_names(event), rules)
        groups[group] = groups.get(group, 0.0) + micros / 1e6
        if group == OTHER:
            others[event.name] = others.get(event.name, 0.0) + micros / 1e6
    outside = "waiting" if cuda else OUTSIDE
    groups[outside] = max(0.0, took - sum(groups.values()))
    return _largest(groups, len(groups)), _largest(others, 10)


def _names(event: Any) -> Iterable[str]:
    while event is not None:
        yield event.name
        event = event.cpu_parent


def _largest(table: dict[str, float], count: int) -> dict[str, float]:
    ordered = sorted(table.items(), key=lambda entry: -entry[1])
    return dict(ordered[:count])
