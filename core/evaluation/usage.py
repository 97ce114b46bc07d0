"""What answers took as measured: seconds and tokens of each arm with intervals, and the same of two arms item by item.

Nothing here has a price; `core/evaluation/cost.py` puts prices on what is measured here. The seconds are each answer's share
of its batch (`core.values.Generation`), so they add up to the model's time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from core.comparison.arms import sort_by_simplicity
from core.evaluation.intervals import ALPHA, cluster_error, sum_clusters
from core.values import Prediction

SHORTEST = 1e-6  # Seconds; below it an engine has told none.
WIDEST = 1e6  # An interval that reaches so many times as long, of two or three groups, tells nothing.
PARTS = ("seconds", "prompt_tokens", "new_tokens")  # Of an answer; the order of every vector here.


@dataclass(frozen=True, slots=True)
class Amount:
    """A mean of what is no mark, with the bounds of its interval; None where one group tells nothing of others."""

    mean: float
    low: float | None
    high: float | None
    median: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What the answers of an arm took.

    Args:
        amounts: By part of `PARTS`, an answer.
        covariance: Shape (3, 3): of the errors of the means, groups allowed for.
        freedom: Degrees of freedom of those errors; 0 where there is one group.
    """

    amounts: Mapping[str, Amount]
    covariance: list[list[float]]
    freedom: float

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values, each part under its name."""
        amounts = {part: asdict(amount) for part, amount in self.amounts.items()}
        return {**amounts, "covariance": self.covariance, "freedom": self.freedom}


@dataclass(frozen=True, slots=True)
class UsageDifference:
    """What the answers of arm `a` took more than those of `b` to the same items, an answer.

    Args:
        a: The first arm.
        b: The second, subtracted.
        means: Shape (3,): by part of `PARTS`.
        covariance: Shape (3, 3): of their errors.
        freedom: Degrees of freedom of those errors; 0 where there is one group.
    """

    a: str
    b: str
    means: list[float]
    covariance: list[list[float]]
    freedom: float


@dataclass(frozen=True, slots=True)
class LatencyRatio:
    """How many times as long as `b` arm `a` takes: the geometric mean of the items' ratios; no bounds with one group or so."""

    a: str
    b: str
    n: int
    clusters: int
    ratio: float
    low: float | None
    high: float | None


def stack_usage(predictions: Sequence[Prediction], items: int) -> Any:
    """Return what each item took, the mean over its draws.

    Args:
        predictions: Draw by draw, each in the items' order.
        items: How many items there are.

    Returns:
        Shape (items, 3), in the order of `PARTS`.
    """
    values = [[getattr(item.generation, part) for part in PARTS] for item in predictions]
    return np.asarray(values, dtype=float).reshape(-1, items, len(PARTS)).mean(axis=0)


def measure_usage(used: Any, clusters: Sequence[str]) -> Usage:
    """Describe what an arm's answers took.

    Args:
        used: Shape (items, 3), as `stack_usage` returns it.
        clusters: Shape (items,): which items belong together.
    """
    means, covariance, freedom = _measure_means(used, clusters)
    amounts = {}
    for place, part in enumerate(PARTS):
        low, high = bound_mean(means[place], covariance[place][place], freedom)
        low = None if low is None else max(low, 0.0)
        amounts[part] = Amount(means[place], low, high, float(np.median(used[:, place])))
    return Usage(amounts, covariance, freedom)


def compare_usage(used: Mapping[str, Any], clusters: Sequence[str]) -> list[UsageDifference]:
    """Return what each arm took more than each simpler one, item by item.

    Args:
        used: By arm, shape (items, 3).
        clusters: Shape (items,): which items belong together.
    """
    return [UsageDifference(a, b, *_measure_means(used[a] - used[b], clusters)) for b, a in _pair(used)]


def compare_latencies(used: Mapping[str, Any], clusters: Sequence[str]) -> list[LatencyRatio]:
    """Return how many times as long each arm takes as each simpler one; none where an engine reports no seconds.

    Seconds are skewed and a slower machine is slower by a factor, so the logarithms are compared, pair by pair.

    Args:
        used: By arm, shape (items, 3).
        clusters: Shape (items,): which items belong together.
    """
    ratios = []
    for b, a in _pair(used):
        told = (used[a][:, 0] > SHORTEST) & (used[b][:, 0] > SHORTEST)
        if not told.any():
            continue
        own = [cluster for cluster, known in zip(clusters, told, strict=True) if known]
        logs = np.log(used[a][told, 0]) - np.log(used[b][told, 0])
        mean, variance, freedom = _measure_means(logs[:, None], own)
        low, high = bound_mean(mean[0], variance[0][0], freedom)
        bounded = low is not None and high is not None and max(-low, high) < np.log(WIDEST)
        ends = [float(np.exp(bound)) if bounded and bound is not None else None for bound in (low, high)]
        ratios.append(LatencyRatio(a, b, int(told.sum()), len(set(own)), float(np.exp(mean[0])), *ends))
    return ratios


def bound_mean(mean: float, variance: float, freedom: float) -> tuple[float | None, float | None]:
    """Return the bounds of the t interval of a mean; None where one group tells nothing of others."""
    from scipy.special import stdtrit

    if freedom <= 0:
        return None, None
    half = float(stdtrit(freedom, 1 - ALPHA / 2)) * float(np.sqrt(max(variance, 0.0)))
    return mean - half, mean + half


def _pair(used: Mapping[str, Any]) -> list[tuple[str, str]]:
    return list(combinations(sort_by_simplicity(used), 2))


def _measure_means(values: Any, clusters: Sequence[str]) -> tuple[list[float], list[list[float]], float]:
    """Return means over items, the covariance of their errors, and its degrees of freedom.

    The variance of each is that of `core.evaluation.intervals.cluster_error` (CR2 of Bell and McCaffrey 2002), the
    covariance the same of two columns.
    """
    columns = [sum_clusters(values[:, place], clusters) for place in range(values.shape[1])]
    sizes = columns[0][1]
    sums = np.stack([column for column, _ in columns], axis=1)
    n, share = sizes.sum(), (sizes / sizes.sum())[:, None]
    means = [float(mean) for mean in values.mean(axis=0)]
    freedom = cluster_error(sums[:, 0], sizes)[1]
    if len(sizes) < 2:
        return means, np.zeros((len(means), len(means))).tolist(), 0.0
    residuals = (sums - share * sums.sum(axis=0)) / np.sqrt(1 - share)
    return means, (residuals.T @ residuals / n**2).tolist(), freedom
