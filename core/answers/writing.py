"""The one serializer: training targets, shots and expected answers are written here and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.answers.kinds import write_equal
from core.answers.view import SchemaView, view_schema

LARGE = 1e16  # From here on Python writes floats with an exponent.


def serialize(value: Any, schema: Mapping[str, Any]) -> str:
    """Write a value as the one canonical text: schema property order, default separators, no ASCII escapes.

    Training targets, shots and expected answers all pass through here, so that a model never learns one
    spelling and is asked for another.
    """
    # DEL may stand in JSON as it is; the grammar of decoding only knows it escaped.
    return json.dumps(order_properties(value, schema), ensure_ascii=False).replace("\x7f", "\\u007f")


def order_properties(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return `value` with every object's keys in the schema's property order, unknown keys last; 3.0 is 3 where it is whole."""
    return _order(value, view_schema(schema))


def _order(value: Any, view: SchemaView | None) -> Any:
    """Order by a view; None knows no order, and says nothing of what lies below."""
    if not isinstance(value, dict | list | float):
        return value
    view = view.pick(value) if view is not None else None
    if view is not None and view.choices is not None:  # A list of objects to choose from has them as they are written.
        return _write_whole(next((choice for choice in view.choices if write_equal(choice) == write_equal(value)), value))
    if isinstance(value, float):
        # The grammar writes whole numbers without a point, and large ones without an exponent.
        whole = view is not None and ("fraction" not in view.atoms or abs(value) >= LARGE)
        return _write_whole(value) if whole else value or 0.0  # Of -0.0 only the 0.0.
    if isinstance(value, list):
        return [_order(item, view.find_item(place) if view is not None else None) for place, item in enumerate(value)]
    names = view.order if view is not None else ()
    keys = [name for name in names if name in value] + [key for key in value if key not in names]
    return {key: _order(value[key], view.find_field(key) if view is not None else None) for key in keys}


def _write_whole(value: Any) -> Any:
    """Return a value with every whole number as an integer."""
    if isinstance(value, list):
        return [_write_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _write_whole(item) for key, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
