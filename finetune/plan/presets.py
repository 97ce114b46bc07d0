"""Starting values by model size: larger models want smaller learning rates.

The rows are those of common practice (QLoRA, arXiv 2305.14314: 2e-4, and 1e-4 from 13B on; all linear layers, rank 16),
the first what we measured on a 135M model (`benchmarks/LOG.md`). The probe (`finetune/train/probe.py`) tells more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from finetune.plan.estimate import ModelShape


@dataclass(frozen=True, slots=True)
class Preset:
    """Where to start.

    Args:
        parameters: The largest model it is for.
        learning_rate: Peak.
        rates: What the probe compares.
        rank: r; alpha is 2r.
        batch_size: Examples a step.
        storage: Of the frozen weights, where memory allows; else `nf4`.
    """

    parameters: float
    learning_rate: float
    rates: tuple[float, ...]
    rank: int
    batch_size: int
    storage: str


PRESETS = (
    Preset(1e9, 1e-3, (3e-4, 1e-3, 3e-3), 16, 8, "nf4"),
    Preset(4e9, 3e-4, (1e-4, 3e-4, 1e-3), 16, 8, "nf4"),
    Preset(13e9, 2e-4, (1e-4, 2e-4, 5e-4), 16, 16, "full"),
    Preset(40e9, 1e-4, (5e-5, 1e-4, 3e-4), 16, 16, "full"),
    Preset(float("inf"), 1e-4, (3e-5, 1e-4, 3e-4), 16, 16, "nf4"),
)


def choose_preset(shape: ModelShape, memory: int) -> Preset:
    """Return the starting values for a model where `memory` bytes are free.

    16-bit weights are only chosen where they take at most half of the memory: the rest is for the steps.
    """
    found = next(row for row in PRESETS if shape.parameters <= row.parameters)
    if found.storage == "full" and 2 * shape.weigh("full") > memory:
        return replace(found, storage="nf4")
    return found
