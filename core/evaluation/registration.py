"""What is fixed before the first answer, and the smallest lead that the comparison can see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.comparison.arms import is_control
from core.evaluation.baselines import list_baselines
from core.evaluation.power import smallest_lead
from core.evaluation.sampling import find_clusters
from core.evaluation.summary import find_margin
from core.evaluation.verdict import write_number
from core.stored import Stored
from core.tasks.task import Task
from core.values import Example

# Standard deviation of the difference of two arms from item to item where no comparison has shown it: that of two arms
# of which exactly one is right on a quarter of the items.
ASSUMED_SPREAD = 0.5
ASSUMED_ALIKE = 0.25  # Correlation of the differences of two items of one group, where none is known.


@dataclass(frozen=True, slots=True)
class Registration(Stored):
    """A comparison as written down before its first answer.

    Args:
        metric: The primary metric.
        margin: Arms that differ by less on it are taken for equal.
        arms: Names of the arms; every pair of them is contrasted, and each with the baselines.
        items: Test items.
        clusters: Independent groups of items.
        seed: Of the sample of items.
        spread: Standard deviation of a difference from group to group.
        spread_source: Id of the run that showed it; empty where it is assumed.
        smallest_lead: The lead over all other arms that is found sure in 4 of 5 comparisons; None where there is none.
        looks: Earlier comparisons that asked these items.
    """

    metric: str
    margin: float
    arms: tuple[str, ...]
    items: int
    clusters: int
    seed: int
    spread: float
    spread_source: str
    smallest_lead: float | None
    looks: int

    @property
    def sentence(self) -> str:
        """What a person should know before the start."""
        groups = f" in {self.clusters} independent groups" if self.clusters < self.items else ""
        units = f"{self.items} items{groups}"
        if len(self.arms) < 2:
            return "One approach alone: there is nothing to compare."
        if self.smallest_lead is None:
            seen = f"{units} are too few to see any lead of one approach over the others."
        else:
            source = f"as run {self.spread_source} spread" if self.spread_source else "assuming a usual spread"
            seen = f"{units} show a lead of {self.smallest_lead:.2f} or more on {self.metric} in 4 of 5 comparisons ({source})."
        return f"Fixed before the start: {seen} {self._describe_margin()}{self._describe_looks()}"

    def _describe_margin(self) -> str:
        return f"Approaches that differ by less than {write_number(self.margin)} count as equal."

    def _describe_looks(self) -> str:
        if not self.looks:
            return ""
        times = "once" if self.looks == 1 else f"{self.looks} times"
        return f" These items were compared {times} before: who looks until something is sure finds chance more often than 5 %."


def register(
    task: Task, items: Sequence[Example], arms: Sequence[str], *, seed: int = 0, looks: int = 0,
    earlier: tuple[float, str] | None = None,
) -> Registration:  # fmt: skip
    """Write a comparison down.

    Args:
        task: The task.
        items: The test items.
        arms: Names of the arms.
        seed: Of the sample of items.
        looks: Earlier comparisons that asked these items.
        earlier: The spread that an earlier run showed from group to group, and the run's id.
    """
    clusters = len(set(find_clusters(items)))
    spread, source = earlier or (_assume_spread(len(items) / clusters), "")
    arms = [arm for arm in dict.fromkeys(arms) if not is_control(arm)]  # A control is no rival.
    rivals = len(arms) - 1
    if rivals and task.train:  # The baselines are to be beaten too.
        rivals += len(list_baselines(task))
    return Registration(
        metric=task.primary_metric,
        margin=find_margin(task),
        arms=tuple(arms),
        items=len(items),
        clusters=clusters,
        seed=seed,
        spread=spread,
        spread_source=source,
        smallest_lead=smallest_lead(clusters, rivals=rivals, spread=spread),
        looks=looks,
    )


def _assume_spread(size: float) -> float:
    """Return the standard deviation of a group's mean difference by the design effect of groups of a size (Kish 1965)."""
    return ASSUMED_SPREAD * math.sqrt((1 + (size - 1) * ASSUMED_ALIKE) / size)
