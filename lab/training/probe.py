"""The learning-rate probe as commands and jobs run it: rates by model size, losses as a job's events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from core.progress import Watcher
from core.tasks.task import Task
from finetune.config import TrainConfig
from lab.lab import Lab

RATES = 3  # As many as each of `finetune.plan.presets.PRESETS` has.


def run_probe(lab: Lab, task: Task, config: TrainConfig, rates: Sequence[float], watcher: Watcher) -> dict[str, Any]:
    """Compare learning rates, those for the model's size where none is given; returns the curves and the suggestion as JSON.

    Raises:
        LabError: The planned training is too short, which is said before the model is loaded, or as `probe_task`.
    """
    from lab.training.run import probe_task

    chosen = rates or _choose_rates(lab)
    check_plan(task, config, len(chosen))

    def on_step(done: int, total: int, rate: float, loss: float) -> None:
        watcher.record({"kind": "probe", "step": done, "text": f"{rate:g}", "rate": rate, "loss": loss})
        watcher("probe", done, total, f"rate {rate:g}, loss {loss:.2f}")

    return asdict(probe_task(lab, task, config, rates=chosen, on_step=on_step, notify=watcher))


def check_plan(task: Task, config: TrainConfig, rates: int = RATES) -> None:
    """Refuse a training that is too short to be probed.

    Raises:
        LabError: It is; how long it must be is said.
    """
    from finetune.train.held_out import split_holdout
    from finetune.train.probe import plan_probe
    from finetune.train.schedule import count_steps

    plan_probe(count_steps(len(split_holdout(task.train, config.holdout, seed=config.seed)[0]), config), rates)


def _choose_rates(lab: Lab) -> tuple[float, ...]:
    from core.generation.models import find_model
    from finetune.plan.estimate import inspect_machine, read_shape
    from finetune.plan.presets import choose_preset

    return choose_preset(read_shape(find_model(lab.settings)), inspect_machine(lab.settings.home).memory).rates
