"""What is recommended when more counts than marks: movable weights, and the weight at which the recommendation changes.

Each approach gets a rating from 0 to 1 on each criterion, as measured (`CRITERIA` says how); what it is worth is the weighted
mean. With the default weights, quality alone, the recommendation is the verdict's: that of the statistics.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from core.comparison.arms import BASELINES, find_title, is_control
from core.errors import LabError
from core.evaluation.cost import find_costs, read_cost
from core.evaluation.prices import DEFAULT_PRICES, Prices
from core.evaluation.standing import Standing, read_standing

CRITERIA: Mapping[str, str] = {
    "quality": "the mean mark on the primary metric; approaches that the verdict calls equivalent count as equal",
    "validity": "the share of answers that are valid under the schema as written",
    "latency": "the seconds per answer of the fastest, divided by its own, search included",
    "cost": "what the cheapest costs in a year at the prices, all included that is known, divided by its own",
    "freshness": "what a change of the documents asks for: 1 nothing, 0.75 indexing, 0.25 training, 0 where nothing helps; "
    "these steps are a judgement, no measurement",
    "traceability": "the share of answers that name a document that they were shown, where the task asks for one; else the "
    "share that was made from passages",
}
FRESHNESS = {"nothing": 1.0, "re-index": 0.75, "re-train": 0.25, "cannot follow": 0.0}
MONTHS = 12.0  # Over which the criterion of cost is counted.
NEAR = 1e-9  # Ratings that differ by less are equal.

Ratings = Mapping[str, Mapping[str, float]]  # By arm, by criterion.


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each criterion counts; only their ratios matter.

    Raises:
        LabError: One is negative or no finite number, or none is above 0.
    """

    quality: float = 1.0
    validity: float = 0.0
    latency: float = 0.0
    cost: float = 0.0
    freshness: float = 0.0
    traceability: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no weight."""
        for item in fields(self):
            value = getattr(self, item.name)
            if not math.isfinite(value) or value < 0:
                raise LabError(f"The weight of {item.name} is {value}.", "Give a number that is not negative.")
        if not sum(asdict(self).values()):
            raise LabError("All weights are 0.", "Give at least one a number above 0.")

    def shares(self) -> dict[str, float]:
        """Return the weights by criterion, adding up to 1."""
        most = max(asdict(self).values())  # First: a sum of huge weights has no end.
        scaled = {name: value / most for name, value in asdict(self).items()}
        return {name: value / sum(scaled.values()) for name, value in scaled.items()}


QUALITY_ALONE = Weights()


@dataclass(frozen=True, slots=True)
class Switch:
    """Where the recommendation changes.

    Args:
        criterion: Which counts more than it does.
        arm: The approach that is recommended from there on.
        weight: The share of all weight (0 to 1) beyond which it is; the others keep their ratios.
    """

    criterion: str
    arm: str
    weight: float

    @property
    def sentence(self) -> str:
        """The same in words."""
        if self.weight < 0.005:
            return f"changes to {find_title(self.arm)} as soon as {self.criterion} counts"
        return f"changes to {find_title(self.arm)} when {self.criterion} weighs more than {self.weight:.2f}"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What is recommended under weights.

    Args:
        arm: Its name; None where nothing is recommended.
        worth: By arm, the weighted mean of its ratings; criteria that were not measured are left out.
        switches: Where it changes, at most one for each criterion.
        left_out: Criteria that the run did not measure for every approach.
        sentence: The recommendation in words, with what the verdict says where that is something else.
        uncounted: What is not known and counts as nothing in the ratings of cost.
    """

    arm: str | None
    worth: Mapping[str, float]
    switches: tuple[Switch, ...]
    left_out: tuple[str, ...]
    sentence: str
    uncounted: tuple[str, ...] = ()

    @property
    def gap(self) -> str:
        """What the ratings of cost do not count, as a sentence; empty where all is known."""
        return f"Cost does not count what is not known: {', '.join(self.uncounted)}." if self.uncounted else ""


def rate_arms(summary: Mapping[str, Any], prices: Prices) -> Ratings:
    """Rate each arm of a stored summary on each criterion that was measured for it; baselines and controls are no choices."""
    standing = read_standing(summary)
    if standing is None:
        return {}
    arms = {name: summary["arms"][name] for name in standing.means if name not in BASELINES and not is_control(name)}
    ratings: dict[str, dict[str, float]] = {name: {"quality": standing.means[name]} for name in arms}
    if standing.state == "equivalent":
        for name in set(standing.find_ties()) & ratings.keys():
            ratings[name]["quality"] = standing.means[standing.best]
    for name, arm in arms.items():
        ratings[name]["validity"] = arm["schema_valid"]
        upkeep, sources = (read_cost(arm) or {}).get("upkeep"), arm.get("sources")
        if upkeep in FRESHNESS:
            ratings[name]["freshness"] = FRESHNESS[upkeep]
        if sources:
            ratings[name]["traceability"] = sources["shown"] if sources["named"] is None else sources["named"]
    costs = {name: cost for name, cost in find_costs(summary, prices).items() if name in arms}
    taken = {name: _count_seconds(arms[name]) for name in costs}
    paid = {name: cost.total(MONTHS * prices.queries, prices) for name, cost in costs.items() if cost.one_off is not None}
    for criterion, amounts in {"latency": taken, "cost": paid}.items():
        for name, amount in amounts.items():
            ratings[name][criterion] = min(amounts.values()) / amount if amount > 0 else 1.0
    return ratings


def _count_seconds(arm: Mapping[str, Any]) -> float:
    cost = read_cost(arm) or {}
    return float(cost["seconds"]["mean"]) + float(cost.get("search_seconds") or 0.0)


def recommend(summary: Mapping[str, Any], weights: Weights = QUALITY_ALONE, prices: Prices = DEFAULT_PRICES) -> Recommendation:
    """Return what a stored summary recommends under weights, and where that changes.

    An invalid verdict leaves nothing to weigh. A baseline has marks alone: where it is the verdict's recommendation, no approach
    is recommended before it.
    """
    standing, ratings = read_standing(summary), rate_arms(summary, prices)
    shares = weights.shares()
    measured = {name for name in CRITERIA if ratings and all(name in rating for rating in ratings.values())}
    left_out = tuple(name for name in CRITERIA if name not in measured and (shares[name] or ratings))
    counted = {name: share for name, share in shares.items() if name in measured}
    if standing is not None and standing.state == "invalid":
        told = "The verdict is invalid: the marks do not tell what they should, so nothing is recommended."
        return Recommendation(None, {}, (), left_out, told)
    if standing is not None and standing.chosen in BASELINES:
        alone = {name for name, share in (counted or shares).items() if share} == {"quality"}
        return Recommendation(standing.chosen if alone else None, {}, (), left_out, _say_baseline(standing, alone=alone))
    if standing is None or not ratings or not sum(counted.values()):
        return Recommendation(None, {}, (), left_out, "Nothing that counts was measured, so nothing is recommended.")
    counted = {name: share / sum(counted.values()) for name, share in counted.items()}
    worth = {name: _weigh(rating, counted) for name, rating in ratings.items()}
    by_quality = counted.get("quality", 0.0) == 1.0
    best = max(worth, key=lambda name: worth[name])
    chosen = standing.chosen if standing.chosen is not None and standing.chosen in ratings else best
    current = chosen if by_quality else best
    switches = tuple(filter(None, (_find_switch(ratings, counted, name, current) for name in _order(measured))))
    arm = standing.chosen if by_quality else best
    sentence = _say(standing, arm, counted, worth, [item for item in left_out if shares[item]])
    found = Recommendation(arm, worth, switches, left_out, sentence, _list_uncounted(summary, prices, ratings))
    if found.gap and (counted.get("cost") or any(switch.criterion == "cost" for switch in switches)):
        return replace(found, sentence=f"{sentence} {found.gap}")
    return found


def _list_uncounted(summary: Mapping[str, Any], prices: Prices, ratings: Ratings) -> tuple[str, ...]:
    """Name what the ratings of cost leave out; where a machine hour is free, seconds that are not known cost nothing."""
    costs = find_costs(summary, prices) if prices.machine_hour else {}
    return tuple(
        f"the indexing of {find_title(name)}"
        for name, cost in costs.items()
        if "cost" in ratings.get(name, {}) and "indexing" in cost.unknown
    )


def _say_baseline(standing: Standing, *, alone: bool) -> str:
    title = find_title(str(standing.chosen))
    if alone:
        return f"By {standing.metric} alone: {title}. It is an answer without a model."
    return (
        f"By {standing.metric} an answer without a model is best: {title}. It has no ratings on the other criteria, so no approach "
        "is recommended by these weights."
    )


def _order(measured: set[str]) -> list[str]:
    return [name for name in CRITERIA if name in measured]


def _weigh(rating: Mapping[str, float], shares: Mapping[str, float]) -> float:
    return sum(share * rating[name] for name, share in shares.items())


def _find_switch(ratings: Ratings, shares: Mapping[str, float], criterion: str, current: str) -> Switch | None:
    """Return where more weight of a criterion first makes another arm the best; None where it never does.

    What an arm is worth is a line in the criterion's weight w: `(1 - w) rest + w rating`. Two lines cross once.
    """
    rest = {name: share for name, share in shares.items() if name != criterion}
    total = sum(rest.values())
    if total < NEAR:
        return None
    found: list[tuple[float, float, str]] = []
    for name, rating in ratings.items():
        gain = rating[criterion] - ratings[current][criterion]
        lag = (_weigh(ratings[current], rest) - _weigh(rating, rest)) / total
        if name != current and gain > NEAR and lag > -NEAR:
            found.append((max(lag, 0.0) / (max(lag, 0.0) + gain), -gain, name))
    later = [item for item in found if item[0] >= shares[criterion] - NEAR]
    if not later:
        return None
    weight, _, name = min(later)
    return Switch(criterion, name, weight)


def _say(
    standing: Standing, arm: str | None, shares: Mapping[str, float], worth: Mapping[str, float], unmeasured: list[str]
) -> str:
    told = ", ".join(f"{name} {share:.2f}" for name, share in shares.items() if share)
    by_quality = shares.get("quality", 0.0) == 1.0
    parts = []
    if by_quality:
        parts.append(f"By {standing.metric} alone: {find_title(arm)}." if arm else "By the marks alone nothing is recommended.")
    else:
        parts.append(f"With these weights ({told}): {find_title(str(arm))}, worth {worth[str(arm)]:.2f} of 1.")
    if standing.state == "inconclusive":
        parts.append("The verdict is inconclusive all the same: the marks do not settle which is best.")
    elif standing.chosen not in {arm, None}:
        parts.append(f"By the marks alone it is {find_title(str(standing.chosen))}.")
    if unmeasured:
        parts.append(f"Not measured in this run, and left out: {', '.join(unmeasured)}.")
    return " ".join(parts)
