"""What a training tells while it runs and leaves when it ends: plain values, of which cards, events and curves are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StepReport:
    """One optimizer step.

    Args:
        step: Its number, from 1.
        total: Steps planned.
        loss: Mean cross-entropy of the answers' tokens, in nats.
        learning_rate: Of this step.
        gradient_norm: Before clipping.
        tokens_per_second: Real tokens: every example's prompt and answer.
        seconds: Of all steps so far.
        memory_gib: The process's memory, on CUDA the device's peak.
    """

    step: int
    total: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float
    seconds: float
    memory_gib: float


@dataclass(frozen=True, slots=True)
class HeldAnswer:
    """One held-out question as answered now. `expected` and `answer` are JSON texts."""

    id: str
    input: str
    expected: str
    answer: str
    score: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The held-out sample at a step: shares of n answers, decoded freely and greedily.

    Args:
        step: After which step; 0 is the base model, whose adapter still adds nothing.
        n: Answers.
        held_loss: Mean cross-entropy of the expected answers' tokens, in nats.
        parsed: Share that is JSON as written.
        schema_valid: Share that is valid under the schema as written.
        score: Mean field score; an unreadable answer scores 0.
        exact: Share with all fields right.
        mean_tokens: Mean length.
        ended: Share that the model ended itself.
        seconds: How long it took.
        samples: The first few, to read.
    """

    step: int
    n: int
    held_loss: float
    parsed: float
    schema_valid: float
    score: float
    exact: float
    mean_tokens: float
    ended: float
    seconds: float
    samples: tuple[HeldAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training went.

    Args:
        steps: Done.
        examples: Trained on.
        first_loss: Of the first step, in nats a token.
        last_loss: Mean of the last pass over the examples.
        seconds: Of all steps, without evaluations.
        tokens: Of prompts and answers in all steps.
        trainable_parameters: Numbers in the adapter.
        cancelled: Whether somebody stopped it.
        best_step: The step whose adapter was kept; 0 if no held-out answers chose it: the last's.
        stopped_early: Whether it ended because the answers became no better.
        resumed_from: The step of the state that it went on from; 0 for a training from the beginning.
        evaluations: The held-out answers' marks, as JSON, in order.
    """

    steps: int
    examples: int
    first_loss: float
    last_loss: float
    seconds: float
    tokens: int
    trainable_parameters: int
    cancelled: bool
    best_step: int = 0
    stopped_early: bool = False
    resumed_from: int = 0
    evaluations: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Listeners:
    """Who is told what.

    Args:
        on_step: Hears of every step. It may raise `Cancelled`, and then what was learned is kept.
        on_evaluation: Hears of the held-out answers.
        on_warning: Hears what a person should know, and after which step.
        on_start: Hears after which step the training begins: 0, or that of the state it goes on from.
        on_wait: Is called again and again while the held-out sample is answered; it may raise `Cancelled` too.
    """

    on_step: Callable[[StepReport], None]
    on_evaluation: Callable[[Evaluation], None] = lambda evaluation: None
    on_warning: Callable[[int, str], None] = lambda step, text: None
    on_start: Callable[[int], None] = lambda step: None
    on_wait: Callable[[], None] = lambda: None
