"""Starting values by model size: larger models want smaller learning rates.

The rows are those of common practice (QLoRA, arXiv 2305.14314: 2e-4, and 1e-4 from 13B on; all linear layers),
the first what we measured on a 135M model (`benchmarks/LOG.md`). The probe (`finetune/train/probe.py`) tells more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from finetune.config import DEFAULTS
from finetune.plan.estimate import ModelShape


@dataclass(frozen=True, slots=True)
class Preset:
    """Where to start.

    Args:
        parameters: The largest model it is for.
        learning_rate: Peak.
        rates: What the probe compares.
        batch_size: Examples a step.
        storage: Of the frozen weights, where memory allows; else `nf4`.
        rank: r, the usual one for every size.
    """

    parameters: float
    learning_rate: float
    rates: tuple[float, ...]
    batch_size: int
    storage: str
    rank: int = DEFAULTS.rank


PRESETS = (
    Preset(1e9, 1e-3, (3e-4, 1e-3, 3e-3), 8, "nf4"),
    Preset(4e9, 3e-4, (1e-4, 3e-4, 1e-3), 8, "nf4"),
    Preset(13e9, 2e-4, (1e-4, 2e-4, 5e-4), 16, "full"),
    Preset(40e9, 1e-4, (5e-5, 1e-4, 3e-4), 16, "full"),
    Preset(float("inf"), 1e-4, (3e-5, 1e-4, 3e-4), 16, "nf4"),
)


def choose_preset(shape: ModelShape, memory: int) -> Preset:
    """Return the starting values for a model where `memory` bytes are free.

    16-bit weights are only chosen where they take at most half of the memory: the rest is for the steps.
    """
    preset = next(row for row in PRESETS if shape.parameters <= row.parameters)
    if preset.storage == "full" and 2 * shape.weigh("full") > memory:
        return replace(preset, storage="nf4")
    return preset
