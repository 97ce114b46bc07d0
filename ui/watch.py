"""Training seen from the command line: reuse, run in this process, or start a job and watch it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from core.errors import LabError
from core.generation.loading import hash_weights
from core.generation.models import find_model
from core.jobs import cancel_job, read_events, read_status, start_job
from core.settings import Settings
from core.task import Task
from finetune.adapters import list_adapters
from finetune.config import TrainConfig
from finetune.trainer import StepReport
from ui.lab import Lab

POLL_SECONDS = 0.5


def find_trained(lab: Lab, task: Task, config: TrainConfig) -> dict[str, Any] | None:
    """Return the card of an adapter made from the same data, base and settings, if there is one."""
    weights = hash_weights(find_model(lab.settings))
    data = task.hash_split(task.train)
    for card in list_adapters(lab.settings, task=task.name):
        same = (card.weights, card.data, {**asdict(TrainConfig()), **card.config}) == (weights, data, asdict(config))
        if same and not card.outcome["cancelled"]:
            return asdict(card)
    return None


def train_in_process(lab: Lab, task: Task, config: TrainConfig, notify: Callable[..., None]) -> dict[str, Any]:
    """Train here, reporting every step."""

    def on_step(report: StepReport) -> None:
        notify(
            "train",
            report.step,
            report.total,
            f"loss {report.loss:.2f}",
            loss=report.loss,
            learning_rate=report.learning_rate,
            gradient_norm=report.gradient_norm,
            tokens_per_second=report.tokens_per_second,
        )

    return lab.train(task, config, on_step=on_step, notify=notify)


def train_arguments(task: Task, config: TrainConfig) -> list[str]:
    """Return the arguments of the equivalent `ragft` command."""
    arguments = ["train", task.name if task.folder.parent.name == "tasks" else str(task.folder)]
    if config.minutes is not None:
        arguments += ["--minutes", str(config.minutes)]
    return [
        *arguments, "--epochs", str(config.epochs), "--lr", str(config.learning_rate), "--rank", str(config.rank),
        *(["--with-context"] if config.with_context else []), "--alpha", str(config.alpha), "--batch-size", str(config.batch_size), "--storage", config.storage, "--seed", str(config.seed),
    ]  # fmt: skip


def watch_training(settings: Settings, task: Task, config: TrainConfig, make_bars: Callable[[], Any]) -> dict[str, Any]:
    """Start a training job and follow its files; Ctrl-C stops the job at its next step.

    Raises:
        LabError: The job failed; its last words are given.
    """
    folder = start_job(settings, kind="train", task=task.name, arguments=train_arguments(task, config))
    try:
        with make_bars() as bars:
            while (status := read_status(folder)).active:
                events = read_events(folder)
                if status.total and events:
                    bars("train", status.step, status.total, f"loss {events[-1]['loss']:.2f}")
                time.sleep(POLL_SECONDS)
            if status.state == "done":
                bars("train", status.total, status.total, f"loss {status.result['outcome']['last_loss']:.2f}")
    except KeyboardInterrupt:
        cancel_job(folder)
        raise
    if not status.result:
        raise LabError(f"The training {folder.name} ended as {status.state}: {status.message}")
    return status.result
