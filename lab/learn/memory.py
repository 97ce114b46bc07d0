"""Where the memory of a training goes, by the project's own estimate (`finetune/plan/estimate.py`), part by part.

Full fine-tuning is not what this project does, so its two parts come from the arithmetic of ZeRO (Rajbhandari et al. 2020, arXiv
1910.02054, section 3.1): mixed precision with Adam takes 16 bytes a parameter, 2 of them weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import LabError
from core.settings import Settings
from finetune.lora import count_bits
from finetune.plan.estimate import MARGIN, Estimate, Machine, ModelShape, estimate_training
from finetune.plan.shapes import KNOWN, shape_llama

CARDS = (8, 12, 16, 24, 48, 80)  # GiB of common GPUs.
METHODS = {"nf4": "QLoRA: 4-bit weights", "int8": "8-bit weights", "full": "LoRA: 16-bit weights", "whole": "Full fine-tuning"}
FULL_BYTES = {"gradients": 2, "optimizer": 12}  # Of a parameter; the optimizer's hold the 32-bit copy and two moments.
ADAPTER_BYTES = {
    "gradients": 4,
    "optimizer": 8,
}  # Of a trained number, in 32 bits; `finetune.plan.estimate.ADAM_BYTES` is both.
ENDLESS = 2**60  # Bytes: of a machine on which everything fits.
PARTS = (
    "linear weights",
    "other weights",
    "quantization constants",
    "adapter",
    "gradients",
    "optimizer",
    "activations",
    "logits",
)


@dataclass(frozen=True, slots=True)
class Setup:
    """A training whose memory is asked about.

    Args:
        rank: Of the adapter.
        batch: Examples a step.
        tokens: Of each.
        recompute: Whether blocks are computed again in the backward pass instead of kept (gradient checkpointing).
    """

    rank: int = 16
    batch: int = 1
    tokens: int = 512
    recompute: bool = False


@dataclass(frozen=True, slots=True)
class MemoryParts:
    """A method's memory: bytes by part, in the order of `PARTS`, and the smallest common GPU that it fits."""

    method: str
    parts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All bytes."""
        return sum(self.parts.values())

    @property
    def card(self) -> int | None:
        """GiB of the smallest common GPU with a tenth to spare; None where there is none."""
        return next((size for size in CARDS if self.total * MARGIN <= size * 2**30), None)


def find_shape(name: str) -> ModelShape:
    """Return the shape of a known model.

    Raises:
        LabError: There is no such model.
    """
    if name not in KNOWN:
        raise LabError(f"The sizes of {name!r} are not known.", f"Choose one of {', '.join(KNOWN)}.")
    return shape_llama(name, KNOWN[name])


def split_memory(shape: ModelShape, method: str, setup: Setup) -> MemoryParts:
    """Return where the memory of a training on a GPU goes.

    Raises:
        LabError: There is no such method, or a size is impossible.
    """
    from finetune.config import TrainConfig

    if method not in METHODS:
        raise LabError(f"There is no method {method!r}.", f"Choose one of {', '.join(METHODS)}.")
    storage = "full" if method == "whole" else method
    config = TrainConfig(rank=setup.rank, storage=storage, batch_size=setup.batch)
    machine = Machine("cuda", 2, ENDLESS, ENDLESS)
    lengths = [setup.tokens] * setup.batch
    answers = [max(1, setup.tokens // 4)] * setup.batch
    estimate = estimate_training(shape, config, machine, prefix=0, own=lengths, answers=answers)
    trained = shape.parameters if method == "whole" else estimate.trainable
    sizes = FULL_BYTES if method == "whole" else ADAPTER_BYTES
    constants = int(shape.linear_parameters * (count_bits() - 4) / 8) if method == "nf4" else 0
    other = 2 * (shape.parameters - shape.linear_parameters)
    values = (
        estimate.weights - other - constants,
        other,
        constants,
        0 if method == "whole" else estimate.adapter,
        sizes["gradients"] * trained,
        sizes["optimizer"] * trained,
        _weigh_activations(shape, estimate, setup),
        estimate.logits,
    )
    return MemoryParts(method, dict(zip(PARTS, values, strict=True)))


def _weigh_activations(shape: ModelShape, estimate: Estimate, setup: Setup) -> int:
    """Return the bytes kept for the backward pass; computed again, each block's input and the inside of one block."""
    if not setup.recompute:
        return estimate.activations
    inputs = 2 * setup.batch * setup.tokens * shape.width * shape.layers
    return min(estimate.activations, estimate.activations // shape.layers + inputs)


@dataclass(frozen=True, slots=True)
class MeasuredPeak:
    """What a training on this machine took: of which adapter, GiB, its model and rank."""

    adapter: str
    gib: float
    model: str
    rank: int


def find_measured_peaks(settings: Settings) -> list[MeasuredPeak]:
    """Return the memory of this machine's own finished trainings, newest first, as their events say it.

    The larger of what a step and what an evaluation saw; a training whose job or adapter is gone says nothing.
    """
    from core.jobs import list_statuses
    from finetune.adapters.card import is_number
    from finetune.adapters.store import list_adapters
    from lab.training.events import read_training_events

    cards = {card.id: card for card in list_adapters(settings)}
    peaks = []
    for folder, status in sorted(list_statuses(settings).whole, key=lambda found: found[0].name, reverse=True):
        card = cards.get(str(status.result.get("id")))
        if status.state != "done" or card is None:
            continue
        sizes = [event.get("memory_gib") for event in read_training_events(folder)]
        gib = max((size for size in sizes if is_number(size)), default=0.0)
        rank = card.config.get("rank")
        if gib > 0 and is_number(rank):
            peaks.append(MeasuredPeak(card.id, float(gib), card.model, int(rank)))
    return peaks
