"""What a training is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import LabError

STORAGES = ("nf4", "int8", "full")


def default_alpha(rank: int, *, rslora: bool = False) -> int:
    """Return the usual alpha: updates are then scaled by 2; with rsLoRA's root in the scale, 2r would be too much."""
    return rank if rslora else 2 * rank


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """QLoRA settings.

    Args:
        rank: r, the inner dimension of each LoRA pair.
        alpha: The update is scaled by alpha / rank (with rsLoRA alpha / sqrt(rank)); alpha = 2r is the usual choice.
        learning_rate: Peak, after the warm-up. LoRA wants about ten times full fine-tuning's.
        epochs: Passes over the training examples, unless `minutes` ends sooner.
        minutes: Time budget of the training steps; the schedule is planned from measured speed.
        batch_size: Examples per step.
        warmup: Share of steps with a rising learning rate, before the cosine.
        clip: Largest gradient norm.
        storage: Storage of the frozen weights: `nf4` (QLoRA), `int8`, or `full` (16 bits, plain LoRA).
        rslora: Scale by alpha / sqrt(rank) (arXiv 2312.03732), for large ranks.
        dora: Learn each row's magnitude apart from its direction (arXiv 2402.09353); slower.
        with_context: Train with the passages that retrieval finds for each example in its prompt, right and
            wrong ones alike, and mostly the evidence where it was missed (RAFT, arXiv 2403.10131, section 3).
        holdout: Training examples kept out to be answered while training; 0 trains on all and picks no checkpoint.
        evaluations: How often they are answered, evenly over the steps, the last one at the end.
        patience: Evaluations without a better field score after which training ends; 0 never ends it early.
        checkpoint_seconds: A resumable state is written at most so often, and at every evaluation.
        seed: Of the adapter's initial values, the held-out sample and the order of examples.
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
    rslora: bool = False
    dora: bool = False
    with_context: bool = False
    holdout: int = 0
    evaluations: int = 4
    patience: int = 0
    checkpoint_seconds: float = 60.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rank", "alpha", "learning_rate", "epochs", "batch_size", "clip", "evaluations"):
            if getattr(self, name) <= 0:
                raise LabError(f"{name} is {getattr(self, name)}.", "It must be greater than 0.")
        for name in ("holdout", "patience", "checkpoint_seconds"):
            if getattr(self, name) < 0:
                raise LabError(f"{name} is {getattr(self, name)}.", "It must be 0 or greater.")
        if self.minutes is not None and self.minutes <= 0:
            raise LabError(f"minutes is {self.minutes}.", "It must be greater than 0.")
        if self.storage not in STORAGES:
            raise LabError(f"storage is {self.storage!r}.", f"Choose one of {', '.join(STORAGES)}.")
