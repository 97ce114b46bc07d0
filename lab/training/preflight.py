"""Look at a training before it starts: gather what the preflight needs, put its report into facts. No weights are loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from core.errors import LabError
from core.tasks.folders import find_task
from core.tasks.loading import load_task
from core.units import format_size
from lab.lab import Lab
from lab.passages import find_passages

if TYPE_CHECKING:
    from finetune.config import TrainConfig
    from finetune.plan.estimate import Estimate
    from finetune.plan.preflight import Preflight

COUNTS = {
    "train": "Training examples",
    "held_out": "of these held out to be answered",
    "trained_on": "of these trained on",
    "too_long": "too long, left out",
    "refused": "could not be encoded",
    "invalid_rows": "Unusable rows",
    "targets": "Different answers",
    "duplicates": "Repeated inputs",
    "contradictions": "Inputs with more than one answer",
    "test": "Test examples",
    "leaked": "of these seen in training",
    "near_leaked": "nearly seen in training",
}
STORAGES = {"nf4": "4 bits (NF4)", "int8": "8 bits", "full": "not quantized"}


def run_preflight(lab: Lab, name: str, config: TrainConfig) -> Preflight:
    """Inspect a training of a task, by name or path, with the lab's model on this machine.

    Raises:
        LabError: The task or the model is absent, or a training with passages has no index.
    """
    from core.generation.loading import load_tokenizer
    from core.generation.models import find_model
    from finetune.adapters.store import list_adapters
    from finetune.plan.estimate import inspect_machine, read_shape
    from finetune.plan.preflight import inspect_training

    folder = find_model(lab.settings)
    task = load_task(find_task(name, lab.settings), lenient=True)
    hits = None
    if config.prompts != "plain" and task.train:
        hits = find_passages(lab, task, task.train)
    machine = inspect_machine(lab.settings.home, list_adapters(lab.settings), model=folder.name, storage=config.storage)
    return inspect_training(task, load_tokenizer(folder), config, shape=read_shape(folder), machine=machine, hits=hits)


def require_go(report: Preflight, *, allow_leakage: bool = False) -> None:
    """Refuse a training that its preflight refuses; that test examples are learned may be allowed.

    Raises:
        LabError: With the first reason, and how many more there are.
    """
    reasons = [reason for reason in report.problems if not (allow_leakage and reason in report.leaks)]
    if not reasons:
        return
    more = f" ({len(reasons) - 1} more)" if len(reasons) > 1 else ""
    only = " To train all the same: `ragft train --allow-leakage`." if set(reasons) <= set(report.leaks) else ""
    raise LabError(f"{reasons[0]}{more}", f"See all: `ragft preflight {report.task}`.{only}")


def list_facts(report: Preflight) -> Iterator[tuple[str, str]]:
    """Yield the numbers of a report for people, as (name, value)."""
    for name, title in COUNTS.items():
        if report.counts[name] or name in {"train", "trained_on", "test", "targets"}:
            yield title, f"{report.counts[name]:,}"
    for name, percentiles in report.lengths.items():
        title = {"both": "prompt and answer"}.get(name, name)
        yield (
            f"Tokens of {title}",
            f"{percentiles['p50']:.0f} (95 % up to {percentiles['p95']:.0f}, longest {percentiles['p100']:.0f})",
        )
    if report.estimate is not None:
        yield from _list_costs(report.estimate)


def _list_costs(estimate: Estimate) -> Iterator[tuple[str, str]]:
    yield "Trained parameters", f"{estimate.trainable:,} ({estimate.share:.2%} of {estimate.parameters:,})"
    yield "Adapter file", format_size(estimate.adapter)
    stored = ", ".join(f"{STORAGES[name]} {format_size(size)}" for name, size in estimate.weights_by_storage.items())
    yield "Frozen weights in memory", f"{format_size(estimate.weights)} ({stored})"
    parts = {
        "weights": estimate.weights,
        "adapter": estimate.adapter,
        "gradients and optimizer": estimate.optimizer,
        "activations": estimate.activations,
        "logits": estimate.logits,
        "program": estimate.process,
    }
    summed = ", ".join(f"{name} {format_size(size)}" for name, size in parts.items() if size)
    yield "Peak memory, estimated", f"{format_size(estimate.peak)} of {format_size(estimate.available)} free ({summed})"
    yield "Steps", f"{estimate.steps:,} of about {estimate.tokens_per_step:,.0f} tokens"
    yield "Speed", f"{estimate.tokens_per_second:,.0f} tokens/s, {estimate.speed_source}"
    yield "Time, estimated", f"{estimate.minutes:.1f} minutes"
    yield "Disk", f"{format_size(estimate.disk)} of {format_size(estimate.disk_free)} free"


def describe_labelled(report: Preflight) -> Mapping[str, Any]:
    """Return the trained part of each shown example as one text, for the terminal."""
    return {item.id: "".join(piece.text for piece in item.pieces if piece.part != "given") for item in report.labelled}
