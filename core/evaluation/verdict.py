"""The verdict: which arm, and what the claim is worth. Never a winner without an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.comparison.arms import find_title, sort_by_simplicity
from core.evaluation.statistics import EQUIVALENCE_MARGIN, Contrast

VerdictState = Literal["better", "equivalent", "inconclusive", "invalid"]
ALPHA = 0.05  # A corrected p below it is called a difference.
Z_POWER = 2.8  # z(97.5 %) + z(80 %): an interval at 95 % and a power of 80 %.
Z_LEVEL = 1.96  # z(97.5 %): half the width of an interval at 95 %, in standard errors.
NEGLIGIBLE = 0.005  # Marks are shown with two decimals: below it a difference reads as none.
FEWEST = 10  # Fewer items than this are never suggested.


@dataclass(frozen=True, slots=True)
class Verdict:
    """`arm` is the recommendation; None when nothing can be said."""

    state: VerdictState
    arm: str | None
    sentence: str


def decide(metric: str, means: Mapping[str, float], contrasts: Sequence[Contrast]) -> Verdict:
    """Decide from the primary metric's means and its paired contrasts over all items.

    The best mean wins if it beats every other arm with an interval excluding zero and a corrected p below
    0.05. Where some arms cannot be told apart from it, the simplest of those is recommended: as equivalent
    when their differences are known to be small, else as inconclusive.
    """
    if len(means) < 2:
        return Verdict("invalid", None, "Only one arm gave answers, so there is nothing to compare.")
    best = max(means, key=lambda arm: means[arm])
    against = {other: _orient(best, other, contrasts) for other in means if other != best}
    rivals = {other: item for other, item in against.items() if not _is_beaten(item)}
    if not rivals:
        runner_up = max(against, key=lambda arm: means[arm])
        return Verdict("better", best, _win(metric, means, against[runner_up]))
    tied = sort_by_simplicity([best, *rivals])
    simplest = tied[0]
    if all(item.equivalent for item in rivals.values()):
        names = _join([find_title(arm) for arm in tied])
        return Verdict(
            "equivalent",
            simplest,
            f"{names} are equivalent on {metric}: they differ by less than {EQUIVALENCE_MARGIN:.2f}. "
            f"{find_title(simplest)} is the simplest of them.",
        )
    return Verdict("inconclusive", simplest, _doubt(metric, means, best, rivals))


def _orient(a: str, b: str, contrasts: Sequence[Contrast]) -> Contrast:
    """Return the contrast a - b, turned round if it was measured as b - a."""
    for item in contrasts:
        if (item.a, item.b) == (a, b):
            return item
        if (item.a, item.b) == (b, a):
            low, high = item.ci_low, item.ci_high
            return replace(
                item,
                a=a,
                b=b,
                difference=-item.difference,
                ci_low=None if high is None else -high,
                ci_high=None if low is None else -low,
            )
    raise ValueError(f"no contrast of {a} and {b} was computed")


def _is_beaten(item: Contrast) -> bool:
    return bool(item.ci_low is not None and item.ci_low > 0 and item.p_holm is not None and item.p_holm < ALPHA)


def _win(metric: str, means: Mapping[str, float], item: Contrast) -> str:
    return (
        f"{find_title(item.a)} is best on {metric}: {means[item.a]:.2f} against {means[item.b]:.2f} for {find_title(item.b)}, "
        f"the next (difference {item.difference:.2f}, 95 % interval {item.ci_low:.2f} to {item.ci_high:.2f}, {item.n} items)."
    )


def _doubt(metric: str, means: Mapping[str, float], best: str, rivals: Mapping[str, Contrast]) -> str:
    rival = max(rivals, key=lambda arm: means[arm])
    item = rivals[rival]
    if item.ci_low is None or item.ci_high is None:
        return f"Inconclusive: {item.clusters} independent groups of items are too few. Compare on more items."
    reason = "could be chance"
    if item.ci_low > 0 and item.p_holm is not None:
        reason = f"is not sure once all pairs are allowed for (corrected p = {item.p_holm:.2f})"
    return (
        f"Inconclusive: {find_title(best)} has the best {metric} ({means[best]:.2f}), but its lead over {find_title(rival)} "
        f"({means[rival]:.2f}) {reason}; 95 % interval {item.ci_low:.2f} to {item.ci_high:.2f}, {item.n} items. "
        f"{needed_items(item)}"
    )


def needed_items(item: Contrast) -> str:
    """Say how many items would show the difference at 80 % power, from this interval's width.

    Source: Miller 2024 (arXiv 2411.00640), section 5: n grows with ((z_{a/2} + z_b) * se / difference)^2.
    """
    if item.ci_low is None or item.ci_high is None or abs(item.difference) < NEGLIGIBLE:
        return "The difference is too small to be worth chasing."
    error = (item.ci_high - item.ci_low) / (2 * Z_LEVEL)
    needed = item.n * (Z_POWER * error / abs(item.difference)) ** 2
    return f"About {max(round(needed, -1), FEWEST):.0f} items would settle a difference of this size."


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
