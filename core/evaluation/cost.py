"""What approaches cost at a person's prices: a query, a right answer, the start, a month; and from how many queries on one pays back.

The model: `C(N) = F + N q`, where `F` is paid once (labels, indexing, training) and `q` for each query (model and search
seconds, tokens, and the query's share of what the changes of the documents in its month cost). All is a function of a stored
summary and of `Prices`. What is not known is named and left out, never taken for 0 in silence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core.evaluation.prices import Prices
from core.evaluation.usage import PARTS, bound_mean

Upkeep = Literal["nothing", "re-index", "re-train", "cannot follow"]
UPKEEPS: Mapping[Upkeep, str] = {  # What must be done when the documents change.
    "nothing": "nothing: the task has no documents",
    "re-index": "index them again",
    "re-train": "train again, for the facts are in the weights",
    "cannot follow": "nothing helps: it reads no documents and was not trained on them",
}
RIGHT_ANSWERS = "right answers"  # Among what is not known.
CURVE_POINTS = 33
CURVE_DECADES = (2.0, 6.0)  # 100 to a million queries, where no break-even asks for another range.


@dataclass(frozen=True, slots=True)
class Money:
    """A cost with the bounds of its interval; None where they are not known, or where nothing bounds it from above."""

    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class ArmCost:
    """What an approach costs.

    Args:
        arm: Its name.
        query: A query, as it is answered.
        right: A right answer: all fields right, and valid; None where none was right, or that is not known.
        valid: A valid answer; None where none was.
        one_off: What is paid once; None where it is not known.
        upkeep: A month's changes of the documents; None where it is not known.
        unknown: What is not known and counts as nothing in these.
    """

    arm: str
    query: Money
    right: Money | None
    valid: Money | None
    one_off: float | None
    upkeep: float | None
    unknown: tuple[str, ...]

    def total(self, queries: float, prices: Prices) -> float:
        """Return what so many queries cost, all included that is known."""
        return (self.one_off or 0.0) + queries * (self.query.mean + (self.upkeep or 0.0) / prices.queries)


def find_costs(summary: Mapping[str, Any], prices: Prices) -> dict[str, ArmCost]:
    """Return what each arm of a stored summary costs; baselines and arms that did not answer have no cost."""
    found = {}
    for name, arm in summary.get("arms", {}).items():
        cost = read_cost(arm)
        if cost is not None:
            found[name] = _price(name, cost, prices)
    return found


def read_cost(arm: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what an arm's answers took; of older runs without intervals; None where no model answered."""
    if arm.get("status") != "ok" or "latency_p50" not in arm:
        return None
    if "cost" in arm:
        found: Mapping[str, Any] = arm["cost"]
        return found
    answers = arm["n"] * max(1, len(arm.get("draws", ())))
    mean = arm["seconds"] / answers if "seconds" in arm else arm["latency_p50"]
    means = {"seconds": mean, "prompt_tokens": arm["prompt_tokens"], "new_tokens": arm["new_tokens"]}
    medians = {"seconds": arm["latency_p50"]}
    return {
        **{part: {"mean": means[part], "low": None, "high": None, "median": medians.get(part)} for part in PARTS},
        "valid": {"mean": arm["schema_valid"], "low": None, "high": None},
    }


def _price(name: str, cost: Mapping[str, Any], prices: Prices) -> ArmCost:
    query = _price_query(cost, prices)
    second, labels = prices.machine_hour / 3600, cost.get("labels")
    upkeep = cost.get("upkeep")
    # Of an approach that needs neither, both are 0; None is what was not recorded.
    indexing, training = (cost.get(part, None if upkeep is None else 0.0) for part in ("indexing_seconds", "training_seconds"))
    unknown = [
        part
        for part, value in {"labels": labels, "indexing": indexing, "training": training}.items()
        if value is None
    ]  # fmt: skip
    if "right" not in cost:  # Older runs do not keep the items' marks together.
        unknown.append(RIGHT_ANSWERS)
    one_off = None
    if labels is not None and training is not None:
        one_off = labels * prices.label + ((indexing or 0.0) + training) * second
    monthly: dict[str | None, float | None] = {"nothing": 0.0, "cannot follow": 0.0, "re-index": indexing, "re-train": training}
    seconds = monthly.get(upkeep)
    return ArmCost(
        name,
        query,
        _price_share(query, cost.get("right")),
        _price_share(query, cost.get("valid")),
        one_off,
        None if seconds is None else seconds * second * prices.updates,
        tuple(unknown),
    )


def _price_query(cost: Mapping[str, Any], prices: Prices) -> Money:
    """Return the cost of a query: seconds and tokens are weighed by their prices, and so is the covariance of their errors."""
    rates = np.array(prices.rates)
    mean = float(rates @ [cost[part]["mean"] for part in PARTS]) + (cost.get("search_seconds") or 0.0) * rates[0]
    if "covariance" not in cost:
        return Money(float(mean))
    low, high = bound_mean(float(mean), float(rates @ np.array(cost["covariance"]) @ rates), cost["freedom"])
    return Money(float(mean), None if low is None else max(low, 0.0), high)


def _price_share(query: Money, share: Mapping[str, Any] | None) -> Money | None:
    """Return what an answer of a kind costs: the cost of a query by the share of such answers; None where there is none.

    Its bounds follow from those of both (MOVER-R, Donner and Zou 2012, Statistical Methods in Medical Research 21, equation 11),
    as if cost and marks were independent. Where the share may be 0 nothing bounds the cost from above.
    """
    if not share or not share["mean"]:
        return None
    mean = query.mean / share["mean"]
    if query.low is None or query.high is None or share["low"] is None:
        return Money(mean)
    product = query.mean * share["mean"]
    least, most = (bound * (2 * query.mean - bound) for bound in (query.low, query.high))
    rare, often = (bound * (2 * share["mean"] - bound) for bound in (share["low"], share["high"]))
    low = least / (product + math.sqrt(max(product**2 - least * often, 0.0))) if product else 0.0
    high = (product + math.sqrt(max(product**2 - most * rare, 0.0))) / rare if rare > 0 else None
    return Money(mean, min(low, mean), None if high is None else max(high, mean))


def draw_curve(
    summary: Mapping[str, Any], prices: Prices, *, most: float | None = None
) -> dict[str, tuple[tuple[float, float], ...]]:
    """Return what each arm costs by the number of queries, for those whose one-off cost is known.

    Args:
        summary: A stored one.
        prices: What is paid.
        most: The largest number of queries.

    Returns:
        By arm: (queries, cost), the queries on a scale of equal ratios.
    """
    first, last = CURVE_DECADES
    last = last if most is None or most <= 10**first else math.log10(most)
    queries: Sequence[float] = [round(float(point)) for point in np.logspace(first, last, CURVE_POINTS)]
    costs = find_costs(summary, prices)
    return {
        name: tuple((point, cost.total(point, prices)) for point in queries)
        for name, cost in costs.items()
        if cost.one_off is not None
    }
