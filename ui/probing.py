"""The learning-rate probe as commands and jobs run it: rates by model size, losses as a job's events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from core.task import Task
from finetune.config import TrainConfig
from ui.console import Bars
from ui.lab import Lab


def run_probe(lab: Lab, task: Task, config: TrainConfig, rates: Sequence[float] | None, bars: Bars) -> dict[str, Any]:
    """Compare learning rates, by default those for the model's size; returns the curves and the suggestion as JSON."""
    from ui.training import probe_task

    chosen = rates or _choose_rates(lab)

    def on_step(done: int, total: int, rate: float, loss: float) -> None:
        bars.record({"kind": "probe", "step": done, "text": f"{rate:g}", "rate": rate, "loss": loss})
        bars("probe", done, total, f"rate {rate:g}, loss {loss:.2f}")

    return asdict(probe_task(lab, task, config, rates=chosen, on_step=on_step, notify=bars))


def probe_arguments(name: str, config: TrainConfig) -> list[str]:
    """Return the arguments of the `ragft` command that probes the rate of a planned training."""
    options = {
        "rank": config.rank, "batch-size": config.batch_size, "storage": config.storage, "epochs": config.epochs,
        "seed": config.seed,
    }  # fmt: skip
    flags = [f"--{flag.replace('_', '-')}" for flag in ("rslora", "dora", "with_context") if getattr(config, flag)]
    return ["probe-lr", name, *(part for option, value in options.items() for part in (f"--{option}", str(value))), *flags]


def _choose_rates(lab: Lab) -> tuple[float, ...]:
    from core.generation.models import find_model
    from finetune.estimate import inspect_machine, read_shape
    from finetune.presets import choose_preset

    return choose_preset(read_shape(find_model(lab.settings)), inspect_machine(lab.settings.home).memory).rates
