"""A job seen from the terminal: followed until it ends, or a training started and followed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.jobs import JobStatus, cancel_job, read_config, read_status, resume_job
from core.settings import Settings
from core.tasks.task import Task
from lab.jobs import start
from lab.requests import TrainRequest
from lab.training.events import read_training_events
from lab.training.jobs import find_unfinished, list_learned
from ui.cli.console import Bars
from ui.command import RUNNER

POLL_SECONDS = 0.5  # A person sees a step within half a second; reading the files takes a millisecond.


def watch_training(settings: Settings, task: Task, request: TrainRequest, *, go_on: bool = False) -> dict[str, Any]:
    """Start a training job and follow its files; Ctrl-C stops what was started here at its next step.

    Args:
        settings: Where state lives.
        task: What to learn.
        request: The training.
        go_on: Follow or resume such a job that has not done its work, instead of a new one.

    Raises:
        LabError: The job failed; its last words are given.
    """
    unfinished = find_unfinished(settings, request, task) if go_on else None
    if unfinished is None:
        folder = start(settings, request, runner=RUNNER, follows=list_learned(settings, task))
    else:
        folder, status = unfinished
        if not status.active:
            resume_job(settings, folder, runner=RUNNER)
    try:
        status = follow_job(folder)
    except KeyboardInterrupt:
        if unfinished is None or not unfinished[1].active:
            cancel_job(folder)  # What another command started goes on.
        raise
    if not status.result:
        raise LabError(f"The training {folder.name} ended as {status.state}: {status.message}")
    return status.result


def follow_job(folder: Path) -> JobStatus:
    """Show a job's progress, evaluations and notices until it ends; returns how it ended."""
    shown = 0
    kind = read_config(folder).kind
    with Bars() as bars:
        while True:
            status = read_status(folder)
            events = read_training_events(folder)
            for event in events[shown:]:
                if event.get("kind") == "notice":
                    bars.say(f"Step {event['step']}: {event['text']}")
                elif event.get("kind") == "evaluation":
                    bars.say(
                        f"Step {event['step']}: of {event['n']} held-out answers {event['schema_valid']:.0%} valid, "
                        f"field score {event['score']:.3f}, loss {event['held_loss']:.2f}"
                    )
            shown = len(events)
            if status.total:
                bars(kind, status.step, status.total, status.message)
            if not status.active:
                return status
            time.sleep(POLL_SECONDS)
