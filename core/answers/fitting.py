"""Which of several readings of a schema a value belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.answers.kinds import find_atom, is_number, write_equal

if TYPE_CHECKING:
    from core.answers.view import SchemaView


LOOK = 8  # Items of a list that are looked at.


def rate_fit(view: SchemaView, value: Any) -> tuple[int, ...]:
    """Rate how well a value fits a view, looking no deeper than its own fields; larger is better."""
    if find_atom(value) not in view.atoms:
        return (0,)
    if view.choices is not None:
        return (2 if write_equal(value) in map(write_equal, view.choices) else 0,)
    if isinstance(value, list):
        return (1, sum(find_atom(item) in view.find_item(place).atoms for place, item in enumerate(value[:LOOK])))
    if not isinstance(value, dict):
        return (1, int(not is_number(value) or _is_within(value, view.keywords)))
    shared = {name: option for name, option in view.fields.items() if name in value}
    labels = [(option.choices, value[name]) for name, option in shared.items() if option.choices is not None]
    wrong = sum(write_equal(given) not in map(write_equal, choices) for choices, given in labels)
    kinds = sum(find_atom(value[name]) not in option.atoms for name, option in shared.items())
    return (1, -wrong, -len(view.required - set(value)), -kinds, len(shared) - len(value), len(labels))


def _is_within(value: float, limits: Mapping[str, Any]) -> bool:
    low, high = limits.get("minimum"), limits.get("maximum")
    return not (is_number(low) and value < low) and not (is_number(high) and value > high)
