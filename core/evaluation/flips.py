"""What would flip a verdict: sentences made of the run's numbers, or the word that it was not measured and the command that would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.comparison.arms import ARMS, BASELINES, find_title, is_control
from core.evaluation.break_even import PAIR, measure_saving
from core.evaluation.cost import find_costs
from core.evaluation.prices import DEFAULT_PRICES, Prices
from core.evaluation.standing import Standing
from core.evaluation.verdict import write_number
from core.evaluation.weights import QUALITY_ALONE, Weights, recommend

MODES = {"free": "decoded freely", "constrained": "held to the schema", "think": "with a draft before the answer"}
FACTORS = ("mode", "model", "storage")  # How answers are made.


def find_flips(
    summary: Mapping[str, Any], standing: Standing, weights: Weights = QUALITY_ALONE, prices: Prices = DEFAULT_PRICES
) -> tuple[str, ...]:
    """Return what would flip the verdict of a stored summary, a sentence each.

    Args:
        summary: The summary.
        standing: Who stands where in it.
        weights: What counts now.
        prices: What is paid.
    """
    found = [
        _flip_by_items(summary, standing),
        _flip_by_weights(summary, weights, prices),
        _flip_by_changes(summary, prices),
    ]
    if standing.state != "invalid":  # Its means do not tell what they should: beside another run's they would mislead.
        found += [_flip_by_decoding(summary, standing), _flip_by_model(summary, standing)]
    return tuple(sentence for sentence in found if sentence)


def _flip_by_items(summary: Mapping[str, Any], standing: Standing) -> str:
    """Say what more items could do."""
    if standing.state == "inconclusive":
        return str(summary.get("advice", ""))
    if standing.next is None or standing.chosen is None:
        return ""
    item = standing.compare(standing.chosen, standing.next)
    if item is None or item.ci_low is None or item.ci_high is None:
        return ""
    names = f"{find_title(standing.chosen)} and {find_title(standing.next)}"
    if standing.state == "better":
        return (
            f"More items would hardly flip it: the whole interval of {find_title(standing.chosen)}'s lead over "
            f"{find_title(standing.next)} ({write_number(item.ci_low)} to {write_number(item.ci_high)}) is above 0."
        )
    widest = max(abs(item.ci_low), abs(item.ci_high))
    return f"A margin below {write_number(widest)}: then {names} no longer count as equal."


def _flip_by_weights(summary: Mapping[str, Any], weights: Weights, prices: Prices) -> str:
    """Say which weight changes the recommendation, and where none does."""
    found = recommend(summary, weights, prices)
    if len(found.worth) < 2:
        return ""
    told = "; ".join(switch.sentence for switch in found.switches)
    now = "" if found.arm else f"by the means it is {find_title(max(found.worth, key=lambda name: found.worth[name]))}, and "
    start = f"Another weight: {now}it {told}." if told else "No other weight of a criterion changes the recommendation."
    if found.gap and any(switch.criterion == "cost" for switch in found.switches):
        start = f"{start} {found.gap}"
    return f"{start} Not measured: {', '.join(found.left_out)}." if found.left_out else start


def _flip_by_changes(summary: Mapping[str, Any], prices: Prices) -> str:
    """Say how many changes of the documents a month make facts in the weights cost more than facts in an index.

    `n q_a + m u_a = n q_b + m u_b` for m, with the queries n and the cost u of one change.
    """
    arms, costs = summary["arms"], find_costs(summary, prices)
    kinds = {
        kind: [name for name in costs if arms[name].get("cost", {}).get("upkeep") == kind and not is_control(name)]
        for kind in ("re-index", "re-train")
    }
    if not all(kinds.values()):
        return ""
    read, learned = (min(names, key=lambda name: (name not in PAIR, costs[name].query.mean)) for names in kinds.values())
    second = prices.machine_hour / 3600
    seconds = arms[read]["cost"].get("indexing_seconds"), arms[learned]["cost"].get("training_seconds")
    title = find_title(learned)
    if seconds[1] is None:
        return f"A corpus that changes: what it costs to keep up {title} is not known."
    if not second:
        return f"A corpus that changes does not speak against {title}: at these prices a machine hour is free."
    guess = "" if seconds[0] is not None else "; the seconds of indexing are not known and not counted"
    saving, low, high = measure_saving(summary, prices, costs[read], costs[learned])
    if saving <= 0:
        surely = "it saves nothing per query" if high is not None and high <= 0 else "nothing shows that it saves per query"
        return f"A corpus that changes speaks against {title}: {surely}, and each change is a training of {seconds[1]:.0f} s{guess}."
    dearer = (seconds[1] - (seconds[0] or 0.0)) * second
    if dearer <= 0:
        return f"A corpus that changes does not speak against {title}: training it took no longer than indexing{guess}."
    times = [None if value is None else value * prices.queries / dearer for value in (saving, low, high)]
    return _tell_changes(
        times,
        f"{title}, trained again each time, costs more to run than {find_title(read)}, indexed again, "
        f"at {prices.queries:,.0f} queries a month{guess}",
    )


def _tell_changes(times: Sequence[float | None], then: str) -> str:
    """Say from how many changes a month on something holds; the bounds are those of what a query saves."""
    mean, low, high = times
    if low is None or high is None:
        bounds = " (no interval)"
    elif low <= 0:
        bounds = f" (95 %: any number to {high:,.1f}; it may save nothing per query)"
    else:
        bounds = f" (95 %: {low:,.1f} to {high:,.1f})"
    return f"A corpus that changes more than {mean:,.1f} times a month{bounds}: then {then}."


def _flip_by_decoding(summary: Mapping[str, Any], standing: Standing) -> str:
    """Say what other decoding of the same approaches came to, or how to find out."""
    setting = summary.get("setting", {})
    if "mode" not in setting:
        return ""
    if told := [
        _compare_run(one, summary, standing, MODES.get(one["mode"], one["mode"])) for one in _list_runs(setting, "mode")
    ]:
        return f"Other decoding: {'; '.join(told)}."
    other = "constrained" if setting["mode"] == "free" else "free"
    return f"Other decoding was not measured before this run: `ragft compare {setting['task']} --mode {other}`."


def _flip_by_model(summary: Mapping[str, Any], standing: Standing) -> str:
    """Say what another model came to, or how to find out."""
    setting = summary.get("setting", {})
    if "model" not in setting:
        return ""
    if told := [_compare_run(one, summary, standing, one["model"]) for one in _list_runs(setting, "model")]:
        return f"Another model: {'; '.join(told)}."
    return (
        f"Another model than {setting['model']} was not measured before this run: `ragft models list`, then "
        f"`ragft compare {setting['task']} --model NAME`."
    )


def _list_runs(setting: Mapping[str, Any], factor: str) -> list[Mapping[str, Any]]:
    """Return the other runs that differ in one factor and in nothing else: of two, neither would be told to be the cause."""
    return [
        one
        for one in setting["others"]
        if [name for name in FACTORS if one.get(name, setting.get(name)) != setting.get(name)] == [factor]
    ]


def _compare_run(other: Mapping[str, Any], summary: Mapping[str, Any], standing: Standing, how: str) -> str:
    """Say which approach had the best mean in another run, beside this one's."""
    means = {
        name: mean for name, mean in other["means"].items() if name in BASELINES or (name in ARMS and not is_control(name))
    }
    if not means:
        return f"{how} (run {other['run']}) none of these approaches answered"
    best = max(means, key=lambda name: means[name])
    there = f"{means[best]:.2f}{_write_bounds(other.get('intervals', {}).get(best))}"  # Older runs keep no intervals.
    primary = summary["arms"][standing.best]["primary"]
    here = f"{standing.means[standing.best]:.2f}{_write_bounds((primary.get('low'), primary.get('high')))}"
    if best == standing.best:
        return f"{how} (run {other['run']}) {find_title(best)} has the best mean too, {there} against {here} here"
    return (
        f"{how} (run {other['run']}) {find_title(best)} has the best mean, {there}, where here "
        f"{find_title(standing.best)} has it with {here}"
    )


def _write_bounds(bounds: Sequence[float | None] | None) -> str:
    low, high = bounds or (None, None)
    return "" if low is None or high is None else f" (95 % {low:.2f} to {high:.2f})"
