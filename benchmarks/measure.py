"""What all benchmarks share: pairing (A B A B), medians, and one JSON document on stdout."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil


def read_arguments(description: str) -> argparse.Namespace:
    """Parse the common arguments: every benchmark runs with none, and shorter with `--quick`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that it works")
    return parser.parse_args()


def time_pair(ours: Callable[[], Any], peer: Callable[[], Any], *, rounds: int) -> tuple[list[float], list[float]]:
    """Time two functions alternately, after one unmeasured call each; returns seconds of each round."""
    ours()
    peer()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for function, kept in zip((ours, peer), times, strict=True):
            start = time.perf_counter()
            function()
            kept.append(time.perf_counter() - start)
    return times


def median_ratio(ours: list[float], peer: list[float]) -> float:
    """Return the median of the rounds' ratios, peer's time over ours: above 1 we are faster."""
    return statistics.median(b / a for a, b in zip(ours, peer, strict=True))


def print_report(
    name: str, *, config: dict[str, Any], ours: dict[str, Any], peer: Any = None, ratios: Any = None, limits: Any = None
) -> None:
    """Print the document that all benchmarks share.

    Raises:
        ValueError: A ratio is no number: who was not measured has none, and the report says why under `peer`.
    """
    if unknown := [key for key, value in (ratios or {}).items() if not isinstance(value, int | float)]:
        raise ValueError(f"No number stands for the ratios {unknown}.")
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": psutil.getloadavg()[0],
        "python": platform.python_version(),
    }
    report = {
        "benchmark": name,
        "machine": machine,
        "config": config,
        "ours": ours,
        "peer": peer,
        "ratios": ratios or {},
        "limits": limits or {},
    }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
