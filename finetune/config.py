"""What a training is asked to do: the one document that the form, the command line, the job and the card are views of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from core.errors import LabError

POSITIVE = ("minutes", "epochs", "rank", "learning_rate", "batch_size", "clip", "evaluations")
NOT_NEGATIVE = ("alpha", "holdout", "patience", "checkpoint_seconds", "warmup")
STORAGES = {"nf4": "4 bits, NF4 (QLoRA)", "int8": "8 bits", "full": "16 bits, not quantized (LoRA)"}
SHUFFLED = "shuffled"  # The kind of an adapter that learned answers of other questions.
PROMPTS = {"plain": "without passages: for QLoRA", "passages": "with passages: for RAG + QLoRA", "mixed": "in turn: for both"}


@dataclass(frozen=True, slots=True)
class Question:
    """How people are asked for a setting.

    Args:
        title: Label of its field in the form.
        help: Of its option on the command line.
        option: Name of that option where it is not the setting's.
        lowest: The smallest value that the form's slider offers.
        highest: The largest; only a setting that has one is a slider.
        step: Between two values that the form offers.
        choices: The values, where there are few, with what people call them.
        main: Whether it is one of those that matter most.
    """

    title: str
    help: str
    option: str = ""
    lowest: float = 0
    highest: float | None = None
    step: float = 1
    choices: Mapping[str, str] = field(default_factory=dict)
    main: bool = False


def _ask(default: Any, title: str, help: str, **more: Any) -> Any:
    """Return a dataclass field with its question."""
    return field(default=default, metadata={"question": Question(title, help, **more)})


def default_alpha(rank: int, *, rslora: bool = False) -> int:
    """Return the usual alpha: updates are then scaled by 2; with rsLoRA's root in the scale, 2r would be too much."""
    return rank if rslora else 2 * rank


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """QLoRA settings.

    Args:
        minutes: Time budget of the training steps; the schedule is planned from measured speed.
        epochs: Passes over the training examples, unless `minutes` ends sooner.
        rank: r, the inner dimension of each LoRA pair.
        learning_rate: Peak, after the warm-up. LoRA wants about ten times full fine-tuning's.
        storage: Storage of the frozen weights: `nf4` (QLoRA), `int8`, or `full` (16 bits, plain LoRA).
        batch_size: Examples per step.
        alpha: The update is scaled by alpha / rank (with rsLoRA alpha / sqrt(rank)); 0 becomes the usual one, 2r.
        rslora: Scale by alpha / sqrt(rank) (arXiv 2312.03732), for large ranks.
        dora: Learn each row's magnitude apart from its direction (arXiv 2402.09353); slower.
        prompts: What the prompts show: `plain` no passages; `passages` those that retrieval finds for each example, right
            and wrong ones alike, and mostly the evidence where it was missed (RAFT, arXiv 2403.10131, section 3); `mixed`
            each example with its passages in every other pass, so that one adapter serves prompts of both kinds.
        holdout: Training examples kept out to be answered while training; 0 trains on all and picks no checkpoint.
        evaluations: How often they are answered, evenly over the steps, the last one at the end.
        patience: Evaluations without a better field score after which training ends; 0 never ends it early.
        seed: Of the adapter's initial values, the held-out sample and the order of examples.
        warmup: Share of steps with a rising learning rate, before the cosine.
        clip: Largest gradient norm.
        checkpoint_seconds: A resumable state is written at most so often, and at every evaluation.
        shuffle_labels: Whether each example learns the answer of another: a control, which tells what an adapter knows from the
            answers' form and frequencies alone. No approach but that control answers with it.

    Raises:
        LabError: A value is impossible; it is named.
    """

    minutes: float | None = _ask(
        None, "Minutes (0: no limit)", "Time budget of the training steps, in minutes.", step=0.5, main=True
    )
    epochs: float = _ask(3.0, "Passes, at most", "Passes over the examples.", step=0.5, main=True)
    rank: int = _ask(16, "Rank r", "LoRA rank r.", lowest=1, highest=512, main=True)
    learning_rate: float = _ask(1e-3, "Learning rate", "Peak learning rate.", option="lr", step=1e-4, main=True)
    storage: str = _ask("nf4", "Frozen weights", "Frozen weights: nf4 (QLoRA), int8 or full.", choices=STORAGES)
    batch_size: int = _ask(8, "Examples a step", "Examples a step, over all processes.")
    alpha: int = _ask(0, "Alpha (0: 2r)", "LoRA alpha; 0 is 2r, with rsLoRA r.")
    rslora: bool = _ask(False, "rsLoRA: scale by alpha / √r", "Scale by alpha / sqrt(r).")
    dora: bool = _ask(False, "DoRA: lengths apart, slower", "Learn each row's magnitude apart (DoRA); slower.")
    prompts: str = _ask(
        "plain",
        "Passages in the prompts",
        "plain: none, for qlora; passages: retrieved ones, for hybrid; mixed: in turn, for both.",
        choices=PROMPTS,
    )
    holdout: int = _ask(
        16,
        "Held-out examples",
        "Training examples kept out, answered while training to choose the best adapter; 0: none.",
    )
    evaluations: int = _ask(4, "Answered so often", "How often they are answered.")
    patience: int = _ask(0, "Patience (0: to the end)", "End after so many evaluations without a better score; 0: never.")
    seed: int = _ask(0, "Seed", "Random seed.")
    warmup: float = _ask(0.1, "Warm-up (share)", "Share of steps with a rising learning rate.", step=0.05)
    clip: float = _ask(1.0, "Gradient norm, at most", "Largest gradient norm.", step=0.1)
    checkpoint_seconds: float = _ask(
        60.0, "Seconds between states", "A state to resume from is written at most so often, in seconds.", step=10
    )
    shuffle_labels: bool = _ask(
        False,
        "Control: shuffled answers",
        "Learn the answers of other questions: a control, which the approach `shuffled` alone answers with.",
    )

    def __post_init__(self) -> None:
        """Fill in the usual alpha and refuse what is impossible."""
        for name in POSITIVE:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise LabError(f"{name} is {value}.", "It must be greater than 0, and finite.")
        for name in NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < math.inf:
                raise LabError(f"{name} is {getattr(self, name)}.", "It must be 0 or greater, and finite.")
        if not self.warmup < 1:
            raise LabError(f"warmup is {self.warmup}.", "It is a share of the steps and must be less than 1.")
        if self.storage not in STORAGES:
            raise LabError(f"storage is {self.storage!r}.", f"Choose one of {', '.join(STORAGES)}.")
        if self.prompts not in PROMPTS:
            raise LabError(f"prompts is {self.prompts!r}.", f"Choose one of {', '.join(PROMPTS)}.")
        if self.shuffle_labels and self.prompts != "plain":
            raise LabError("Shuffled answers are learned without passages.", f"Leave prompts at 'plain', not {self.prompts!r}.")
        if not self.alpha:
            object.__setattr__(self, "alpha", default_alpha(self.rank, rslora=self.rslora))


QUESTIONS: Mapping[str, Question] = {item.name: item.metadata["question"] for item in fields(TrainConfig)}
DEFAULTS = TrainConfig()
# Settings that mean nothing to a probe, which tries a few rates for a few steps.
PROBE_IGNORES = ("minutes", "learning_rate", "evaluations", "patience", "checkpoint_seconds")


def update_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored settings under the names of this version: an older one kept `with_context` instead of `prompts`."""
    updated = {name: value for name, value in values.items() if name != "with_context"}
    if "with_context" in values and "prompts" not in values:
        updated["prompts"] = "passages" if values["with_context"] else "plain"
    return updated


def option_of(setting: str) -> str:
    """Return the command-line option of a setting."""
    return f"--{QUESTIONS[setting].option or setting.replace('_', '-')}"


def list_changes(config: TrainConfig) -> dict[str, Any]:
    """Return the settings that are not the usual ones; an alpha that follows from the rank is usual."""
    usual = {**{name: getattr(DEFAULTS, name) for name in QUESTIONS}, "alpha": default_alpha(config.rank, rslora=config.rslora)}
    return {name: getattr(config, name) for name in QUESTIONS if getattr(config, name) != usual[name]}
