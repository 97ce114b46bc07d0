"""A comparison whose process is killed (SIGKILL) at random moments ten times and asked for again, against one left alone.

The claim: whatever the moment, the resumed comparison stores the record of the uninterrupted one, but for its id, its date,
measured seconds and the count of answers that were known; and where answers do not depend on their neighbours (float32 on
a CPU, the fake) none is written down twice.

python -m benchmarks.kill_compare [--task hiring-handbook --arms base,rag --limit 24]    the real model, minutes
python -m benchmarks.kill_compare --fake                                                seconds, without a model
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import print_report
from core.comparison.arms import ARMS
from core.comparison.runs import PREDICTIONS, RECORD
from core.generation.fake import FakeGenerator
from core.settings import prepare_libraries, read_settings
from lab.kept_answers import FOLDER

KILLS = 10
PAUSE = 0.01  # Seconds that a fake answer takes.
LONGEST = 1.0  # Seconds between the answer that a kill waits for and the kill, at most.
VARIES = {
    "id", "created", "from_store", "seconds", "latency_seconds", "latency_p50", "latency_p95", "latency", "cost", "usage",
    "memory_mib", "break_even",
}  # fmt: skip


@dataclass(frozen=True)
class SlowGenerator(FakeGenerator):
    """A fake that takes its time, so that a kill can come between two answers."""

    def generate(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        """Yield the fake's answers, one every `PAUSE`."""
        for answer in super().generate(*arguments, **options):
            time.sleep(PAUSE)
            yield answer


@dataclass(frozen=True)
class Case:
    """What is compared, and by whom."""

    task: str
    arms: str
    limit: int
    fake: bool

    def start(self, home: Path) -> subprocess.Popen[bytes]:
        """Start the comparison in a process of its own."""
        words = [self.task, "--arms", self.arms, "--limit", str(self.limit)]
        module = ["benchmarks.kill_compare", "--worker"] if self.fake else ["ui.cli", "compare"]
        environment = {**os.environ, "RAGFT_HOME": str(home), "HF_HUB_OFFLINE": "1"}
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            [sys.executable, "-m", *module, *(["--task"] if self.fake else []), *words],
            env=environment,
            stdout=quiet,
            stderr=quiet,
        )


def main() -> None:
    """Compare once whole and once killed ten times; or be the comparison, where `--worker` says so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that it works")
    parser.add_argument("--fake", action="store_true", help="without a model")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--task", default="hiring-handbook")
    parser.add_argument("--arms", help="without an adapter")
    parser.add_argument("--limit", type=int, default=24, help="test items")
    parser.add_argument("--kills", type=int, default=KILLS)
    arguments = parser.parse_args()
    prepare_libraries()
    fake = arguments.fake or arguments.quick
    case = Case(arguments.task, arguments.arms or ("base,zero_shot" if fake else "base,rag"), arguments.limit, fake)
    if arguments.worker:
        compare_here(case)
        return
    with tempfile.TemporaryDirectory() as name:
        ours = kill_often(case, Path(name), kills=3 if arguments.quick else arguments.kills)
    print_report("kill_compare", config={"task": case.task, "arms": case.arms, "items": case.limit, "fake": fake}, ours=ours)


def kill_often(case: Case, folder: Path, *, kills: int) -> dict[str, Any]:
    """Compare in two homes, in one of them killed at random moments; returns what differs and what was asked twice."""
    whole, killed = (open_home(case, folder / name) for name in ("whole", "killed"))
    began = time.perf_counter()
    finish(case.start(whole))
    seconds = time.perf_counter() - began
    draw = random.Random(0)
    moments = sorted(draw.sample(range(case.limit * len(case.arms.split(","))), kills))
    found = [
        kill_after(case, killed, answers=moment, pause=draw.random() * (PAUSE if case.fake else LONGEST)) for moment in moments
    ]
    runs_before = len(list_runs(killed))
    finish(case.start(killed))
    written, kept = len(list_lines(killed)), len({line[: line.index(b'"generation"')] for line in list_lines(killed)})
    (one,), (other,) = (list_runs(home) for home in (whole, killed))
    differences = sorted({*compare_records(read_run(one), read_run(other))})
    return {
        "seconds_uninterrupted": round(seconds, 1),
        "answers": case.limit * len(case.arms.split(",")),
        "kills": len(found),
        "kept_at_each_kill": found,
        "runs_stored_by_killed": runs_before,
        "asked_twice": written - kept,
        "differences": differences,
        "passed": not differences and not runs_before,
    }


def open_home(case: Case, home: Path) -> Path:
    """Make a home with the person's models, and the index that the task needs."""
    home.mkdir(parents=True)
    models = read_settings().folder("models")
    if models.is_dir():
        (home / "models").symlink_to(models.resolve())
    if not case.fake and any(ARMS[name].top_k for name in case.arms.split(",")):
        words = [sys.executable, "-m", "ui.cli", "index", case.task]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "RAGFT_HOME": str(home)})
    return home


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a comparison that is left alone."""
    if process.wait() != 0:
        raise SystemExit(f"The comparison ended with {process.returncode}.")


def kill_after(case: Case, home: Path, *, answers: int, pause: float) -> int:
    """Start the comparison and kill it a moment after so many answers are kept; returns how many are kept then."""
    process = case.start(home)
    while len(list_lines(home)) < answers:
        if process.poll() is not None:
            raise SystemExit(f"The comparison ended with {process.returncode} before {answers} answers were kept.")
        time.sleep(0.002)
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return len(list_lines(home))


def list_lines(home: Path) -> list[bytes]:
    """Return the whole lines of kept answers."""
    files = sorted((home / FOLDER).glob("*.jsonl"))
    return [line for path in files for line in path.read_bytes().split(b"\n") if line.endswith(b"}")]


def list_runs(home: Path) -> list[Path]:
    """Return the folders of stored runs."""
    return sorted((home / "runs").glob("[!.]*/"))


def read_run(folder: Path) -> dict[str, Any]:
    """Return a run's record and predictions as JSON values."""
    lines = (folder / PREDICTIONS).read_text(encoding="utf-8").splitlines()
    return {
        "run": json.loads((folder / RECORD).read_text(encoding="utf-8")),
        "predictions": [json.loads(line) for line in lines],
    }


def compare_records(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """Yield the places where two records differ, but for what no two runs share."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other} - VARIES):
            yield from compare_records(one.get(name), other.get(name), f"{place}/{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from compare_records(*pair, place=f"{place}/{number}")
    elif one != other:
        yield place


def compare_here(case: Case) -> None:
    """Compare with a fake, as `ragft compare` does with a model."""
    from core.comparison.arms import find_arms
    from core.errors import LabError
    from lab.comparison import compare_arms
    from lab.lab import Lab
    from lab.requests import CompareRequest
    from ui.cli.console import Bars

    class FakeLab(Lab):
        """Has no embedder either, so that no example is copied as a baseline."""

        def load_embedder(self) -> Any:
            raise LabError("The fake lab embeds nothing.")

    request = CompareRequest(case.task, arms=tuple(arm.name for arm in find_arms(case.arms)), limit=case.limit)
    with Bars() as bars:
        compare_arms(FakeLab(read_settings(), generator=SlowGenerator()), request, bars)


if __name__ == "__main__":
    main()
