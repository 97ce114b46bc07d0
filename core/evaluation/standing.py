"""Who stands where in a stored summary: the best arm, its rivals, and the lead that the run can see.

What card, weights and flips share. Everything is read from plain JSON values, so runs of any age can be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from statistics import median
from typing import Any

from core.comparison.arms import BASELINES, is_control, sort_by_simplicity
from core.evaluation.intervals import MIN_CLUSTERS
from core.evaluation.power import smallest_lead
from core.evaluation.statistics import Contrast
from core.evaluation.summary import ALL
from core.evaluation.verdict import DEFAULT_MARGIN, Z_LEVEL, count_units, is_beaten, orient, write_number

RECOMMENDING = ("better", "equivalent")  # States of a verdict that name an arm.
MEASURED = ("ok", "baseline")  # States of an arm that has marks.


@dataclass(frozen=True, slots=True)
class Standing:
    """Arms and baselines in order of their marks, and what is known of the differences.

    Args:
        metric: The primary metric.
        margin: Arms that differ by less on it are taken for equal.
        state: The verdict's.
        chosen: The verdict's recommendation; None where it has none.
        means: Of the primary metric, the simplest arm first.
        contrasts: All pairs on the primary metric over all items, as far as the run has them.
    """

    metric: str
    margin: float
    state: str
    chosen: str | None
    means: Mapping[str, float]
    contrasts: tuple[Contrast, ...]

    @property
    def best(self) -> str:
        """The arm or baseline with the best mean, the simplest of equal ones."""
        return max(self.means, key=lambda name: self.means[name])

    @property
    def focus(self) -> str:
        """The arm to speak of: the recommended one, else the best."""
        return self.chosen if self.chosen is not None and self.chosen in self.means else self.best

    @property
    def next(self) -> str | None:
        """The best of the others; None where there is no other."""
        others = [name for name in self.means if name != self.focus]
        return max(others, key=lambda name: self.means[name]) if others else None

    def compare(self, a: str, b: str) -> Contrast | None:
        """Return the contrast a - b; None where the run has none."""
        known = [item for item in self.contrasts if {item.a, item.b} == {a, b}]
        return orient(a, b, known) if known else None

    def find_ties(self) -> list[str]:
        """Return the best arm and those that it does not surely beat, the simplest first."""
        against = {name: self.compare(self.best, name) for name in self.means}
        return [name for name, item in against.items() if name == self.best or item is None or not is_beaten(item)]

    @property
    def smallest_lead(self) -> float | None:
        """The lead over every rival that a run of so many units and such a spread sees in 4 of 5 cases; None: none."""
        spreads = [spread for item in self._paired() if (spread := _find_error(item) * item.clusters**0.5)]
        if not spreads:
            return None
        return smallest_lead(self._paired()[0].clusters, rivals=len(self.means) - 1, spread=median(spreads))

    def describe_smallest(self) -> str:
        """Say which lead the run can see."""
        pairs = self._paired()
        if not pairs:
            return "Nothing is compared, so there is no difference to detect."
        units, lead = count_units(pairs[0]), self.smallest_lead
        if lead is not None:
            return f"{units} show a lead of {write_number(lead)} or more over every other in 4 of 5 comparisons."
        if not any(item.difference or _find_error(item) for item in pairs):
            return f"On {units} all approaches have the same marks: nothing shows how far they could differ."
        return f"{units} are too few to see any lead of one approach over every other."

    def _paired(self) -> list[Contrast]:
        """Return the pairs of arms; those with baselines only where there are no others."""
        arms = [item for item in self.contrasts if not {item.a, item.b} & BASELINES.keys()]
        return arms or list(self.contrasts)


def read_standing(summary: Mapping[str, Any]) -> Standing | None:
    """Return who stands where; None where no arm has marks."""
    arms = {
        name: arm
        for name, arm in summary.get("arms", {}).items()
        if arm.get("status") in MEASURED and "primary" in arm and not is_control(name)  # Controls are no rivals.
    }
    if not arms:
        return None
    metric, verdict = summary["primary_metric"], summary.get("verdict", {})
    state = verdict.get("state", "inconclusive")
    return Standing(
        metric=metric,
        margin=summary.get("margin", DEFAULT_MARGIN),  # Older runs do not keep it.
        state=state,
        chosen=verdict.get("arm") if state in RECOMMENDING else None,  # Older runs name an arm all the same.
        means={name: arms[name]["primary"]["mean"] for name in sort_by_simplicity(arms)},
        contrasts=tuple(
            restore_contrast(item)
            for item in summary.get("contrasts", ())
            if (item["metric"], item["slice"]) == (metric, ALL) and {item["a"], item["b"]} <= arms.keys()
        ),
    )


def restore_contrast(values: Mapping[str, Any]) -> Contrast:
    """Return a stored contrast; the older runs have fewer numbers."""
    known = {item.name for item in fields(Contrast)}
    return Contrast(**{name: value for name, value in values.items() if name in known})


def _find_error(item: Contrast) -> float:
    """Return a difference's standard error; where too few groups differ to have one, that which its interval stands for."""
    if item.ci_low is None or item.ci_high is None or (item.method in {"t", "score"} and item.informative >= MIN_CLUSTERS):
        return item.error
    return max(item.error, (item.ci_high - item.ci_low) / (2 * Z_LEVEL))
