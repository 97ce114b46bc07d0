"""The verdict card: what is recommended, why, what the comparison could see, and what would flip it. For people in a hurry.

Every sentence is made of numbers of the run; what was not measured is not said, or said to be not measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.comparison.arms import find_title
from core.evaluation.cost_table import find_ratios
from core.evaluation.effects import SENTENCES
from core.evaluation.flips import find_flips
from core.evaluation.standing import RECOMMENDING, Standing, read_standing
from core.evaluation.verdict import VerdictState, write_number

REASONS = 3
NO_ARM = "No recommendation"


@dataclass(frozen=True, slots=True)
class Card:
    """What is shown first of a comparison.

    Args:
        state: The verdict's.
        recommendation: Name of the recommended arm or baseline; None where nothing is recommended.
        title: What people call it.
        sentence: The verdict's.
        reasons: At most three sentences with numbers.
        effects: What retrieval, training and both together bring, a sentence each; empty without all four approaches.
        smallest: A sentence: the smallest difference that the run could see.
        smallest_lead: The same as a number; None where there is none.
        flips: What would flip it, a sentence each.
    """

    state: VerdictState
    recommendation: str | None
    title: str
    sentence: str
    reasons: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    smallest: str = ""
    smallest_lead: float | None = None
    flips: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def make_card(summary: Mapping[str, Any]) -> Card:
    """Make the card of a stored summary that holds a verdict."""
    verdict = summary["verdict"]
    state = verdict["state"]
    arm = verdict["arm"] if state in RECOMMENDING else None  # Older runs name an arm all the same.
    title = find_title(arm) if arm else NO_ARM
    standing = read_standing(summary)
    if standing is None:
        return Card(state, arm, title, verdict["sentence"])
    return Card(
        state=state,
        recommendation=arm,
        title=title,
        sentence=verdict["sentence"],
        reasons=tuple(_give_reasons(summary, standing))[:REASONS],
        effects=tuple(map(_describe_effect, summary.get("effects", ()))),
        smallest=standing.describe_smallest(),
        smallest_lead=standing.smallest_lead,
        flips=find_flips(summary, standing),
    )


def _give_reasons(summary: Mapping[str, Any], standing: Standing) -> list[str]:
    """Return what the recommendation, or its absence, rests on, the weightiest first."""
    found = [
        _describe_marks(summary, standing),
        _describe_loss(summary, standing),
        _describe_seconds(summary, standing),
        _describe_validity(summary, standing),
    ]
    return [sentence for sentence in found if sentence]


def _describe_marks(summary: Mapping[str, Any], standing: Standing) -> str:
    primary = summary["arms"][standing.focus]["primary"]
    start = (
        f"{find_title(standing.focus)} reaches {write_number(primary['mean'])} on {standing.metric} "
        f"(95 % {write_number(primary['low'])} to {write_number(primary['high'])})"
    )
    if standing.next is None:
        return f"{start}; there is no other approach."
    other = f"{find_title(standing.next)} {write_number(standing.means[standing.next])}"
    item = standing.compare(standing.focus, standing.next)
    if item is None or item.ci_low is None or item.ci_high is None:
        return f"{start}, {other}; there are too few independent groups for an interval of the difference."
    return f"{start}, {other}: {_sign(item.difference)} ({_sign(item.ci_low)} to {_sign(item.ci_high)}, p {_write_p(item.p)})."


def _write_p(p: float | None) -> str:
    return "not known" if p is None else "below 0.001" if p < 0.001 else f"{p:.3f}"


def _describe_loss(summary: Mapping[str, Any], standing: Standing) -> str:
    """Say where the approach loses most; older runs and baselines do not tell."""
    causes = summary["arms"][standing.focus].get("causes", {})
    losses = {cause: loss for cause, loss in causes.items() if cause != "right"}
    if not losses:
        return ""
    worst = max(losses, key=lambda cause: losses[cause]["lost"])
    total = sum(loss["count"] for loss in causes.values())
    return (
        f"{find_title(standing.focus)} loses most by {worst}: {losses[worst]['count']} of {total} answers, "
        f"{write_number(losses[worst]['lost'])} of the mark."
    )


def _describe_seconds(summary: Mapping[str, Any], standing: Standing) -> str:
    """Say how long an answer takes beside the next approach that has seconds."""
    rest = sorted(standing.means, key=lambda name: -standing.means[name])
    timed = [name for name in (standing.focus, *rest) if "latency_p50" in summary["arms"][name]]
    names = list(dict.fromkeys(timed))[:2]
    if len(names) < 2:
        return ""
    first, second = (f"{find_title(name)} {summary['arms'][name]['latency_p50']:.2f} s" for name in names)
    return f"Half of the answers take at most so long: {first}, {second}{_describe_ratio(summary, names)}."


def _describe_ratio(summary: Mapping[str, Any], names: list[str]) -> str:
    """Say how many times as long one takes, where item was timed against item."""
    for item in find_ratios(summary):
        if {item["a"], item["b"]} == set(names) and item["low"] is not None:
            return (
                f"; item by item {find_title(item['a'])} takes {item['ratio']:.2f} times as long as {find_title(item['b'])} "
                f"({item['low']:.2f} to {item['high']:.2f})"
            )
    return ""


def _describe_validity(summary: Mapping[str, Any], standing: Standing) -> str:
    names = [standing.focus, *([standing.next] if standing.next else [])]
    shares = [f"{find_title(name)} {100 * summary['arms'][name]['schema_valid']:.0f} %" for name in names]
    return f"Valid under the schema: {', '.join(shares)}."


def _describe_effect(effect: Mapping[str, Any]) -> str:
    known = effect["low"] is not None
    bounds = f"95 % {_sign(effect['low'])} to {_sign(effect['high'])}" if known else "too few groups for an interval"
    return f"{SENTENCES[effect['name']]}: {_sign(effect['size'])} ({bounds})."


def _sign(value: float) -> str:
    """Write a difference with its sign; what rounds to nothing has none to show."""
    return f"{round(value, 2) + 0.0:+.2f}"
