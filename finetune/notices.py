"""What a person should be told about a training's curves, in words."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

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
