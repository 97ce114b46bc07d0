"""From how many queries on one approach costs less than another, with an interval; or never."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from core.comparison.arms import find_title
from core.evaluation.cost import RIGHT_ANSWERS, ArmCost, find_costs
from core.evaluation.prices import Prices
from core.evaluation.usage import bound_mean

BreakEvenState = Literal["from", "never", "first", "same", "unknown"]
PAIR = ("rag", "qlora")  # Compared where nothing else is asked for.
SESSIONS = "No interval: some of these answers come from an earlier run, so the seconds are of different sessions."
ONE_GROUP = "No interval: the run does not keep the items' costs, or has one group."


@dataclass(frozen=True, slots=True)
class BreakEven:
    """When an approach that costs more at the start has paid back what it costs more.

    Args:
        cheap: The approach that costs less at the start.
        dear: The one that costs more at the start.
        state: `from`: `dear` costs less from `queries` on; `never`: it does not cost less per query; `first`: both cost
            the same at the start, and one surely less per query; `same`: no difference at all; `unknown`: it is not known.
        queries: The break-even, N*; None where there is none.
        low: Lower bound of its interval; None where none can be given, or where even the least it may be is never.
        high: Upper bound; None where it may be never, or where no interval can be given.
        sure: Whether there is an interval.
        sentence: The same in words.
    """

    cheap: str
    dear: str
    state: BreakEvenState
    queries: float | None
    low: float | None
    high: float | None
    sure: bool
    sentence: str


def find_break_even(summary: Mapping[str, Any], prices: Prices, pair: tuple[str, str] = PAIR) -> BreakEven | None:
    """Return the break-even of two arms of a stored summary; None where one of them did not answer.

    `N* = (F_dear - F_cheap) / (q_cheap - q_dear)`, where `q` holds a query's share of its month's changes of the documents.
    Only the saving below the line has an error, so the bounds of N* are those of the saving, turned over: Fieller's interval
    (1954, JRSS B 16) with an exact numerator. Where the saving may be 0 nothing bounds N* from above.
    """
    costs = find_costs(summary, prices)
    if not set(pair) <= costs.keys():
        return None
    cheap, dear = sorted((costs[name] for name in pair), key=lambda cost: cost.one_off or 0.0)
    unknown = [name for cost in (cheap, dear) for name in _list_unknown(cost)]
    kept_up = all(cost.upkeep is not None or "indexing" in cost.unknown for cost in (cheap, dear))
    if cheap.one_off is None or dear.one_off is None or not kept_up:
        return _tell_unknown(cheap.arm, dear.arm, unknown)
    start = dear.one_off - cheap.one_off
    if not start and prices.machine_hour and len({"indexing" in cost.unknown for cost in (cheap, dear)}) > 1:
        return _tell_unknown(cheap.arm, dear.arm, unknown)  # Only what is not known could make their starts differ.
    changes = ((cheap.upkeep or 0.0) - (dear.upkeep or 0.0)) / prices.queries
    saving, low, high = measure_saving(summary, prices, cheap, dear, changes=changes)
    state: BreakEvenState = "from" if saving > 0 else "never"
    if not start:
        state = (
            "same" if not saving else "first" if low is not None and high is not None and (low > 0 or high < 0) else "unknown"
        )
    queries, least, most = (_divide(start, value) for value in (saving, high, low))
    found = BreakEven(cheap.arm, dear.arm, state, queries, least, most, low is not None, "")
    found = _with_sentence(found, prices, saving, unknown)
    if found.sure or found.state == "same":
        return found
    return replace(found, sentence=f"{found.sentence} {SESSIONS if has_earlier_seconds(summary, pair) else ONE_GROUP}")


def has_earlier_seconds(summary: Mapping[str, Any], pair: Collection[str]) -> bool:
    """Say whether answers of any of these arms come from an earlier run: their seconds are of another hour or machine."""
    arms = summary.get("arms", {})
    return any((arms.get(name, {}).get("cost") or {}).get("from_store") for name in pair)


def measure_saving(
    summary: Mapping[str, Any], prices: Prices, cheap: ArmCost, dear: ArmCost, *, changes: float = 0.0
) -> tuple[float, float | None, float | None]:
    """Return how much less a query costs with `dear` than with `cheap`, with bounds from the items asked of both.

    Args:
        summary: A stored summary.
        prices: What is paid.
        cheap: The arm that costs less at the start.
        dear: The other.
        changes: What is saved beside, a query; known without an error.

    Returns:
        The saving and its bounds; None where there are none: seconds of different sessions have no common error.
    """
    saving = cheap.query.mean - dear.query.mean + changes
    if has_earlier_seconds(summary, (cheap.arm, dear.arm)):
        return saving, None, None
    rates = np.array(prices.rates)
    for item in summary.get("usage", ()):
        if {item["a"], item["b"]} == {cheap.arm, dear.arm}:
            return saving, *bound_mean(saving, float(rates @ np.array(item["covariance"]) @ rates), item["freedom"])
    return saving, None, None


def _divide(start: float, saving: float | None) -> float | None:
    return start / saving if saving is not None and saving > 0 and start else None


def _list_unknown(cost: ArmCost) -> list[str]:
    return [f"the {part} of {find_title(cost.arm)}" for part in cost.unknown if part != RIGHT_ANSWERS]


def _tell_unknown(cheap: str, dear: str, unknown: list[str]) -> BreakEven:
    names = f"{find_title(cheap)} and {find_title(dear)}"
    older = len(unknown) == len({"labels", "indexing", "training"}) * 2
    told = "labels, training and indexing, as new comparisons do" if older else ", ".join(unknown) or "what they need"
    sentence = f"The break-even of {names} is not known: the run does not keep {told}."
    return BreakEven(cheap, dear, "unknown", None, None, None, False, sentence)


def _with_sentence(found: BreakEven, prices: Prices, saving: float, unknown: list[str]) -> BreakEven:
    cheap, dear = find_title(found.cheap), find_title(found.dear)
    if found.state == "same":
        sentence = f"{cheap} and {dear} cost the same."
    elif found.state == "first":
        less, more = (dear, cheap) if saving > 0 else (cheap, dear)
        sentence = f"{less} costs less than {more} from the first query on: both cost the same at the start."
    elif found.state == "unknown":
        why = "the interval of the difference holds 0" if found.sure else "there is no interval of the difference"
        sentence = f"{cheap} and {dear} cost the same at the start, and which costs less per query is not settled: {why}."
    elif found.queries is None:
        sentence = f"{dear} never pays back: it costs more than {cheap} at the start and no less per query{_say_until(found)}."
    else:
        months = found.queries / prices.queries
        sentence = (
            f"{dear} costs less than {cheap} from about {write_queries(found.queries)} queries on{_say_range(found)}: "
            f"{_write_months(months)} at {prices.queries:,.0f} a month."
        )
    if unknown:
        sentence += f" Not known, and not counted: {', '.join(unknown)}."
    return replace(found, sentence=sentence)


def _say_until(found: BreakEven) -> str:
    return f" (at the edge of the interval from {write_queries(found.low)} queries on)" if found.low is not None else ""


def _say_range(found: BreakEven) -> str:
    if not found.sure or found.low is None:
        return ""  # The reason is a sentence of its own.
    if found.high is None:
        return f" (95 %: from {write_queries(found.low)} on, or never)"
    return f" (95 %: {write_queries(found.low)} to {write_queries(found.high)})"


def write_queries(count: float) -> str:
    """Write a number of queries with two digits: more would claim to be known."""
    step = 10 ** max(int(np.floor(np.log10(max(count, 1)))) - 1, 0)
    return f"{int(np.ceil(count / step) * step):,}"


def _write_months(months: float) -> str:
    if months < 1:
        return f"{max(1, round(months * 30))} days"
    return f"{months:.1f} months" if months < 24 else f"{months / 12:.0f} years"
