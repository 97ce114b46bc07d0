"""A training on SNIPS whose process is killed (SIGKILL) at random moments and started again, against one left alone.

The claim: whatever the moment, the resumed training ends with the losses of the uninterrupted one. Each training is
killed twice; states are written after every step, so that a kill also meets a state half written.

python -m benchmarks.kill_resume
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
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.measure import print_report
from benchmarks.tasks.public import adapt_snips
from core.settings import prepare_libraries, read_settings
from finetune.config import TrainConfig

EXAMPLES, STEPS, KILLS = 48, 12, 2
CONFIG = TrainConfig(epochs=1, batch_size=4, holdout=0, checkpoint_seconds=0)
TASK = "snips-kill"
LARGEST_DIFFERENCE = 1e-3


def main() -> None:
    """Train once whole and some times killed; or be the training, where `--worker` says so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that it works")
    for name in ("--worker", "--home"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    prepare_libraries()
    if arguments.worker:
        train_here(arguments.worker, arguments.home)
        return
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        make_task(home)
        whole = run(home, "whole", kills=[])
        draw = random.Random(0)
        killed = [
            run(home, f"killed-{number}", kills=sorted(draw.sample(range(1, STEPS - 2), KILLS)), pause=draw)
            for number in range(1 if arguments.quick else 5)
        ]
    differences = [max(abs(a - b) for a, b in zip(one["losses"], whole["losses"], strict=True)) for one in killed]
    ends = [abs(one["last_loss"] - whole["last_loss"]) for one in killed]
    print_report(
        "kill_resume",
        config={"data": "SNIPS", "examples": EXAMPLES, "steps": STEPS, "trainings": len(killed), "kills": KILLS * len(killed)},
        ours={
            "last_loss": whole["last_loss"],
            "last_losses_after_kills": [one["last_loss"] for one in killed],
            "killed_after_steps": [one["killed_after"] for one in killed],
            "resumed_from": [one["resumed_from"] for one in killed],
            "largest_difference_of_a_step": max(differences),
            "largest_difference_at_the_end": max(ends),
            "passed": max(ends) <= LARGEST_DIFFERENCE and all(one["steps"] == STEPS for one in killed),
        },
        limits={"largest_difference_at_the_end": LARGEST_DIFFERENCE},
    )


def make_task(home: Path) -> None:
    """Write a task of a few SNIPS rows by `ragft new-task`."""
    rows = list(adapt_snips())
    random.Random(1).shuffle(rows)
    source = home / "rows.jsonl"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows[: EXAMPLES + 20]))
    ragft = [
        sys.executable,
        "-m",
        "ui.cli",
        "new-task",
        TASK,
        "--examples",
        str(source),
        "--test",
        "10",
        "--train",
        str(EXAMPLES),
    ]
    subprocess.run(ragft, check=True, stdout=subprocess.DEVNULL, env=environment(home))


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a process that keeps its state in `home` and reads our model."""
    from core.generation.models import fetch_model

    return {**os.environ, "RAGFT_HOME": str(home), "RAGFT_MODEL": str(fetch_model(read_settings())), "GOMP_SPINCOUNT": "1000"}


def run(home: Path, name: str, *, kills: list[int], pause: random.Random | None = None) -> dict[str, Any]:
    """Train in a process, killed a random moment after each of some steps and started again; returns what it left."""
    folder = home / "kill" / name
    folder.mkdir(parents=True)
    for step in [*kills, None]:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.kill_resume", "--worker", str(folder), "--home", str(home)],
            env=environment(home),
        )
        if step is None:
            if process.wait() != 0:
                raise SystemExit(f"The training {name} ended with {process.returncode}.")
            break
        while step not in read_losses(folder):
            if process.poll() is not None:
                raise SystemExit(f"The training {name} ended with {process.returncode} before step {step}.")
            time.sleep(0.005)
        time.sleep(pause.random() if pause else 0)
        process.send_signal(signal.SIGKILL)
        process.wait()
    losses = read_losses(folder)
    outcome = json.loads((folder / "outcome.json").read_text())
    return {**outcome, "losses": [losses[step] for step in sorted(losses)], "killed_after": kills}


def read_losses(folder: Path) -> dict[int, float]:
    """Return the loss of each step so far; of a step done twice, the later one."""
    path = folder / "losses.jsonl"
    lines = path.read_text().splitlines() if path.is_file() else []
    return dict(json.loads(line) for line in lines)


def train_here(folder: Path, home: Path) -> None:
    """Train as `ragft train --job` does, with a state after every step."""
    from finetune.train.report import Listeners, StepReport
    from lab.lab import Lab
    from lab.training.run import train_task

    lab = Lab(replace(read_settings(), home=home))

    def on_step(report: StepReport) -> None:
        with (folder / "losses.jsonl").open("a") as stream:
            stream.write(json.dumps([report.step, report.loss]) + "\n")

    card = train_task(lab, lab.task(TASK), CONFIG, listeners=Listeners(on_step), states=folder / "states")
    (folder / "outcome.json").write_text(json.dumps({**card["outcome"], "config": asdict(CONFIG)}))


if __name__ == "__main__":
    main()
