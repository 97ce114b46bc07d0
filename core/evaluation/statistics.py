"""What a difference between two arms is worth: paired over the same items, with an interval and a p-value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.evaluation.intervals import ALPHA, NO_SPREAD, Spread, estimate_difference


@dataclass(frozen=True, slots=True)
class Sample:
    """One arm's marks of one metric.

    Args:
        arm: The arm.
        values: Shape (items,) in the order that all arms share, or (draws, items) where several adapters of one recipe
            answered, or several draws of the prompt's examples.
        draws: Names of those, in that order; arms that share them are compared draw by draw.
    """

    arm: str
    values: Sequence[float] | Sequence[Sequence[float]]
    draws: tuple[str, ...] = ()

    @property
    def rows(self) -> Any:
        """The marks. Shape: (draws, items)."""
        return np.atleast_2d(np.asarray(self.values, dtype=float))

    @property
    def marks(self) -> Any:
        """The mean mark of each item over the draws. Shape: (items,)."""
        return self.rows.mean(axis=0)

    @property
    def mean(self) -> float:
        """The mean over all."""
        return float(self.marks.mean())


@dataclass(frozen=True, slots=True)
class Contrast:
    """The mean paired difference a - b of one metric on one slice.

    `p` tests "no difference" and is below 0.05 exactly where the interval leaves out 0; `p_holm` is `p` corrected over
    the pairs of the primary metric, None outside them. Interval and p are None when there are too few independent
    groups to say anything. `error` is the difference's standard error, `freedom` its degrees of freedom; `informative`
    groups differ at all. `shrunken` is the lead to expect when the comparison is done again, given where it was sure,
    because of all leads the sure ones are the lucky ones.
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
    error: float = 0.0
    freedom: float = 0.0
    informative: int = 0
    method: str = "none"
    shrunken: float | None = None

    def is_equivalent(self, margin: float) -> bool:
        """Say whether the whole interval lies within a margin: two one-sided tests at 2.5 % each (Schuirmann 1987)."""
        return self.ci_low is not None and self.ci_high is not None and self.ci_low > -margin and self.ci_high < margin

    def turn(self) -> Contrast:
        """Return the contrast b - a."""
        return replace(
            self,
            a=self.b,
            b=self.a,
            difference=-self.difference,
            ci_low=None if self.ci_high is None else -self.ci_high,
            ci_high=None if self.ci_low is None else -self.ci_low,
            shrunken=None if self.shrunken is None else -self.shrunken,
        )


def contrast(a: Sample, b: Sample, *, metric: str, slice_name: str, clusters: Sequence[str]) -> Contrast:
    """Compare two arms on the same items.

    Args:
        a: The first arm.
        b: The second arm, subtracted.
        metric: What is compared.
        slice_name: The items' slice, `all` for every item.
        clusters: Shape (items,): which items belong together.
    """
    spread = measure_draws(a, b)
    found = estimate_difference(a.marks - b.marks, clusters, trainings=spread)
    item = Contrast(
        a.arm, b.arm, metric, slice_name, len(a.marks), found.clusters, found.mean, found.low, found.high, found.p,
        error=found.error, freedom=found.freedom, informative=found.informative, method=found.method,
    )  # fmt: skip
    return replace(item, shrunken=_shrink(item))


def measure_draws(a: Sample, b: Sample | None = None) -> Spread:
    """Return what training anew, or drawing other examples, adds to the error of a mean, or of a difference of two.

    Arms of the same draws differ by one number a draw; others add up. The spread between draws holds their items' noise
    too, which makes the interval a little wide. Resampling draws and items in two levels comes to the same at three
    trainings (`benchmarks/LOG.md`); this is one formula.
    """
    if b is not None and a.draws and a.draws == b.draws:
        return _spread_of((a.rows - b.rows).mean(axis=1))
    parts = [_spread_of(sample.rows.mean(axis=1)) for sample in (a, b) if sample is not None]
    known = [part for part in parts if part.variance > 0]
    if not known:
        return NO_SPREAD
    variance = sum(part.variance for part in known)
    # Satterthwaite 1946: the degrees of freedom of a sum of variances.
    return Spread(variance, variance**2 / sum(part.variance**2 / part.freedom for part in known))


def _spread_of(means: Any) -> Spread:
    """Return the variance of the mean of one number a draw; none can be seen of one draw."""
    if len(means) < 2:
        return NO_SPREAD
    return Spread(float(np.var(means, ddof=1)) / len(means), len(means) - 1.0)


def correct_holm(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """Correct the p-values of one family for their number (Holm 1979, Scandinavian Journal of Statistics 6).

    Not by statsmodels, which collects garbage at every call: two of the three seconds of a small comparison.
    """
    tested = sorted((item.p, index) for index, item in enumerate(contrasts) if item.p is not None)
    steps = np.maximum.accumulate([p * (len(tested) - place) for place, (p, _) in enumerate(tested)] or [0.0])
    by_index = {index: min(float(step), 1.0) for (_, index), step in zip(tested, steps, strict=False)}
    return [replace(item, p_holm=by_index.get(index)) for index, item in enumerate(contrasts)]


def _shrink(item: Contrast) -> float | None:
    """Return the likeliest true difference of one that was found sure, given that it was; None for others.

    Source: Zhong and Prentice 2008 (Biostatistics 9), section 2: the likelihood of an estimate that is only reported
    where it passes a threshold.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import ndtr, ndtri

    if item.p is None or item.p >= ALPHA or not item.error or item.method == "bound":
        return None
    z, threshold = abs(item.difference) / item.error, float(ndtri(1 - ALPHA / 2))
    if z <= threshold:  # The p of small numbers is not quite the normal one's.
        threshold = z

    def surprise(true: float) -> float:
        return float((z - true) ** 2 / 2 + np.log(ndtr(true - threshold) + ndtr(-threshold - true)))

    found = minimize_scalar(surprise, bounds=(0, z), method="bounded")
    return float(np.sign(item.difference) * found.x * item.error)
