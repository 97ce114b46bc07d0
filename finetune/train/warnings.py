"""What a person should be told about a training's curves, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from core.values import Example

WINDOW, FLAT_AFTER = 10, 30
FLAT, DIVERGED, RISEN, STEEP, STILL = 0.98, 1.5, 1.2, 100.0, 1e-6


def describe_steps(losses: Sequence[float], norms: Sequence[float]) -> list[str]:
    """Return what the losses and gradient norms so far give reason to say.

    Args:
        losses: Loss of every step so far, in nats a token.
        norms: Gradient norm of every step so far, before clipping.
    """
    found = []
    if len(norms) >= 3 and max(norms[-3:]) < STILL:
        found.append(f"Frozen: the gradient norm has been below {STILL:g} for three steps; the adapter does not learn.")
    if len(norms) >= 3 and min(norms[-3:]) > STEEP:
        found.append(f"Steep: the gradient norm has been above {STEEP:g} for three steps; lower the learning rate.")
    if len(losses) >= 2 * WINDOW:
        recent = fmean(losses[-WINDOW:])
        lowest = min(fmean(losses[start : start + WINDOW]) for start in range(len(losses) - WINDOW + 1))
        if recent > DIVERGED * lowest and recent > lowest + 0.1:
            found.append(f"Diverging: the loss was {lowest:.2f} and is {recent:.2f}; lower the learning rate.")
    if len(losses) == FLAT_AFTER and fmean(losses[-WINDOW:]) > FLAT * fmean(losses[:WINDOW]):
        found.append("Flat: the loss has not fallen in 30 steps; raise the learning rate or look at the data.")
    return found


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


def describe_holdout(wanted: int, examples: Sequence[Example], held: Sequence[Example]) -> list[str]:
    """Return what to say where held-out examples were wanted and none could be kept out."""
    if not wanted or held:
        return []
    sizes: dict[str, int] = {}
    for example in examples:
        sizes[example.group or example.id] = sizes.get(example.group or example.id, 0) + 1
    return [
        f"Nothing held out: at most a tenth of {len(examples)} examples is kept out, by whole groups, and the smallest group has {min(sizes.values())}; no answers are checked while training, and the last step's adapter is kept."
    ]
