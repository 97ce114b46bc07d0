"""Other answers that are as right as the expected one: of each field the one that is nearest to what was given counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.answers.view import SchemaView, view_schema
from core.evaluation.marks import ABSENT, OPEN, Walk, mark_field
from core.evaluation.scoring import Score, score_answer
from core.values import Example


def score_example(value: Any, example: Example, schema: Mapping[str, Any]) -> Score:
    """Mark an answer to an example under the schema's rules; of several right answers the nearest one counts."""
    return score_answer(value, choose_expected(value, example, schema), schema)


def choose_expected(value: Any, example: Example, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the expected object with, in each field, whichever of the accepted values is nearest to the given one."""
    expected = {**(example.output or {})}
    if not example.accept or not isinstance(value, dict):
        return expected
    view = view_schema(schema).pick(expected)
    for name, accepted in example.accept.items():
        field, given = view.find_field(name) or OPEN, value.get(name, ABSENT)
        if isinstance(accepted, Mapping):
            expected[name] = _choose_wordings(given, expected.get(name), accepted, field)
        else:
            expected[name] = _choose_nearest([given], [expected.get(name, ABSENT), *accepted], field)
    return {name: right for name, right in expected.items() if right is not ABSENT}


def _choose_wordings(given: Any, expected: Any, accepted: Mapping[str, list[Any]], view: SchemaView) -> Any:
    """Return the expected list with each item in the wording that the given list comes nearest to."""
    if not isinstance(given, list) or not isinstance(expected, list):
        return expected
    item = view.find_item(0)
    return [
        _choose_nearest(given, [right, *accepted.get(right, ())], item) if isinstance(right, str) else right
        for right in expected
    ]


def _choose_nearest(given: Iterable[Any], accepted: Iterable[Any], view: SchemaView) -> Any:
    """Return the accepted value with the best mark against any of those given; the first of equals, the expected one."""
    sides = list(given)

    def find_mark(right: Any) -> tuple[float, bool]:
        marks = [mark_field(value, right, view, Walk(), optional=False) for value in sides]
        return max(((mark.value, mark.exact) for mark in marks), default=(0.0, False))

    return max(accepted, key=find_mark)
