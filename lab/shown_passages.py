"""The passages that an approach shows: those that the search finds, or those that a control gives in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from core.comparison.arms import Arm, Passages
from core.errors import LabError
from core.tasks.task import Task
from core.values import Example, Retriever
from lab.lab import Lab
from lab.passages import load_passages


def open_passages(lab: Lab, task: Task, arm: Arm, items: Sequence[Example], *, seed: int) -> Retriever:
    """Return what finds an approach's passages.

    Args:
        lab: Where the index is.
        task: The task.
        arm: The approach, with the task's number of passages.
        items: All that it will be asked.
        seed: Of which question's passages are given to another.

    Raises:
        LabError: The index is absent or damaged, or there are no passages to give; what to do is said.
    """
    return OPENERS[arm.passages](lab, task, arm, items, seed)


def _open_search(lab: Lab, task: Task, arm: Arm, items: Sequence[Example], seed: int) -> Retriever:
    return load_passages(lab, task)


def _open_right(lab: Lab, task: Task, arm: Arm, items: Sequence[Example], seed: int) -> Retriever:
    """Return the passages that hold the evidence; questions without any keep what the search finds."""
    from retrieval.evidence.given_passages import GivenPassages
    from retrieval.evidence.right_passages import find_right_passages

    search = load_passages(lab, task)
    if not any(item.evidence for item in items):
        raise LabError(
            f"{_name_questions(items)} no evidence, so nobody knows the right passage of {task.name}.",
            "Ask test questions that have an `evidence` (document and quote); a free question has none.",
        )
    hits = find_right_passages(lab.library.load_index(task), items)
    if not hits:
        raise LabError(
            f"{_name_questions(items)} evidence that stands in no indexed document of {task.name}.",
            f"`ragft check {task.name}` names the quotes; `ragft index {task.name}` brings the index up to date.",
        )
    return GivenPassages(search, hits)


def _open_wrong(lab: Lab, task: Task, arm: Arm, items: Sequence[Example], seed: int) -> Retriever:
    """Return the passages that the search finds for other questions."""
    from retrieval.evidence.given_passages import GivenPassages
    from retrieval.evidence.wrong_passages import find_wrong_passages

    search = load_passages(lab, task)
    hits = find_wrong_passages(search, items, task.test, top_k=arm.top_k, seed=seed)
    if not any(hits.values()):
        raise LabError(
            f"No other question of {task.name} has passages that could be shown in place of the right ones.",
            "Compare on more test questions, or add documents.",
        )
    return GivenPassages(search, hits)


def _name_questions(items: Sequence[Example]) -> str:
    return "The question has" if len(items) == 1 else f"The {len(items)} questions have"


OPENERS: Mapping[Passages, Callable[[Lab, Task, Arm, Sequence[Example], int], Retriever]] = {
    "search": _open_search,
    "oracle": _open_right,
    "wrong": _open_wrong,
}
