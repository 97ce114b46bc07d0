"""Numbers of a stored summary as charts need them: finite, or absent. Older and damaged records lack some."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from core.comparison.arms import sort_by_simplicity
from core.evaluation.charts.scene import read_number


@dataclass(frozen=True, slots=True)
class MarkReading:
    """A mean with the bounds of its interval, both None where it has none."""

    mean: float
    low: float | None = None
    high: float | None = None

    @property
    def text(self) -> str:
        """The mean, and its interval where there is one, for people."""
        if self.low is None or self.high is None:
            return f"{self.mean:.3f}"
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"

    @property
    def bounds(self) -> str:
        """The interval, for a table."""
        return "" if self.low is None or self.high is None else f"{self.low:.3f} to {self.high:.3f}"


def read_interval(values: object) -> MarkReading | None:
    """Return what `{"mean": …, "low": …, "high": …}` says; None where it has no mean."""
    if not isinstance(values, Mapping):
        return None
    mean = read_number(values.get("mean"))
    if mean is None:
        return None
    low, high = read_number(values.get("low")), read_number(values.get("high"))
    return MarkReading(mean) if low is None or high is None else MarkReading(mean, min(low, high), max(low, high))


def read_mark(arm: Mapping[str, Any]) -> MarkReading | None:
    """Return an arm's mark on the primary metric."""
    return read_interval(arm.get("primary"))


def read_validity(arm: Mapping[str, Any]) -> MarkReading | None:
    """Return the share of an arm's answers that are valid as written; runs of before keep no interval of it."""
    mean = read_number(arm.get("schema_valid"))
    return read_interval(arm.get("validity")) or (None if mean is None else MarkReading(mean))


def read_seconds(arm: Mapping[str, Any]) -> float | None:
    """Return an arm's usual seconds for an answer, above 0; a baseline has none."""
    seconds = read_number(arm.get("latency_p50"))
    return seconds if seconds is not None and seconds >= 0 else None


def read_rows(value: object) -> list[Mapping[str, Any]]:
    """Return those of a list's entries that are tables of names and values."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


def name_metric(summary: Mapping[str, Any]) -> str:
    """Return the name of the primary metric."""
    return str(summary.get("primary_metric", "score"))


def choose_best(summary: Mapping[str, Any], arms: Collection[str]) -> str:
    """Return of some arms, at least one, the recommended one, else the one with the best mark, the simplest of equal ones."""
    verdict = summary.get("verdict")
    recommended = verdict.get("arm") if isinstance(verdict, Mapping) else None
    if recommended in arms:
        return str(recommended)
    return max(sort_by_simplicity(arms), key=lambda name: _read_mean(summary, name))


def _read_mean(summary: Mapping[str, Any], arm: str) -> float:
    arms = summary.get("arms")
    values = arms.get(arm) if isinstance(arms, Mapping) else None
    mark = read_mark(values) if isinstance(values, Mapping) else None
    return -1.0 if mark is None else mark.mean
