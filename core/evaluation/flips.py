"""What would flip a verdict: sentences made of the run's numbers, or the word that it was not measured and the command that would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.comparison.arms import find_title
from core.evaluation.standing import Standing
from core.evaluation.verdict import write_number


def find_flips(summary: Mapping[str, Any], standing: Standing) -> tuple[str, ...]:
    """Return what would flip the verdict of a stored summary, a sentence each."""
    return tuple(filter(None, [_flip_by_items(summary, standing)]))


def _flip_by_items(summary: Mapping[str, Any], standing: Standing) -> str:
    """Say what more items could do."""
    if standing.state == "inconclusive":
        return str(summary.get("advice", ""))
    if standing.next is None or standing.chosen is None:
        return ""
    item = standing.compare(standing.chosen, standing.next)
    if item is None or item.ci_low is None or item.ci_high is None:
        return ""
    if standing.state == "better":
        return (
            f"More items would hardly flip it: the whole interval of {find_title(standing.chosen)}'s lead over "
            f"{find_title(standing.next)} ({write_number(item.ci_low)} to {write_number(item.ci_high)}) is above 0."
        )
    widest = max(abs(item.ci_low), abs(item.ci_high))
    return f"A margin below {write_number(widest)} would: then {find_title(standing.chosen)} and {find_title(standing.next)} no longer count as equal."
