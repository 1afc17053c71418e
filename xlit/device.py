"""The device, its precision, and the lock that keeps two stages off one GPU."""

import ctypes
import hashlib
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Literal

import torch
from filelock import FileLock, Timeout

from xlit import console, torchrun
from xlit.errors import UsageError

Precision = Literal["bf16", "float32"]


def pick() -> torch.device:
    """The first visible GPU, or that of this process among several, or the CPU.

    Raises UsageError where there are more processes than GPUs.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    local, there = torchrun.place().local, torch.cuda.device_count()
    if local >= there:
        raise UsageError(
            f"more processes than GPUs on this machine: {there}", hint=f"--nproc-per-node {there}"
        )
    return torch.device("cuda", local)


def cpu_has_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor multiplies bfloat16 itself; without that torch emulates it, slowly."""
    if not cpuinfo.exists():
        return platform.machine() == "arm64"  # Apple silicon since M2; Linux says it in cpuinfo
    flags = cpuinfo.read_text(encoding="utf-8", errors="replace")
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16", " bf16"))


def precision(
    asked: Literal["auto", "bf16", "float32"], where: torch.device | None = None
) -> Precision:
    """The precision to compute in: what was asked for, or bf16 where the hardware has it.

    Never float16: on a CPU it is several times slower than float32.
    """
    if asked != "auto":
        return asked
    where = where or pick()
    capable = torch.cuda.is_bf16_supported() if where.type == "cuda" else cpu_has_bf16()
    return "bf16" if capable else "float32"


def autocast(where: torch.device, how: Precision) -> AbstractContextManager[object]:
    """Mixed precision with float32 weights for bf16; nothing at all for float32."""
    if how == "float32":
        return nullcontext()
    return torch.autocast(where.type, dtype=torch.bfloat16)


def describe(where: torch.device | None = None) -> str:
    where = where or pick()
    if where.type == "cuda":
        return str(torch.cuda.get_device_name(where))
    return f"cpu ({platform.machine()}, {torch.get_num_threads()} threads)"


@contextmanager
def hold(where: torch.device, *, share: bool = False) -> Iterator[None]:
    """Keep other stages off this GPU while the block runs; a CPU is never locked.

    A pipe over many checkpoints starts every stage at once: the lock makes them take turns.
    """
    if where.type == "cpu" or share:
        yield
        return
    with lock_of(device_name(where)):
        yield


def give_memory_back() -> None:
    """Return what was freed to the system.

    glibc keeps it, and fills it badly: after some hundred batches of ever other lengths a training
    would hold twice the memory that a step needs.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # glibc alone has it
        libc.malloc_trim(0)


def device_name(where: torch.device) -> str:
    return str(torch.cuda.get_device_properties(where).uuid)


@contextmanager
def lock_of(name: str) -> Iterator[None]:
    """Hold the user's lock of the device called `name`, waiting for it if need be."""
    # one lock a user: a sticky /tmp lets nobody open another's file for writing
    key = hashlib.sha256(f"{name} {os.getuid()}".encode()).hexdigest()[:16]
    lock = FileLock(Path(tempfile.gettempdir()) / f"xlit-device-{key}.lock", mode=0o666)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        console.notice("the GPU is in use by another stage: waiting (--share-device does not wait)")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
