"""A training cut into slices, for GPUs that are lent for a minute or two: each goes on from the last one's state.

A slice is one pure call in a forked process (`core/generation/zero_gpu.py`). What it has learned lies in the job's folder, so the
losses are those of a training that was never interrupted; its steps are told by the job's events as they happen.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import Cancelled, LabError, Paused
from core.generation.zero_gpu import Refusal, borrow_gpu
from core.jobs import CANCEL, EVENTS
from core.progress import Watcher
from core.settings import Settings
from finetune.config import TrainConfig
from lab.lab import Lab

SLICE_SECONDS = 90.0  # Of loading and learning.
SPARE_SECONDS = 30.0  # For the step that runs, the state, and storing the adapter.


@dataclass(frozen=True, slots=True)
class TrainingSlice:
    """All that a slice of a training follows from.

    Args:
        settings: Where state lies.
        task: Name or folder of the task.
        config: The training's settings.
        job: The job's folder, with the state to go on from.
        seconds: After so many it stops at its next step.
    """

    settings: Settings
    task: str
    config: TrainConfig
    job: Path
    seconds: float = SLICE_SECONDS


@dataclass(frozen=True, slots=True)
class SliceResult:
    """How far a slice came: steps done and planned, the stored adapter's card once there is one, whether it was cancelled."""

    step: int = 0
    total: int = 0
    card: dict[str, Any] | None = None
    cancelled: bool = False


@dataclass
class SliceWatcher:
    """Tells of a slice in the job's events, and ends it when its time is over."""

    job: Path
    until: float
    began: float = field(default_factory=time.monotonic)
    step: int = 0
    total: int = 0

    def __call__(self, stage: str, step: int, total: int, note: str = "", **metrics: float) -> None:
        """Take a step of a stage.

        Raises:
            Paused: The time is over and a step was done.
            Cancelled: Somebody asked the job to stop.
        """
        self.check()
        if stage != "train":
            return
        self.step, self.total = step, total
        self.record({"step": step, "total": total, "seconds": time.monotonic() - self.began, **metrics})
        if time.monotonic() >= self.until and step < total:
            raise Paused

    def check(self) -> None:
        """Learn of a cancellation.

        Raises:
            Cancelled: Somebody asked the job to stop.
        """
        if (self.job / CANCEL).exists():
            raise Cancelled

    def record(self, event: dict[str, Any]) -> None:
        """Append an event to the job's."""
        with (self.job / EVENTS).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(event, ensure_ascii=False) + "\n")

    def say(self, text: str) -> None:
        """Take a sentence for people: the job's own process has nobody to tell it to."""


def train_slice(part: TrainingSlice) -> SliceResult | Refusal:
    """Go on with a training until it is done, or its time is over."""
    from lab.training.run import train_watched

    watcher = SliceWatcher(part.job, time.monotonic() + part.seconds)
    lab = Lab(part.settings)
    try:
        card = train_watched(lab, lab.task(part.task), part.config, watcher, job=part.job)
    except Paused:
        return SliceResult(watcher.step, watcher.total)
    except Cancelled:
        return SliceResult(watcher.step, watcher.total, cancelled=True)
    except LabError as error:
        return Refusal(error.happened, error.remedy)
    return SliceResult(watcher.step, watcher.total, card)


def estimate_slice(part: TrainingSlice) -> float:
    """Return how many seconds a slice takes at most."""
    return part.seconds + SPARE_SECONDS


# As many as a slice has.
def train_in_slices(
    lab: Lab, task: str, config: TrainConfig, watcher: Watcher, *, job: Path, seconds: float = SLICE_SECONDS
) -> dict[str, Any]:
    """Train on lent GPUs, a slice after the other; returns the adapter's card.

    Raises:
        LabError: As `train_task`, or a slice was too short for a step.
        Cancelled: Stopped before anything useful was learned.
    """
    lend, done = borrow_gpu(train_slice, estimate_slice), -1
    while True:
        result = lend(TrainingSlice(lab.settings, task, config, job, seconds))
        if isinstance(result, Refusal):
            raise result.as_error()
        if result.cancelled:
            raise Cancelled
        if result.card is not None:
            card: dict[str, Any] = result.card
            return card
        if result.step <= done:
            raise LabError(f"In {seconds:.0f} s of a lent GPU no step was done.", "Shorten the examples, or train elsewhere.")
        done = result.step
        watcher("train", result.step, result.total, f"{result.step} of {result.total} steps, in slices")


def register_borrowers() -> None:
    """Name all that borrows a GPU before the page starts, when a Space is told of it; elsewhere nothing happens."""
    from core.generation.borrowed import answer_batch, estimate_seconds

    borrow_gpu(answer_batch, estimate_seconds)
    borrow_gpu(train_slice, estimate_slice)
