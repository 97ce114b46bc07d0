"""The passages that a task's prompts show: one search for asking, comparing, training and tuning, as the task's settings say."""

from __future__ import annotations

from collections.abc import Sequence

from core.comparison.arms import ARMS, fit_arm
from core.errors import LabError
from core.tasks.prompting import PASSAGE_TOKENS
from core.tasks.task import Task
from core.values import Example, Hit, Retriever
from lab.lab import Lab


def load_passages(lab: Lab, task: Task) -> Retriever:
    """Return the search behind a task's prompts, silent where the task wants evidence and there is too little.

    Raises:
        LabError: There is no index of the task's documents, it is damaged, or its passages have another length than the
            task says; the command that makes one is named.
    """
    retriever, index = lab.library.load_retriever(task), lab.library.load_index(task)
    wanted = task.passage_tokens or PASSAGE_TOKENS
    if index.passage_tokens != wanted:
        raise LabError(
            f"The index of {task.name} has passages of {index.passage_tokens} tokens, the task wants {wanted}.",
            f"Bring it up to date: `ragft index {task.name}`.",
        )
    return guard_passages(task, retriever)


def guard_passages(task: Task, retriever: Retriever) -> Retriever:
    """Return a retriever that keeps to a task's threshold of evidence; itself where there is none."""
    from retrieval.evidence.gate import EvidenceGate

    below = task.prompting.abstain_below
    return retriever if below is None else EvidenceGate(retriever, below)


def find_passages(lab: Lab, task: Task, examples: Sequence[Example]) -> list[list[Hit]]:
    """Return the passages of each example's prompt, best first, as an adapter is asked with them and therefore learns.

    Raises:
        LabError: As `load_passages`.
    """
    return load_passages(lab, task).search([example.input for example in examples], top_k=fit_arm(ARMS["hybrid"], task).top_k)
