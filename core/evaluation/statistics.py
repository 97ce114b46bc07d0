"""What a difference between two arms is worth: paired, clustered, with an interval and a p-value.

All arms answer the same items, so differences are taken item by item. Items that share a document are not
independent; they are resampled and sign-flipped as one cluster (Miller 2024, arXiv 2411.00640).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

RESAMPLES = 9_999  # With the observed one 10,000; the signs of up to 13 clusters are flipped in all 2**13 ways.
LEVEL = 0.95  # Of the intervals.
EQUIVALENCE_MARGIN = 0.05  # Of a mark from 0 to 1: arms that differ by less are taken for equal.
MIN_CLUSTERS = 6  # With five the least two-sided p is 2 / 2**5 = 0.06: nothing could be told apart.


@dataclass(frozen=True, slots=True)
class Sample:
    """One arm's marks of one metric. Shape of `values`: (items,), in the order that all arms share."""

    arm: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Contrast:
    """The mean paired difference a - b of one metric on one slice.

    `p` tests "no difference" by sign flips of clusters; `p_holm` is `p` corrected over the primary family,
    None outside it. The interval and p are None when there are too few clusters to say anything.
    """

    a: str
    b: str
    metric: str
    slice: str
    n: int
    clusters: int
    difference: float
    ci_low: float | None
    ci_high: float | None
    p: float | None
    p_holm: float | None = None

    @property
    def equivalent(self) -> bool:
        """Whether the whole interval lies within the equivalence margin: the arms differ by less than it."""
        low, high = self.ci_low, self.ci_high
        return low is not None and high is not None and low > -EQUIVALENCE_MARGIN and high < EQUIVALENCE_MARGIN


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the bounds of its confidence interval."""

    mean: float
    low: float
    high: float


def contrast(a: Sample, b: Sample, *, metric: str, slice_name: str, clusters: Sequence[str], seed: int = 0) -> Contrast:
    """Compare two arms on the same items.

    Args:
        a: The first arm.
        b: The second arm, subtracted.
        metric: What is compared.
        slice_name: The items' slice, `all` for every item.
        clusters: Shape (items,): which items belong together.
        seed: Of the resampling.
    """
    differences = np.asarray(a.values, dtype=float) - np.asarray(b.values, dtype=float)
    sums, sizes = _sum_clusters(differences, clusters)
    plain = Contrast(a.arm, b.arm, metric, slice_name, len(differences), len(sums), float(differences.mean()), None, None, None)
    if len(sums) < MIN_CLUSTERS:
        return plain
    if not differences.any():  # Equal on every item: no draw could differ.
        return replace(plain, ci_low=0.0, ci_high=0.0, p=1.0)
    low, high = _bootstrap(sums, sizes, seed=seed)
    return replace(plain, ci_low=low, ci_high=high, p=_sign_flip(sums, seed=seed))


def correct_holm(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """Correct the p-values of one family for their number (Holm 1979)."""
    from statsmodels.stats.multitest import multipletests

    tested = [index for index, item in enumerate(contrasts) if item.p is not None]
    if not tested:
        return list(contrasts)
    corrected = multipletests([contrasts[index].p for index in tested], method="holm")[1]
    by_index = dict(zip(tested, map(float, corrected), strict=True))
    return [replace(item, p_holm=by_index.get(index)) for index, item in enumerate(contrasts)]


def mean_interval(values: Sequence[float], clusters: Sequence[str], *, seed: int = 0) -> Interval:
    """Return a mean with its cluster bootstrap interval; Wilson's where every value is 0 or 1 and unclustered.

    Where all values are 0, or all 1, resampling would claim certainty: Wilson's over the clusters is given.
    """
    array = np.asarray(values, dtype=float)
    binary = set(np.unique(array)) <= {0.0, 1.0}
    if binary and len(set(clusters)) == len(clusters):  # Independent yes or no: the textbook's case, right at small n too.
        return wilson_interval(int(array.sum()), len(array))
    sums, sizes = _sum_clusters(array, clusters)
    mean = float(array.mean())
    if binary and np.ptp(array) == 0:
        return wilson_interval(int(mean) * len(sums), len(sums))
    if len(sums) < MIN_CLUSTERS or np.ptp(array) == 0:  # Nothing to resample from: the mean is all that is known.
        return Interval(mean, mean, mean)
    low, high = _bootstrap(sums, sizes, seed=seed)
    return Interval(mean, low, high)


def wilson_interval(successes: int, n: int) -> Interval:
    """Return a proportion with Wilson's score interval (Wilson 1927)."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(successes, n, alpha=1 - LEVEL, method="wilson")
    return Interval(successes / n, float(low), float(high))


def _sum_clusters(values: Any, clusters: Sequence[str]) -> tuple[Any, Any]:
    """Return per-cluster sums and sizes. Shape: (clusters,) each, in order of the clusters' names."""
    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.bincount(index, weights=values, minlength=len(names))
    return sums, np.bincount(index, minlength=len(names)).astype(float)


def _bootstrap(sums: Any, sizes: Any, *, seed: int) -> tuple[float, float]:
    """Resample whole clusters; percentile interval of the mean (Efron and Tibshirani 1993, chapter 13)."""
    from scipy.stats import bootstrap

    def statistic(totals: Any, counts: Any, axis: int = -1) -> Any:
        return totals.sum(axis=axis) / counts.sum(axis=axis)

    result = bootstrap(
        (sums, sizes), statistic, paired=True, vectorized=True, n_resamples=RESAMPLES,
        confidence_level=LEVEL, method="percentile", rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _sign_flip(sums: Any, *, seed: int) -> float:
    """Two-sided p of the sum under random signs of clusters: exact where the sign patterns are few."""
    from scipy.stats import permutation_test

    def statistic(values: Any, axis: int = -1) -> Any:
        return values.sum(axis=axis)

    result = permutation_test(
        (sums,), statistic, permutation_type="samples", vectorized=True, n_resamples=RESAMPLES,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(result.pvalue)
