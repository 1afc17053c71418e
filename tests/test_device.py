import threading
import time
from pathlib import Path

import pytest
import torch

from xlit import device
from xlit.errors import UsageError


@pytest.mark.parametrize(
    ("flags", "capable"),
    [
        ("flags : avx2 avx512_bf16 sse", True),
        ("flags : avx2 sse", False),
        ("flags: amx_bf16", True),
    ],
)
def test_bf16_is_chosen_by_what_the_processor_says(
    tmp_path: Path, flags: str, capable: bool
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(flags, encoding="utf-8")
    assert device.cpu_has_bf16(cpuinfo) is capable


def test_what_was_asked_for_is_not_overruled() -> None:
    assert device.precision("float32") == "float32"
    assert device.precision("bf16") == "bf16"


def test_bf16_is_mixed_precision_and_float32_is_not() -> None:
    x = torch.ones(2, 2)
    with device.autocast(torch.device("cpu"), "bf16"):
        assert (x @ x).dtype == torch.bfloat16
    with device.autocast(torch.device("cpu"), "float32"):
        assert (x @ x).dtype == torch.float32


def test_a_cpu_is_never_locked() -> None:
    with device.hold(torch.device("cpu")), device.hold(torch.device("cpu")):
        pass


def test_one_stage_at_a_time_holds_a_gpu() -> None:
    order: list[str] = []

    def stage(name: str) -> None:
        with device.lock_of("a test's GPU"):
            order.append(f"{name} in")
            time.sleep(0.2)
            order.append(f"{name} out")

    stages = [threading.Thread(target=stage, args=(name,)) for name in "ab"]
    for each in stages:
        each.start()
    for each in stages:
        each.join()
    assert [entry.split()[1] for entry in order] == ["in", "out", "in", "out"]


def test_each_process_has_a_gpu_of_its_own_and_more_processes_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("RANK", "5"), ("WORLD_SIZE", "8"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    # this machine may have no GPU, and never two
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device.pick() == torch.device("cuda", 0)  # not torchrun: no address to meet at
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    assert device.pick() == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(UsageError, match="more processes than GPUs on this machine: 2"):
        device.pick()


@pytest.mark.gpu
def test_a_gpu_is_picked_where_there_is_one() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    assert device.pick().type == "cuda"
    assert device.describe()
