"""How long a newcomer waits for a verdict: index, train and compare on `hiring-handbook`, each as its command.

Runs in a home of its own that shares only the fetched models. There is no peer: no other program found does
this job (see the reference on comparisons).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measure import print_report, read_arguments
from core.generation.models import fetch_model
from core.settings import read_settings

ROOT = Path(__file__).resolve().parents[1]
TASK = "hiring-handbook"
LIMITS = {"total_seconds": 600, "memory_gib": 6}


def main() -> None:
    """Measure the three stages one after the other."""
    quick = read_arguments(__doc__ or "").quick
    settings = read_settings()
    fetch_model(settings)
    minutes, limit = ("0.5", "12") if quick else ("4", "144")
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "models").symlink_to(settings.folder("models"))
        environment = {**os.environ, "RAGFT_HOME": home}
        stages = {
            "index": measure(["index", TASK], environment),
            "train": measure(["train", TASK, "--prompts", "mixed", "--minutes", minutes, "--holdout", "0"], environment),
            "compare": measure(["compare", TASK, "--limit", limit], environment),
        }
    result = stages["compare"].pop("result")
    ours = {
        "seconds": {name: stage["seconds"] for name, stage in stages.items()},
        "total_seconds": sum(stage["seconds"] for stage in stages.values()),
        "memory_gib": max(stage["memory_gib"] for stage in stages.values()),
        "verdict": result["verdict"],
        "train_tokens_per_second": stages["train"]["result"]["outcome"]["tokens"]
        / stages["train"]["result"]["outcome"]["seconds"],
        "seconds_per_answer": {name: arm.get("latency_p50") for name, arm in result["arms"].items()},
    }
    print_report(
        "time_to_verdict", config={"task": TASK, "minutes": minutes, "limit": limit, "quick": quick}, ours=ours, limits=LIMITS
    )


def measure(arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Run one command; returns its result, its seconds and the peak memory of it and its children."""
    command = [sys.executable, "-m", "ui.cli", *arguments, "--json"]
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
    peak: list[int] = [0]
    watcher = threading.Thread(target=watch_memory, args=(process, peak))
    watcher.start()
    out, _ = process.communicate()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}")
    return {"seconds": time.perf_counter() - start, "memory_gib": peak[0] / 2**30, "result": json.loads(out)}


def watch_memory(process: subprocess.Popen[str], peak: list[int]) -> None:
    """Sample the resident memory of a process tree twice a second until it ends."""
    while process.poll() is None:
        try:
            tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            peak[0] = max(peak[0], sum(member.memory_info().rss for member in tree))
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.5)


if __name__ == "__main__":
    main()
