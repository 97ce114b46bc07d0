"""The small real trainings whose curves are bundled: `make learn-data` makes them (`benchmarks/learn_data.py`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import LabError

FILE = Path(__file__).with_name("measured.json")
REMEDY = "Make it anew: `make learn-data`."


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """One small training: its rank, its scale alpha / r, its seed, and (step, loss on what was kept out) along the way."""

    rank: int
    scale: float
    seed: int
    trained: int
    held: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """The loss at the end."""
        return self.held[-1][1]


@dataclass(frozen=True, slots=True)
class Measured:
    """What the file holds.

    Args:
        about: Which model, which texts, how long.
        base_loss: Before any training.
        runs: The trainings of adapters.
        full: (step, loss) of the full fine-tuning.
        updates: Singular values of matrices that training changed, by a title.
    """

    about: Mapping[str, Any]
    base_loss: float
    runs: tuple[MeasuredRun, ...]
    full: tuple[tuple[float, float], ...]
    updates: Mapping[str, Any]

    def find(self, *, rank: int | None = None, scale: float | None = None) -> list[MeasuredRun]:
        """Return the trainings of a rank, of a scale, or both."""
        return [run for run in self.runs if rank in (None, run.rank) and scale in (None, run.scale)]

    def describe(self) -> str:
        """Say in a sentence what was measured, so that nobody takes it for more."""
        about = self.about
        return (
            f"Measured on {about['model']}, of {about['parameters']:,} parameters, that first saw {about['before']} and then "
            f"learned {about['data']}: {about['steps']} steps of {about['batch']} x {about['window']} tokens each, "
            f"{about['seeds']} seeds, the same learning rate {about['rate']:g} throughout."
        )


@lru_cache(maxsize=1)
def read_measured(file: Path = FILE) -> Measured:
    """Read the bundled trainings.

    Raises:
        LabError: The file is absent or not what `make learn-data` writes.
    """
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        runs = tuple(
            MeasuredRun(run["rank"], run["scale"], run["seed"], run["trained"], _read_points(run["held"]))
            for run in values["runs"]
        )
        full = _read_points(values["full"]["held"])
        updates = {"full": values["update"], "adapter": values.get("adapter")}
        return Measured(values["about"], float(values["base_loss"]), runs, full, updates)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LabError(f"The bundled trainings in {file.name} cannot be read: {error}.", REMEDY) from error


def _read_points(points: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(step), float(loss)) for step, loss in points)


def mean_by(runs: Sequence[MeasuredRun], *, of: str) -> list[tuple[float, float, float, float]]:
    """Return (value, mean, lowest, highest) of the last losses, by each value of `rank` or `scale`, in rising order."""
    groups: dict[float, list[float]] = {}
    for run in runs:
        groups.setdefault(getattr(run, of), []).append(run.last)
    return [(value, sum(losses) / len(losses), min(losses), max(losses)) for value, losses in sorted(groups.items())]
