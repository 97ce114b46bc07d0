"""Which learning rate: the planned training is begun once with each of a few rates, and the losses are compared.

A good rate differs by task and model more than any other setting, and shows within a few steps. Every rate starts
from the same fresh adapter and sees the same batches. A few steps of a long cosine hardly fall, so that after its
warm-up the rate is constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from core.errors import Cancelled, LabError
from finetune.config import TrainConfig
from finetune.data import Encoded
from finetune.train.checkpoint import read_adapter, write_adapter
from finetune.train.report import Listeners, StepReport
from finetune.train.schedule import count_steps
from finetune.train.trainer import Diverged, train

RATES = (3e-4, 1e-3, 3e-3)  # Those of a small model (`finetune/plan/presets.py`).
SHARE = 0.1  # Of the planned steps, which all rates together may take.
MIN_STEPS = 3  # Of each rate; fewer do not tell rates apart.
WARM_STEPS = 2  # Over which the rate rises, as in the planned training.
LONG = 100  # Times the steps done: so long a cosine has hardly fallen by then.
RISEN = 1.1  # Times its first loss, above which a rate is out.

OnProbe = Callable[[int, int, float, float], None]


@dataclass(frozen=True, slots=True)
class Curve:
    """The first losses at one rate, in nats a token.

    Args:
        rate: The learning rate after the warm-up.
        losses: Of each step; fewer than planned where the loss became no number.
        mark: Mean of the last third; None for a rate that is out, because its loss is no number or has risen.
    """

    rate: float
    losses: tuple[float, ...]
    mark: float | None


@dataclass(frozen=True, slots=True)
class Probe:
    """What the rates did; `suggestion` is the one with the lowest mark, None where all are out."""

    curves: tuple[Curve, ...]
    steps: int
    planned: int
    suggestion: float | None


def plan_probe(planned: int, rates: int) -> int:
    """Return the steps of each rate: a tenth of the planned training in all.

    Raises:
        LabError: That is too few to tell so many rates apart.
    """
    steps = int(SHARE * planned) // rates
    if steps < MIN_STEPS:
        needed = math.ceil(MIN_STEPS * rates / SHARE)
        raise LabError(
            f"The training has {planned} steps; a tenth of them is too few to compare {rates} learning rates "
            f"({MIN_STEPS} steps each, so {needed} planned ones).",
            "Plan more passes, compare fewer rates (--rates), or keep the usual rate: so short a training is soon tried.",
        )
    return steps


def check_rates(rates: Sequence[float]) -> tuple[float, ...]:
    """Return different rates, rising.

    Raises:
        LabError: There are fewer than two, or one is no rate.
    """
    for rate in rates:
        if not 0 < rate < 1:
            raise LabError(f"A learning rate is {rate:g}.", "It must be between 0 and 1, 0.001 for instance.")
    if len(set(rates)) < 2:
        raise LabError(f"There are {len(set(rates))} learning rates to compare.", "Give two or more, separated by commas.")
    return tuple(sorted(set(rates)))


def probe_rates(
    model: Any, examples: Sequence[Encoded], config: TrainConfig, *, rates: Sequence[float] = RATES,
    on_step: OnProbe = lambda done, total, rate, loss: None,
) -> Probe:  # fmt: skip
    """Begin the planned training with each rate; the model's adapter is as before afterwards.

    Args:
        model: A peft model from `add_adapter`, not trained yet.
        examples: Encoded training examples.
        config: The planned training; its own rate and time budget do not count.
        rates: The learning rates to compare.
        on_step: Told of steps done and planned over all rates, the rate and the loss.

    Raises:
        LabError: There are fewer than two rates, the planned training is too short, or no gradient reaches the adapter.
        Cancelled: `on_step` raised it.
    """
    ordered = check_rates(rates)
    planned = count_steps(len(examples), config)
    steps = plan_probe(planned, len(ordered))
    fresh = read_adapter(model)
    curves = []
    for number, rate in enumerate(ordered):

        def tell(done: int, loss: float, rate: float = rate, before: int = number * steps) -> None:
            on_step(before + done, len(ordered) * steps, rate, loss)

        write_adapter(model, fresh)
        curves.append(_begin(model, examples, config, rate, steps, tell))
    write_adapter(model, fresh)  # The caller's adapter is as it was.
    fit = [curve for curve in curves if curve.mark is not None]
    best = min(fit, key=lambda curve: curve.mark or 0.0).rate if fit else None
    return Probe(tuple(curves), steps, planned, best)


def _begin(
    model: Any, examples: Sequence[Encoded], config: TrainConfig, rate: float, steps: int, tell: Callable[[int, float], None]
) -> Curve:
    """Do the first steps of a training so long that its schedule is flat there."""
    length = LONG * steps
    epochs = length / math.ceil(len(examples) / config.batch_size)
    long = replace(config, learning_rate=rate, epochs=epochs, minutes=None, warmup=min(WARM_STEPS, steps // 2) / length)
    losses: list[float] = []
    ended = False

    def on_step(report: StepReport) -> None:
        nonlocal ended
        losses.append(report.loss)
        tell(report.step, report.loss)
        if report.step >= steps:
            ended = True
            raise Cancelled

    try:
        train(model, examples, long, listeners=Listeners(on_step))
    except Cancelled:
        pass
    except Diverged:
        return Curve(rate, tuple(losses), None)
    if not ended:
        raise Cancelled  # The trainer keeps what a stopped training learned; a stopped probe has nothing to keep.
    last = fmean(losses[-max(1, steps // 3) :])
    return Curve(rate, tuple(losses), last if last <= RISEN * losses[0] else None)
