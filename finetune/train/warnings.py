"""What a person should be told about a training's curves, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from core.values import Example

WINDOW = 10  # Steps whose mean loss is compared: single steps differ by their examples.
FLAT_AFTER = 30  # Steps: the warm-up of a training of 300.
FLAT = 0.98  # Share of the first losses above which the latest have not fallen.
DIVERGED = 1.5  # Times the lowest mean loss.
DIVERGED_BY = 0.1  # Nats at least: half as much again of almost nothing is no divergence.
RISEN = 1.2  # Times the lowest held-out loss.
STEEP = 100.0  # A gradient norm, a hundred times what clipping usually lets through.
STILL = 1e-6  # A gradient norm so small that it is rounding.
SETTLED = 3  # Steps in a row with such a norm: one alone can be an odd batch.


def describe_steps(losses: Sequence[float], norms: Sequence[float]) -> list[str]:
    """Return what the losses and gradient norms so far give reason to say.

    Args:
        losses: Loss of every step so far, in nats a token.
        norms: Gradient norm of every step so far, before clipping.
    """
    said = []
    if len(norms) >= SETTLED and max(norms[-SETTLED:]) < STILL:
        said.append(f"Frozen: the gradient norm has been below {STILL:g} for three steps; the adapter does not learn.")
    if len(norms) >= SETTLED and min(norms[-SETTLED:]) > STEEP:
        said.append(f"Steep: the gradient norm has been above {STEEP:g} for three steps; lower the learning rate.")
    if len(losses) >= 2 * WINDOW:
        recent = fmean(losses[-WINDOW:])
        lowest = min(fmean(losses[start : start + WINDOW]) for start in range(len(losses) - WINDOW + 1))
        if recent > DIVERGED * lowest and recent > lowest + DIVERGED_BY:
            said.append(f"Diverging: the loss was {lowest:.2f} and is {recent:.2f}; lower the learning rate.")
    # Asked once: later a cosine slows every training down.
    if len(losses) == FLAT_AFTER and fmean(losses[-WINDOW:]) > FLAT * fmean(losses[:WINDOW]):
        said.append("Flat: the loss has not fallen in 30 steps; raise the learning rate or look at the data.")
    return said


def describe_evaluations(held_losses: Sequence[float], train_losses: Sequence[float]) -> list[str]:
    """Return what the held-out losses, compared with the training losses at the same steps, give reason to say."""
    if len(held_losses) < 3 or len(train_losses) < 2:
        return []
    lowest = min(held_losses)
    if held_losses[-1] > RISEN * lowest and train_losses[-1] < train_losses[-2]:
        return [
            f"Overfitting: the held-out loss rose from {lowest:.2f} to {held_losses[-1]:.2f} while the training loss fell; fewer passes or more examples help."
        ]
    return []


def describe_best(evaluations: Sequence[Mapping[str, Any]], step: int) -> list[str]:
    """Return what to say where the held-out answers of the kept step, 0 if none was chosen, are no better than the base's."""
    scores = {int(item["step"]): float(item["score"]) for item in evaluations}
    if not step or 0 not in scores or scores[step] > scores[0]:
        return []
    return [
        f"No step answered better than the base model: field score {scores[step]:.3f} at step {step}, {scores[0]:.3f} before; more passes, another learning rate or more examples may help."
    ]


def describe_holdout(asked: int, examples: Sequence[Example], held: Sequence[Example]) -> list[str]:
    """Return what to say where held-out examples were wanted and none could be kept out."""
    if not asked or held:
        return []
    sizes: dict[str, int] = {}
    for example in examples:
        sizes[example.group or example.id] = sizes.get(example.group or example.id, 0) + 1
    return [
        f"Nothing held out: at most a tenth of {len(examples)} examples is kept out, by whole groups, and the smallest group has {min(sizes.values())}; no answers are checked while training, and the last step's adapter is kept."
    ]
