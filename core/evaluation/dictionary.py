"""A dictionary without a language model: which words of an input stand for which choice, learned from training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.answers.view import SchemaView, view_schema
from core.tasks.task import Task
from core.values import Example

LEAST_ROWS = 3  # Training rows that hold a phrase, before it counts.
SURE = 0.9  # Share of them that have the choice.
WORDS = r"[^\s,;:()/|*•]+"


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
    if not items:
        return answers
    import numpy as np
    from sklearn.feature_extraction.text import CountVectorizer

    find = CountVectorizer(binary=True, ngram_range=(1, 3), token_pattern=WORDS, min_df=min(LEAST_ROWS, len(task.train)))
    known = find.fit_transform([example.input for example in task.train]).astype(np.float64)
    asked, rows = find.transform([item.input for item in items]), np.asarray(known.sum(axis=0)).ravel()
    view = view_schema(task.schema)
    for name in list_looked_up(task):
        choices = _list_choices(view.fields[name])
        has = np.array(
            [[choice in ((example.output or {}).get(name) or ()) for choice in choices] for example in task.train],
            dtype=np.float64,
        )
        shares = (known.T @ has) / rows[:, None]
        stands = np.where(shares >= SURE, 1.0, 0.0)
        for place, choice in enumerate(choices):
            own = find.vocabulary_.get(choice.casefold())
            if own is not None:
                stands[own, place] = 1.0
        hits = (asked @ stands) > 0
        for answer, row in zip(answers, hits, strict=True):
            answer[name] = [choice for choice, hit in zip(choices, row, strict=True) if hit]
    return answers
