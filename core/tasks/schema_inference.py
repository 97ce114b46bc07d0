"""A JSON Schema from examples of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import LabError

MAX_ENUM = 100  # Values of a list to choose from; a prompt names them all.
MAX_FIELDS = 60  # Of an answer; a prompt describes every one.
REPEATS = 3  # Times that a text comes back on average before it is taken for a label.


def infer_schema(outputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Infer a closed schema: types by genson, texts with few values that come back as `enum`.

    Raises:
        LabError: There are more fields than a model could answer.
    """
    from genson import SchemaBuilder

    builder = SchemaBuilder(schema_uri="https://json-schema.org/draft/2020-12/schema")
    try:
        for output in outputs:
            builder.add_object(dict(output))
        inferred: dict[str, Any] = builder.to_schema()
    except RecursionError as error:
        raise LabError("The answers are nested too deeply.", "A model can answer a few levels.") from error
    order = list(dict.fromkeys(name for output in outputs for name in output))
    if len(order) > MAX_FIELDS:
        raise LabError(
            f"The answers have {len(order)} fields (first: {', '.join(order[:5])}).", f"Choose at most {MAX_FIELDS} columns."
        )
    properties = inferred.get("properties", {})
    return {**_close(inferred, list(outputs)), "properties": {name: properties[name] for name in order}}


def _close(node: dict[str, Any], values: list[Any]) -> dict[str, Any]:
    """Refuse unknown fields, and turn texts that repeat into enums, at every level; changes the node."""
    objects = [value for value in values if isinstance(value, dict)]
    if "properties" in node:
        node["additionalProperties"] = False
        for name, child in node["properties"].items():
            _close(child, [value[name] for value in objects if name in value])
    if isinstance(node.get("items"), dict):
        _close(node["items"], [item for value in values if isinstance(value, list) for item in value])
    kinds = node.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds or []
    if "string" in kinds and set(kinds) <= {"string", "null"}:
        texts = [value for value in values if isinstance(value, str)]
        distinct = sorted(set(texts))
        if len(distinct) <= MAX_ENUM and len(texts) >= REPEATS * len(distinct):
            del node["type"]
            node["enum"] = distinct + ([None] if "null" in kinds else [])
    return node
