"""The one serializer: training targets, shots and expected answers are written here and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def serialize(value: Any, schema: Mapping[str, Any]) -> str:
    """Write a value as the one canonical text: schema property order, default separators, no ASCII escapes.

    Training targets, shots and expected answers all pass through here, so that a model never learns one
    spelling and is asked for another.
    """
    return json.dumps(order_properties(value, schema), ensure_ascii=False)


def order_properties(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return `value` with every object's keys in the schema's property order, unknown keys last."""
    if isinstance(value, list):
        items = schema.get("items")
        return [order_properties(item, items if isinstance(items, dict) else {}) for item in value]
    if not isinstance(value, dict):
        return value
    properties = {key: field if isinstance(field, dict) else {} for key, field in schema.get("properties", {}).items()}
    keys = [key for key in properties if key in value] + [key for key in value if key not in properties]
    return {key: order_properties(value[key], properties.get(key, {})) for key in keys}
