"""The one place where a prompt is made: training, the page, the command line and the evaluation share it.

A model that is trained on one wording and asked in another answers worse, and nothing says so. So nobody else puts
prompt text together.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from core.answers.writing import serialize
from core.comparison.description import describe_answer
from core.tasks.task import Task
from core.values import Example, Hit, Message


def build_prompt(task: Task, question: str, *, shots: Sequence[Example] = (), hits: Sequence[Hit] = ()) -> list[Message]:
    """Build the chat prompt of one question.

    Args:
        task: Gives the instruction, the form of the answer and the label of the input.
        question: The input to answer.
        shots: Labelled training examples shown as earlier turns. Where passages are shown for the question,
            each shot shows its evidence quotes, so that the turns look alike.
        hits: Retrieved passages, best first; the task says in which order they are shown.
    """
    messages = [Message("system", f"{task.instruction}\n{describe_answer(task.schema)}")]
    for shot in shots:
        quotes = [(item.document, item.quote) for item in shot.evidence] if hits else []
        messages.append(Message("user", _turn(task, shot.input, quotes)))
        messages.append(Message("assistant", serialize(shot.output, task.schema)))
    ordered = hits if task.prompting.passage_order == "best_first" else reversed(hits)
    passages = [(hit.passage.document, hit.passage.text) for hit in ordered]
    messages.append(Message("user", _turn(task, question, passages)))
    return messages


def choose_shots(task: Task, count: int, *, draw: int | None = None) -> list[Example]:
    """Choose the fixed examples of the prompt: those that task.toml names, else a seeded sample of train.

    Test examples are never used.

    Args:
        task: Holds the examples.
        count: How many at most.
        draw: Seed of the sample; None takes what the task says: the named examples, else its own draw.
    """
    by_id = {example.id: example for example in task.train}
    if task.shots and draw is None:
        return [by_id[example_id] for example_id in task.shots[:count]]
    pool = sorted(task.train, key=lambda example: example.id)  # The order of the file makes no difference.
    seed = task.prompting.shot_draw if draw is None else draw
    return Random(seed).sample(pool, min(count, len(pool)))


def _turn(task: Task, question: str, passages: Sequence[tuple[str, str]]) -> str:
    label = f"{task.input_label}: {question.strip()}"
    if not passages:
        return label
    shown = "\n\n".join(f"[{document}]\n{text.strip()}" for document, text in passages)
    return f"Passages:\n{shown}\n\n{label}"
