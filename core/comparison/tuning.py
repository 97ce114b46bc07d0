"""What prompts show, chosen on training rows alone: on which, among which values, and by which rule.

A fifth of the training groups is asked, the other rows give the examples; no test item is read. Settings are taken one
after the other. A value replaces the present one only where its lead is clear of chance: with many values and few rows the
best mean is mostly luck.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

from core.errors import LabError
from core.evaluation.intervals import MIN_CLUSTERS
from core.evaluation.sampling import choose_items, find_clusters
from core.evaluation.statistics import Sample, contrast
from core.tasks.task import Task
from core.values import Example

SHARE = 0.2  # Of the training groups.
MOST_ITEMS = 100  # Rows that are asked: a small model on two cores answers them in about half a minute.


@dataclass(frozen=True, slots=True)
class Fold:
    """The rows that tuning asks, and the task without them and without its test items.

    Args:
        task: Its training rows are those that the prompts' examples are chosen from.
        items: What is asked.
        clusters: Shape (items,): which of them belong together.
    """

    task: Task
    items: tuple[Example, ...]
    clusters: tuple[str, ...]

    @property
    def groups(self) -> int:
        """How many independent groups are asked."""
        return len(set(self.clusters))


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that is tuned.

    Args:
        name: Its key in `task.toml`.
        arm: The arm whose marks decide.
        values: What is tried, the simplest or cheapest first.
    """

    name: str
    arm: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One value that was tried.

    Args:
        setting: Key in `task.toml`.
        value: The value; None is a key left out.
        arm: The arm that answered.
        mean: Mean of the primary metric.
        low: Lower bound of its 95 % interval.
        high: Upper bound.
        items: Rows that were asked.
        seconds: How long that took; less where answers were known from before.
        chosen: Whether it is the value from now on.
    """

    setting: str
    value: Any
    arm: str
    mean: float
    low: float
    high: float
    items: int
    seconds: float
    chosen: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def split_fold(task: Task, *, seed: int) -> Fold:
    """Choose the rows to tune on: a seeded fifth of the training groups, six at least, for fewer show no difference.

    Groups with an example that the task names for its prompts stay out.

    Raises:
        LabError: There are too few groups.
    """
    clusters = find_clusters(task.train)
    named = {cluster for cluster, example in zip(clusters, task.train, strict=True) if example.id in task.shots}
    names = sorted(set(clusters) - named)
    if len(names) < 2 * MIN_CLUSTERS:
        raise LabError(
            f"The training rows of {task.name} form {len(names)} independent groups.",
            f"Tuning takes at least {2 * MIN_CLUSTERS}: add rows, or set the keys in task.toml by hand.",
        )
    asked = set(Random(seed).sample(names, max(round(SHARE * len(names)), MIN_CLUSTERS)))
    rest: list[Example] = []
    fold: list[Example] = []
    for cluster, example in zip(clusters, task.train, strict=True):
        (fold if cluster in asked else rest).append(example)
    items = choose_items(fold, MOST_ITEMS, seed=seed)
    return Fold(replace(task, train=tuple(rest), test=()), tuple(items), tuple(find_clusters(items)))


def read_setting(task: Task, name: str) -> Any:
    """Return a setting's present value; examples that are named are a list of ids."""
    return task.describe_prompting()[name]


def change_setting(task: Task, name: str, value: Any) -> Task:
    """Return a task with another value of a setting."""
    if name == "passage_tokens":
        return replace(task, passage_tokens=value)
    if name != "shots":
        return replace(task, prompting=replace(task.prompting, **{name: value}))
    if isinstance(value, int):
        return replace(task, shots=(), prompting=replace(task.prompting, shots=value))
    return replace(task, shots=tuple(value))


def mark_setting(value: Any) -> str:
    """Return a text by which a value is told from others; lists cannot be keys."""
    return json.dumps(value)


def choose_value(marks: Mapping[str, Sequence[float]], present: str, clusters: Sequence[str]) -> str:
    """Return the value to go on with: the present one unless another leads it clear of chance.

    Of those, the best; and of the ones that cannot be told from the best, the simplest.

    Args:
        marks: Shape (items,) for each value that was tried, the simplest first.
        present: The value so far; it must have been tried.
        clusters: Shape (items,): which items belong together.
    """
    samples = {value: Sample(value, given) for value, given in marks.items()}
    best = max(samples.values(), key=lambda sample: sample.mean)
    tied = [value for value, sample in samples.items() if not _leads(best, sample, clusters)]
    return present if present in tied else tied[0]


def _leads(a: Sample, b: Sample, clusters: Sequence[str]) -> bool:
    """Say whether the interval of the paired difference a - b lies above 0."""
    if a is b:
        return False
    low = contrast(a, b, metric="", slice_name="", clusters=clusters).ci_low
    return low is not None and low > 0
