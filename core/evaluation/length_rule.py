"""What the length of an input alone gives away: a small decision tree over counts of letters, words and sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.answers.view import view_schema
from core.evaluation.rules import find_scale, name_rule
from core.tasks.task import Task
from core.values import Example

DEPTH = 4  # Of the tree: 16 leaves.
LEAST_LEAF = 8  # Training rows a leaf; fewer are noise.


def list_graded(task: Task) -> list[str]:
    """Return the ordinal fields of a task, and where it has any the other fields that are chosen from a list."""
    fields = view_schema(task.schema).fields
    graded = [name for name, field in fields.items() if name_rule(field) == "ordinal" and find_scale(field) is not None]
    chosen = [name for name, field in fields.items() if name not in graded and field.choices is not None]
    return graded + chosen if graded else []


def answer_by_length(task: Task, items: Sequence[Example], usual: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return for each item the usual answer with the graded fields as the lengths of training inputs foretell them."""
    answers = [dict(usual) for _ in items]
    if not items:
        return answers
    from sklearn.tree import DecisionTreeClassifier

    learned, asked = ([measure_length(example.input) for example in split] for split in (task.train, items))
    for name in list_graded(task):
        rows = [
            (lengths, json.dumps((example.output or {}).get(name)))
            for lengths, example in zip(learned, task.train, strict=True)
        ]
        tree = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=min(LEAST_LEAF, len(rows)), random_state=0)
        tree.fit([lengths for lengths, _ in rows], [value for _, value in rows])
        for answer, value in zip(answers, tree.predict(asked), strict=True):
            answer[name] = json.loads(value)
    return answers


def measure_length(text: str) -> list[int]:
    """Count letters, words, sentences and commas of a text, and of its last paragraph, where an answer stands."""
    last = text.rstrip().rsplit("\n\n", 1)[-1]
    return [count for part in (text, last) for count in _count(part)]


def _count(text: str) -> tuple[int, int, int, int]:
    return len(text), len(text.split()), len(re.findall(r"[.!?](?:\s|$)", text)), text.count(",")
