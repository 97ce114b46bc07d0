"""RAG step by step: what each search finds, how both lists are joined, what the prompt becomes. All of it the lab's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.comparison.arms import ARMS, fit_arm
from core.comparison.prompts import build_prompt, choose_shots
from core.tasks.task import Task
from core.values import DecodeOptions, Example, Hit, Message, Prediction
from lab.answering import answer_items, choose_options
from lab.lab import Lab
from lab.search import SearchOptions, search_task

SHOWN = 8  # Passages of the joined list.
ARM = "rag"


@dataclass(frozen=True, slots=True)
class RagSteps:
    """One question on its way through retrieval.

    Args:
        question: The question.
        hits: The joined list, best first, each with its ranks and scores in both searches.
        enough: Whether the evidence was judged to be enough, in a sentence.
        shown: How many of them the prompt shows.
        messages: The prompt.
    """

    question: str
    hits: tuple[Hit, ...]
    enough: str
    shown: int
    messages: tuple[Message, ...]


def follow_question(lab: Lab, task: Task, question: str) -> RagSteps:
    """Search for a question and build its prompt; no model is needed.

    Raises:
        LabError: There is no index of the task's documents, or the question is empty.
    """
    found = search_task(lab, task, question, SearchOptions(k=SHOWN))
    hits = tuple(hit for hit in found.hits["hybrid"] if isinstance(hit, Hit))
    arm = fit_arm(ARMS[ARM], task)
    shown = min(arm.top_k, len(hits))
    shots = choose_shots(task, arm.shots, draw=arm.shot_draw)
    messages = tuple(build_prompt(task, question, shots=shots, hits=hits[:shown]))
    return RagSteps(question, hits, found.verdict.reason, shown, messages)


def answer_question(lab: Lab, task: Task, question: str, *, arm: str = ARM, mode: str = "free") -> Prediction:
    """Let the model answer a question through the lab's one pipeline.

    Raises:
        LabError: The model, the index or the adapter is absent.
    """
    return answer_one(lab, task, Example("learn", question), arm=arm, options=choose_options(lab, task, mode=mode))


def answer_one(lab: Lab, task: Task, item: Example, *, arm: str, options: DecodeOptions) -> Prediction:
    """Return one arm's answer to one item."""
    return next(prediction for _, prediction in answer_items(lab, task, [item], ARMS[arm], options=options))


def list_questions(task: Task) -> Sequence[str]:
    """Return questions to begin with: of the training rows, so that no exam is given away."""
    return [example.input for example in task.train[:50]]
