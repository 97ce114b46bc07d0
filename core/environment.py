"""What a result depends on beside the data: versions and the machine."""

from __future__ import annotations

import platform
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core.generation.zero_gpu import awaits_gpu

# Those that words, numbers or their spelling come through: `tokenizers` splits prompts, `llguidance` holds answers to a schema.
PACKAGES = (
    "torch", "transformers", "tokenizers", "llguidance", "peft", "bitsandbytes", "sentence-transformers", "faiss-cpu", "bm25s",
    "jsonschema",
)  # fmt: skip


def describe_environment() -> dict[str, Any]:
    """Return the versions and the machine that a run depends on."""
    import psutil

    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _name_processor(),
        "gpu": _name_gpu(),
        "cores": psutil.cpu_count(logical=True),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "versions": versions,
    }


def _name_processor() -> str:
    """Return the processor's name; its architecture where the system does not tell."""
    known = Path("/proc/cpuinfo")  # Linux, where `platform.processor` is empty.
    lines = known.read_text(errors="replace").splitlines() if known.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _name_gpu() -> str | None:
    """Return the name of the GPU that the lab would use; None without one. Another one rounds otherwise."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() and not awaits_gpu() else None


def find_version() -> str:
    """Return the version of this program; of a copy that was not installed, as on a Space, what its project file says."""
    try:
        return version("ragft")
    except PackageNotFoundError:
        project = Path(__file__).resolve().parent.parent / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]) if project.is_file() else "unknown"


def measure_memory() -> float:
    """Return what this process holds in memory now, in MiB: program, model and all; on a GPU, the most that torch took there."""
    import psutil
    import torch

    if torch.cuda.is_available() and not awaits_gpu():
        return round(float(torch.cuda.max_memory_allocated()) / 2**20, 1)
    return round(float(psutil.Process().memory_info().rss) / 2**20, 1)


def count_cores() -> int:
    """Return how many cores this process may use: a container often has fewer than its machine."""
    import os

    import psutil

    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else psutil.cpu_count(logical=True) or 1


def measure_limit() -> int:
    """Return how many bytes of memory there are for this process: the container's, where it has a limit, else the machine's."""
    import psutil

    total = int(psutil.virtual_memory().total)
    group = Path("/sys/fs/cgroup/memory.max")
    told = group.read_text().strip() if group.is_file() else ""
    return min(total, int(told)) if told.isdecimal() else total
