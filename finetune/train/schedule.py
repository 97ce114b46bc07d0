"""How a training is laid out: how many steps, which examples in each, at which learning rate, and when it is marked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import count
from random import Random
from typing import TYPE_CHECKING

from finetune.config import TrainConfig
from finetune.data import Encoded, take_turn

if TYPE_CHECKING:
    from finetune.train.checkpoint import TrainingProgress


def count_steps(examples: int, config: TrainConfig) -> int:
    """Return the steps of a training on so many examples, without a time budget."""
    return max(1, round(config.epochs * math.ceil(examples / config.batch_size)))


def fit_steps(total: int, left: float, seconds_per_step: float, step: int) -> int:
    """Return how many steps fit: those done and what `left` seconds allow at the measured speed, at most `total`."""
    return max(step + 1, min(total, step + int(left / seconds_per_step)))


def order_batches(examples: Sequence[Encoded], config: TrainConfig, *, done: int = 0) -> Iterator[list[Encoded]]:
    """Yield batches for ever, every epoch in a new order that depends on the seed alone, the first `done` left out.

    Examples with two prompts show one of them, and in the next epoch the other.
    """
    random = Random(config.seed)
    number = 0
    for turn in count():
        order = [take_turn(item, turn, seed=config.seed) for item in examples]
        # Those left out are shuffled too: a resumed training must see the order that it would have seen.
        random.shuffle(order)
        for start in range(0, len(order), config.batch_size):
            number += 1
            if number > done:
                yield order[start : start + config.batch_size]


def scale_rate(step: int, progress: TrainingProgress, warmup: float) -> float:
    """Return the share of the peak rate: linear warm-up, then a cosine that would be zero one step after the last.

    Where a time budget changed the number of steps, the warm-up goes on from the share reached then, if it was not over.
    """
    rising = max(1, round(progress.total * warmup))
    begun, share = progress.planned_at, progress.planned_share
    if step <= begun + rising:
        return share + (1 - share) * (step - begun) / rising
    falling = progress.total + 1 - begun - rising  # One more than the steps that are left: the last one still learns.
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - begun - rising) / falling)))


def is_evaluation_due(progress: TrainingProgress, parts: int) -> bool:
    """Say whether the held-out sample is answered now: `parts` times at even distances, the last time at the end."""
    step, total = progress.step, progress.total
    # A training that goes on from a state written after an evaluation has that one already.
    if progress.evaluations and progress.evaluations[-1]["step"] == step:
        return False
    # In whole numbers: a step crosses the next of `parts` marks, whether or not `parts` divides the total.
    return step == total or (step * parts) // total > ((step - 1) * parts) // total
