"""How a comparison stands while it runs: by approach, the answers so far and their mean mark. No verdict follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.evaluation.acceptance import score_example
from core.tasks.task import Task
from core.values import Example, Prediction

KIND = "partial"  # Of the event.


@dataclass(frozen=True, slots=True)
class PartialArm:
    """How far an approach is.

    Args:
        arm: Its name.
        answered: Answers so far, over all its draws.
        of: Answers that are wanted.
        mark: Their mean mark on the primary metric; None before the first.
    """

    arm: str
    answered: int
    of: int
    mark: float | None


def mark_part(task: Task, items: Sequence[Example], answers: Mapping[tuple[int, int], Prediction]) -> float | None:
    """Return the mean mark of some answers on the primary metric, None where there is none.

    Args:
        task: The task.
        items: The items.
        answers: By draw and place of the item.
    """
    marks = [
        score_example(answer.value, items[place], task.schema).metric(task.primary_metric)
        for (_, place), answer in answers.items()
    ]
    return sum(marks) / len(marks) if marks else None


def write_partial(step: int, arm: PartialArm) -> dict[str, Any]:
    """Return the event that a job keeps of an approach; `step` counts the answers of all."""
    values = {"arm": arm.arm, "answered": arm.answered, "of": arm.of, "mark": arm.mark}
    return {"kind": KIND, "step": step, "text": arm.arm, **values}


def read_partials(events: Iterable[Mapping[str, Any]]) -> list[PartialArm]:
    """Return the newest of each approach from a job's events; damaged ones are left out."""
    newest: dict[str, PartialArm] = {}
    for event in events:
        arm, answered, of, mark = (event.get(name) for name in ("arm", "answered", "of", "mark"))
        if event.get("kind") != KIND or not isinstance(arm, str) or not isinstance(answered, int) or not isinstance(of, int):
            continue
        newest[arm] = PartialArm(arm, answered, of, float(mark) if isinstance(mark, int | float) else None)
    return list(newest.values())
