"""The one place where a prompt is made: training, the page, the command line and the evaluation share it.

A model that is trained on one wording and asked in another answers worse, and nothing says so. So nobody else puts
prompt text together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from core.answers.kinds import EVERY, KINDS
from core.answers.view import SchemaView, view_schema
from core.answers.writing import serialize
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


def describe_answer(schema: Mapping[str, Any]) -> str:
    """Describe the answer's fields in one line for a model: names, allowed values, descriptions."""
    known = view_schema(schema).fields.items()
    fields = "; ".join(f'"{name}" ({_describe(field)})' for name, field in known if not _is_forbidden(field))
    return f"Answer with one JSON object and nothing else. Its fields: {fields}."


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


def _is_forbidden(field: SchemaView) -> bool:
    """Say whether no value may stand here, as under `false`."""
    return not field.atoms or (field.choices == () and not field.nullable)


def _describe(field: SchemaView) -> str:
    """Say what a field takes: in the task's words where it has some, since they say more than a type."""
    if len(field.nodes) == 1 and not field.unions and "const" not in field.nodes[0]:
        return _describe_plain(field.nodes[0])
    # A description behind a reference is often that of a type, and names no label.
    said = [str(field.keywords["description"])] if "description" in field.keywords else []
    if field.choices is not None:
        values = [str(value) for value in field.choices] + ["null"] * field.nullable
        return ": ".join([*said, "one of " + ", ".join(values) if len(values) > 1 else f"always {values[0]}"])
    return said[0] if said else " or ".join([*_name_readings(field), *["null"] * _names_null(field)])


def _describe_plain(field: Mapping[str, Any]) -> str:
    """Describe a schema that is all in one place; adapters learned from these words, so they stay as they are."""
    if "description" in field:
        return str(field["description"])
    if "enum" in field:
        return "one of " + ", ".join("null" if value is None else str(value) for value in field["enum"])
    kind = field.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _name_readings(field: SchemaView) -> list[str]:
    """Name what may stand at a place beside null, each once."""
    if field.alternatives:
        return list(dict.fromkeys(name for option in field.alternatives for name in _name_readings(option)))
    if field.choices is not None:
        return [f"one of {', '.join(map(str, field.choices))}"]
    if "description" in field.keywords:
        return [str(field.keywords["description"])]
    return ["any"] if set(field.kinds) >= set(KINDS) - {"integer"} else list(field.kinds)


def _names_null(field: SchemaView) -> bool:
    """Say whether null is worth a word: where anything may stand it is not."""
    return field.nullable and field.atoms != EVERY
