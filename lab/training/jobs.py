"""Training seen from the command line: reuse, run in this process, or start a job and watch it."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.generation.loading import hash_weights
from core.generation.models import find_model
from core.jobs import (
    CONFIG,
    RESTART,
    STATES,
    JobStatus,
    cancel_job,
    list_jobs,
    read_events,
    read_kind,
    read_status,
    resume_job,
    start_job,
)
from core.settings import Settings
from core.storage import hash_json, read_json
from core.tasks.task import Task, find_task
from finetune.adapters.store import list_adapters
from finetune.config import TrainConfig
from finetune.train.held_out import Evaluation
from finetune.train.trainer import StepReport
from lab.lab import Lab
from lab.training.run import train_task
from ui.cli.console import Bars

POLL_SECONDS = 0.5


def find_trained(lab: Lab, task: Task, config: TrainConfig) -> dict[str, Any] | None:
    """Return the card of an adapter made from the same instruction, schema, data, base and settings, if there is one."""
    learned = _list_learned(lab.settings, task)
    for card in list_adapters(lab.settings, task=task.name):
        same = [card.weights, card.data, card.instruction, dict(card.schema)] == learned
        if same and {**asdict(TrainConfig()), **card.config} == asdict(config) and not card.outcome.get("cancelled"):
            return asdict(card)
    return None


def _list_learned(settings: Settings, task: Task) -> list[Any]:
    """Return what a training follows from beside its settings: base, examples, instruction, schema."""
    return [hash_weights(find_model(settings)), task.hash_split(task.train), task.instruction, dict(task.schema)]


def train_in_process(lab: Lab, task: Task, config: TrainConfig, bars: Bars, *, job: Path | None = None) -> dict[str, Any]:
    """Train here, reporting every step, evaluation and notice; with a job's folder, states to resume from are kept in it."""
    from finetune.train.trainer import Listeners

    def on_step(report: StepReport) -> None:
        values = {name: value for name, value in asdict(report).items() if name not in {"step", "total", "seconds"}}
        bars("train", report.step, report.total, f"loss {report.loss:.2f}", **values)

    def on_evaluation(found: Evaluation) -> None:
        bars.record({"kind": "evaluation", **asdict(found)})

    def on_notice(step: int, text: str) -> None:
        bars.record({"kind": "notice", "step": step, "text": text})

    def on_start(step: int) -> None:
        bars.record({"kind": RESTART, "step": step})

    return train_task(
        lab, task, config, listeners=Listeners(on_step, on_evaluation, on_notice, on_start, bars.check), notify=bars,
        states=job / STATES if job else None,
    )  # fmt: skip


def name_task(task: Task, settings: Settings) -> str:
    """Return what a command calls a task: its name where that leads to its folder, else the path."""
    try:
        known = find_task(task.name, settings).samefile(task.folder)
    except LabError:
        known = False
    return task.name if known else str(task.folder.resolve())


def train_arguments(task: Task, config: TrainConfig, settings: Settings, *, allow_leakage: bool = False) -> list[str]:
    """Return the arguments of the equivalent `ragft` command."""
    arguments = ["train", name_task(task, settings)]
    if config.minutes is not None:
        arguments += ["--minutes", str(config.minutes)]
    flags = [f"--{name.replace('_', '-')}" for name in ("rslora", "dora", "with_context") if getattr(config, name)]
    flags += ["--allow-leakage"] if allow_leakage else []
    options = {
        "epochs": config.epochs, "lr": config.learning_rate, "rank": config.rank, "alpha": config.alpha,
        "batch-size": config.batch_size, "storage": config.storage, "holdout": config.holdout,
        "evaluations": config.evaluations, "patience": config.patience, "seed": config.seed,
    }  # fmt: skip
    return [*arguments, *(part for name, value in options.items() for part in (f"--{name}", str(value))), *flags]


def watch_training(
    settings: Settings, task: Task, config: TrainConfig, *, allow_leakage: bool = False, go_on: bool = False
) -> dict[str, Any]:
    """Start a training job and follow its files; Ctrl-C stops what was started here at its next step.

    Args:
        settings: Where state lives.
        task: What to learn.
        config: How.
        allow_leakage: Whether test examples may be among the training examples.
        go_on: Follow or resume such a job of the same command, data and base that has not done its work, instead of a new one.

    Raises:
        LabError: The job failed; its last words are given.
    """
    arguments = train_arguments(task, config, settings, allow_leakage=allow_leakage)
    basis = hash_json([arguments, _list_learned(settings, task)])
    found = _find_unfinished(settings, basis) if go_on else None
    if found is None:
        folder = start_job(settings, kind="train", task=task.name, arguments=arguments, basis=basis)
    else:
        folder, status = found
        if not status.active:
            resume_job(settings, folder)
    try:
        status = follow_job(folder)
    except KeyboardInterrupt:
        if found is None or not found[1].active:
            cancel_job(folder)  # What another command started goes on.
        raise
    if not status.result:
        raise LabError(f"The training {folder.name} ended as {status.state}: {status.message}")
    return status.result


def _find_unfinished(settings: Settings, basis: str) -> tuple[Path, JobStatus] | None:
    """Return the newest job of this basis, unless it is done; a damaged job hides no other."""
    for folder in list_jobs(settings):
        with suppress(LabError):
            if read_json(folder / CONFIG).get("basis") == basis:
                status = read_status(folder)
                return None if status.state == "done" else (folder, status)
    return None


def follow_job(folder: Path) -> JobStatus:
    """Show a job's progress, evaluations and notices until it ends; returns how it ended."""
    shown = 0
    with Bars() as bars:
        while True:
            status = read_status(folder)
            events = read_events(folder)
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
                bars(read_kind(folder), status.step, status.total, status.message)
            if not status.active:
                return status
            time.sleep(POLL_SECONDS)
