"""The accepted answers of a row: values of a field, or wordings of a list's items, that are as right as the output's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.answers.validation import validate

FORM = 'must be {"field": [values]}, or {"field": {"item": [wordings]}} for a list'


def find_accept_problem(row: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """Return what is wrong with `accept` of a row whose output is valid, or None.

    Every alternative must be valid under the schema where it stands in place of the output's.
    """
    accept = row.get("accept", {})
    if not isinstance(accept, dict):
        return f"accept: {FORM}"
    for name, accepted in accept.items():
        expected = row["output"].get(name)
        if isinstance(accepted, list) and accepted:
            others = accepted
        elif isinstance(accepted, dict) and isinstance(expected, list):
            unknown = [item for item in accepted if item not in expected]
            if unknown:
                return f"accept/{name}: {unknown[0]!r} is not in the output"
            if not all(isinstance(wordings, list) and wordings for wordings in accepted.values()):
                return f"accept/{name}: {FORM}"
            others = [_replace(expected, item, wording) for item, wordings in accepted.items() for wording in wordings]
        else:
            return f"accept/{name}: {FORM}"
        for other in others:
            issues = validate({**row["output"], name: other}, schema)
            if issues:
                return f"accept/{name}: {issues[0].message}"
    return None


def _replace(items: list[Any], old: Any, new: Any) -> list[Any]:
    return [new if item == old else item for item in items]
