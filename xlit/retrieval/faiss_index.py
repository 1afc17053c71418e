"""FAISS indexes by inner product: Flat or what a factory string names, on a CPU or on all GPUs.

    INDEX = FACTORY [":" PARAMETERS]      Flat    IVF4096,Flat:nprobe=64    IVF4096,SQfp16

FACTORY is FAISS's own (its wiki, "The index factory"), and so are the parameters ("Index IO,
cloning and hyper parameter tuning"), but for `float16`, which stores the vectors of a GPU's index
in two bytes a value. On GPUs an index is cut into as many shards as there are visible devices.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from xlit import console
from xlit.errors import InputError, MissingError, UsageError
from xlit.retrieval.rows import Ids, Rows, Scores, Vectors, blocks, widened

GPU_MAX_K = 2048  # FAISS refuses more neighbours on a GPU
GPU_TEMPORARY = 512 * 2**20  # bytes of temporary memory on each GPU; FAISS would take up to 1.5 GiB
# FAISS's k-means wants 39 vectors a list and uses 256 at most; more than 64 cost much, gain little
TRAINING_PER_LIST = 64
TRAINING_AT_LEAST = 65536  # for what has no lists: rotations, quantisers
# One list in so many is looked into where nprobe is not given: of 20,000 real sentences in many
# languages that finds nine tenths of the true neighbours, one in 32 finds 85 %.
PROBED = 16
MOST_LISTS = 2**31  # a negative nprobe counts as more
# Of queries with vectors: two seconds of two cores, so that a signal is heard.
PRODUCTS_A_CALL = 2**29
QUERIES_A_CALL = (256, 4096)


@dataclass(frozen=True)
class IndexSpec:
    """What `INDEX` says. `float16` is asked for by name; `parameters` go to FAISS."""

    factory: str
    parameters: str = ""
    float16: bool = False

    @property
    def exact(self) -> bool:
        """Whether its neighbours are the true ones: Flat alone, and that not rounded."""
        return self.factory == "Flat" and not self.float16

    def __str__(self) -> str:
        said = [self.parameters] if self.parameters else []
        return ":".join([self.factory, ",".join(said + ["float16"] * self.float16)]).rstrip(":")


def parse_index(text: str) -> IndexSpec:
    """Raises UsageError for a factory string or a parameter that FAISS does not know."""
    factory, _, rest = text.partition(":")
    given = [part for part in rest.split(",") if part]
    float16 = "float16" in given
    spec = IndexSpec(factory, ",".join(part for part in given if part != "float16"), float16)
    faiss = load_faiss()
    try:
        _parametrise(faiss, faiss.index_factory(768, factory, faiss.METRIC_INNER_PRODUCT), spec)
    except RuntimeError as problem:
        # What does not go with this width may go with that of the vectors, which comes later.
        if "could not" not in str(problem):
            return spec
        raise UsageError(
            f"--index {text}: FAISS says: {_reason(problem)}",
            hint="auto, exact, Flat, or a factory string such as IVF4096,Flat:nprobe=64",
        ) from None
    if float16 and not _gpus(faiss):
        raise UsageError(
            f"--index {text}: float16 storage is for GPUs and FAISS sees none",
            hint="on a CPU the factory's SQfp16 halves an index: IVF4096,SQfp16",
        )
    return spec


def faiss_is_there() -> bool:
    return importlib.util.find_spec("faiss") is not None


def load_faiss() -> Any:
    """The FAISS that is installed. Raises MissingError."""
    if not faiss_is_there():
        raise MissingError(
            "FAISS is not installed: --index auto and exact do without",
            hint="pip install 'xlit[cpu]'",
        )
    import faiss  # an optional extra: which build there is decides between CPU and GPU

    return faiss


class FaissIndex:
    """An index filled with all rows. `search` proposes neighbours, in FAISS's own order."""

    def __init__(self, vectors: Rows, spec: IndexSpec, wanted: int) -> None:
        """Train where there is something to train, and add all rows, by blocks.

        `wanted` are the most neighbours that will be asked for. Raises InputError where FAISS
        cannot train or fill such an index with such vectors.
        """
        faiss = load_faiss()
        self.spec = spec
        self.rows = len(vectors)
        try:
            index = faiss.index_factory(vectors.shape[1], spec.factory, faiss.METRIC_INNER_PRODUCT)
            if not index.is_trained:
                index.train(_training_rows(faiss, index, vectors))
            for _, block in blocks(vectors):
                index.add(block)
            _parametrise(faiss, index, spec)
        except RuntimeError as problem:
            raise InputError(
                f"{spec.factory} cannot index {len(vectors)} vectors of {vectors.shape[1]}"
                f" dimensions: FAISS says: {_reason(problem)}",
                hint="--index exact, or a factory with fewer lists",
            ) from None
        on_gpus = _on_all_gpus(faiss, index, spec, wanted) if _gpus(faiss) else None
        self.on_gpus = on_gpus is not None
        self._index: Any = on_gpus if self.on_gpus else index

    def search(self, queries: Rows, wanted: int) -> Iterator[tuple[slice, Vectors, Scores, Ids]]:
        """Of each block of queries: where it is, the queries, FAISS's scores and ids.

        Both are (block, wanted), best first; an id is -1 where FAISS found no more. Raises
        UsageError for parameters that FAISS takes and cannot search with.
        """
        fewest, most = QUERIES_A_CALL
        size = max(fewest, min(most, PRODUCTS_A_CALL // max(1, self.rows)))
        for block, vectors in blocks(queries, size):
            try:
                proposed, ids = self._index.search(vectors, wanted)
            except RuntimeError as problem:
                raise UsageError(
                    f"--index {self.spec}: FAISS cannot search it: {_reason(problem)}",
                    hint="other parameters, or --index exact",
                ) from None
            yield block, vectors, proposed, ids


def _training_rows(faiss: Any, index: Any, vectors: Rows) -> Vectors:
    """A sample spread evenly over all rows."""
    inverted = faiss.try_extract_index_ivf(index)
    wanted = TRAINING_AT_LEAST
    if inverted is not None:
        inverted.cp.min_points_per_centroid = 1  # else it warns on stderr: recall says more
        wanted = max(wanted, TRAINING_PER_LIST * int(inverted.nlist))
    wanted = min(wanted, len(vectors))
    console.notice(f"the index is trained on {wanted} of {len(vectors)} vectors")
    return widened(vectors[np.arange(wanted, dtype=np.int64) * len(vectors) // wanted])


def _parametrise(faiss: Any, index: Any, spec: IndexSpec) -> None:
    """Raises UsageError where no list would be looked into: FAISS would say so at the search."""
    inverted = faiss.try_extract_index_ivf(index)
    if inverted is not None:
        inverted.nprobe = max(1, int(inverted.nlist) // PROBED)
    if spec.parameters:
        faiss.ParameterSpace().set_index_parameters(index, spec.parameters)
    if inverted is not None and not (inverted.nlist and 0 < inverted.nprobe < MOST_LISTS):
        raise UsageError(
            f"--index {spec}: that looks into none of {inverted.nlist} lists",
            hint="IVF4096,Flat:nprobe=64 looks into 64 of 4096",
        )


def _gpus(faiss: Any) -> int:
    """GPUs that FAISS can use: its CPU build knows of none."""
    return int(faiss.get_num_gpus()) if hasattr(faiss, "StandardGpuResources") else 0


def _on_all_gpus(faiss: Any, index: Any, spec: IndexSpec, wanted: int) -> Any | None:
    """The index on all visible GPUs, each with a share of its vectors; None, and a line that says
    why, where FAISS cannot do that: then it is searched on the CPU."""
    if wanted > GPU_MAX_K:
        console.always(f"{spec}: on the CPU, since FAISS gives {GPU_MAX_K} neighbours on a GPU")
        return None
    torch.cuda.empty_cache()  # what the encoder left: FAISS does not ask torch for memory
    options = faiss.GpuMultipleClonerOptions()
    options.shard = True  # not a copy of everything on each
    options.useFloat16 = spec.float16
    options.allowCpuCoarseQuantizer = True
    resources = []
    for _ in range(_gpus(faiss)):
        resource = faiss.StandardGpuResources()
        resource.setTempMemory(GPU_TEMPORARY)
        resources.append(resource)
    try:
        return faiss.index_cpu_to_gpu_multiple_py(resources, index, options)
    except RuntimeError as problem:
        console.always(f"{spec}: on the CPU, since on a GPU FAISS says: {_reason(problem)}")
        return None


def _reason(problem: RuntimeError) -> str:
    """The last clause of FAISS's message: the function and the file before it are FAISS's own."""
    return str(problem).strip().split(".cpp:")[-1].partition(": ")[2] or str(problem)
