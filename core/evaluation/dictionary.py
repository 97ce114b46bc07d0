"""A dictionary without a language model: which words of an input stand for which choice, learned from training rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from core.answers.view import SchemaView, view_schema
from core.tasks.task import Task
from core.values import Example

LEAST_ROWS = 3  # Training rows that hold a phrase, before it counts.
SURE = 0.9  # Share of them that have the choice.
LONGEST = 3  # Words of a phrase.
WORD = re.compile(r"[^\s,;:()/|*•]+")


def list_looked_up(task: Task) -> list[str]:
    """Return the fields that are lists of choices: what a dictionary of phrases can fill."""
    return [name for name, field in view_schema(task.schema).fields.items() if _list_choices(field)]


def _list_choices(field: SchemaView) -> tuple[Any, ...]:
    if field.kinds != ("array",) or field.is_tuple:
        return ()
    choices = field.find_item(0).choices
    return choices if choices and all(isinstance(choice, str) for choice in choices) else ()


def answer_by_dictionary(task: Task, items: Sequence[Example], usual: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return for each item the usual answer with every choice whose own name, or a phrase that stands for it, is in the input.

    A phrase of one to three words stands for a choice where at least three training rows hold it and nine in ten of those
    have the choice.
    """
    answers = [dict(usual) for _ in items]
    phrases = [[_read_phrases(example.input) for example in split] for split in (task.train, items)]
    view = view_schema(task.schema)
    for name in list_looked_up(task):
        choices = _list_choices(view.fields[name])
        has = [frozenset((example.output or {}).get(name) or ()) for example in task.train]
        stands = _learn(phrases[0], has)
        for answer, held in zip(answers, phrases[1], strict=True):
            said = {choice for phrase in held & stands.keys() for choice in stands[phrase]}
            answer[name] = [choice for choice in choices if choice in said or _join(choice) in held]
    return answers


def _learn(inputs: Sequence[frozenset[str]], has: Sequence[frozenset[str]]) -> dict[str, list[str]]:
    """Return for each phrase the choices that it stands for, those without any left out."""
    rows, together = Counter[str](), Counter[tuple[str, str]]()
    for held, choices in zip(inputs, has, strict=True):
        rows.update(held)
        together.update((phrase, choice) for phrase in held for choice in choices)
    stands: dict[str, list[str]] = {}
    for (phrase, choice), count in together.items():
        if rows[phrase] >= LEAST_ROWS and count >= SURE * rows[phrase]:
            stands.setdefault(phrase, []).append(choice)
    return stands


def _read_phrases(text: str) -> frozenset[str]:
    """Return the runs of one to three words of a text."""
    words = _split(text)
    return frozenset(
        " ".join(words[start : start + length]) for length in range(1, LONGEST + 1) for start in range(len(words) - length + 1)
    )


def _join(choice: str) -> str:
    return " ".join(_split(choice))


def _split(text: str) -> list[str]:
    return [word.rstrip(".!?") for word in WORD.findall(text.casefold())]
