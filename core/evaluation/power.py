"""How many items a comparison needs, and which lead it can see.

An arm is best when it beats every rival, so power here is that of beating all rivals at once, each with a lead of the
same size (an intersection-union test, Berger 1982). What is promised depends on the size of a lead that is named, never
on the lead just seen: leads of a first look are noisy, and advice made of them kept its promise in two of three cases
(`benchmarks/verdict_truth.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.evaluation.intervals import ALPHA, MIN_CLUSTERS

POWER = 0.8  # Chance of seeing a lead that is there.
DRAWS = 4_000  # Of the rivals' errors; the standard error of a power of 0.8 is 0.006.
RIVALS_ALIKE = 0.5  # Correlation of two rivals' differences where all arms' marks are alike: the best arm is in both.
MOST = 1e6  # Times as many units as now: nobody will collect more.


def measure_correlation(differences: Any, clusters: Sequence[str]) -> Any:
    """Return how the errors of several mean differences go together. Shape: differences (rivals, items); (rivals, rivals)."""
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    centred = differences - differences.mean(axis=1, keepdims=True)
    sums = np.stack([np.bincount(index, weights=row) for row in centred])
    scale = np.sqrt((sums**2).sum(axis=1))
    scale[scale == 0] = 1.0
    correlation = (sums @ sums.T) / np.outer(scale, scale)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def find_growth(errors: Sequence[float], correlation: Any, *, freedom: float, leads: Sequence[float]) -> float | None:
    """Return how many times as many independent units would show leads over all rivals at once with a power of 80 %.

    Args:
        errors: Shape (rivals,): standard errors of the differences now; 0 where all units differ by the same.
        correlation: Shape (rivals, rivals): of those errors.
        freedom: Degrees of freedom now, which grow with the units.
        leads: Shape (rivals,): the true difference to each.

    Returns:
        None where more than a million times as many were needed.
    """
    from scipy.optimize import brentq

    given, noise = np.asarray(leads, dtype=float), np.asarray(errors, dtype=float)
    noisy = noise > 0
    low, high = np.log(2 / max(freedom, 2.0)), float(np.log(MOST))
    if (given[~noisy] <= 0).any():  # No unit differs from another: what is no lead now is none of more units.
        return None
    if not noisy.any():  # Leads without any spread: the fewest units show them.
        return float(np.exp(low))
    scaled, draws = given[noisy] / noise[noisy], _draw(np.asarray(correlation)[np.ix_(noisy, noisy)])

    def lack(log_growth: float) -> float:
        growth = float(np.exp(log_growth))
        return POWER - _power(scaled * np.sqrt(growth), draws, freedom=freedom * growth)

    if lack(high) > 0:
        return None
    return float(np.exp(low if lack(low) <= 0 else brentq(lack, low, high, xtol=1e-3)))


def smallest_lead(units: int, *, rivals: int, spread: float) -> float | None:
    """Return the smallest lead over every rival that so many independent units show with a power of 80 %.

    Args:
        units: Independent groups of items.
        rivals: Arms that the best one has to beat.
        spread: Standard deviation of the difference of two arms from one unit to the next.

    Returns:
        None where there are too few units, or even a lead of 1 would go unseen.
    """
    from scipy.optimize import brentq

    if units < MIN_CLUSTERS or rivals < 1:
        return None
    if spread <= 0:  # All units would differ by the same, so that any lead shows.
        return 0.0
    correlation = np.full((rivals, rivals), RIVALS_ALIKE)
    np.fill_diagonal(correlation, 1.0)
    draws, error = _draw(correlation), spread / np.sqrt(units)

    def lack(lead: float) -> float:
        return POWER - _power(np.full(rivals, lead / error), draws, freedom=units - 1.0)

    return None if lack(1.0) > 0 else float(brentq(lack, 0.0, 1.0, xtol=1e-4))


def _draw(correlation: Any) -> Any:
    """Draw standard errors that go together as given. Shape: (DRAWS, rivals)."""
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    return np.random.default_rng(0).standard_normal((DRAWS, len(correlation))) @ root.T


def _power(leads: Any, draws: Any, *, freedom: float) -> float:
    """Return the chance that leads, in standard errors, are all found sure. The same draws make it smooth in the leads."""
    from scipy.special import stdtrit

    return float((draws + leads > stdtrit(max(freedom, 1.0), 1 - ALPHA / 2)).all(axis=1).mean())
