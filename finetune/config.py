"""What a training is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import LabError


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """QLoRA settings.

    Args:
        rank: r, the inner dimension of each LoRA pair.
        alpha: The update is scaled by alpha / rank; alpha = 2r is the usual choice.
        learning_rate: Peak, after the warm-up. LoRA wants about ten times full fine-tuning's.
        epochs: Passes over the training examples, unless `minutes` ends sooner.
        minutes: Time budget of the training steps; the schedule is planned from measured speed.
        batch_size: Examples per step.
        warmup: Share of steps with a rising learning rate, before the cosine.
        clip: Largest gradient norm.
        storage: Storage of the frozen weights: `nf4` (QLoRA) or `full`.
        with_context: Train with the passages that retrieval finds for each example in its prompt, right and
            wrong ones alike, as the hybrid will be asked (RAFT, arXiv 2403.10131, section 3).
        seed: Of the adapter's initial values and the order of examples.
    """

    rank: int = 16
    alpha: int = 32
    learning_rate: float = 1e-3
    epochs: float = 3.0
    minutes: float | None = None
    batch_size: int = 8
    warmup: float = 0.1
    clip: float = 1.0
    storage: str = "nf4"
    with_context: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rank", "alpha", "learning_rate", "epochs", "batch_size", "clip"):
            if getattr(self, name) <= 0:
                raise LabError(f"{name} is {getattr(self, name)}.", "It must be greater than 0.")
        if self.minutes is not None and self.minutes <= 0:
            raise LabError(f"minutes is {self.minutes}.", "It must be greater than 0.")
        if self.storage not in {"nf4", "full"}:
            raise LabError(f"storage is {self.storage!r}.", "Choose nf4 or full.")
