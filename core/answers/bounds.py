"""A copy of a schema for decoding, in which what is open ends somewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

MIN_BOUND = 16  # Characters: a text known only as short ones may still be a few words.
MIN_ITEMS = 2  # Of a list that was always empty or held one item.


def bound_outputs(schema: Mapping[str, Any], outputs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a copy of a schema for decoding, whose unbounded texts and lists end at twice the longest known value.

    A small model repeats itself in an open text or list until the token limit cuts it: of 100 answers of the base
    model 76 on the handbook, 58 on CVs (`benchmarks/LOG.md`). The answers' token limit comes from the same known
    outputs.
    """
    copy: dict[str, Any] = json.loads(json.dumps(schema))
    _bound(copy, list(outputs))
    return copy


def _bound(node: Any, values: list[Any]) -> None:
    """Bound a schema by the values known for it, changing it; what names its own limits keeps them."""
    if not isinstance(node, dict) or {"enum", "const", "pattern", "format"} & set(node):
        return
    texts = [len(value) for value in values if isinstance(value, str)]
    if texts:
        node.setdefault("maxLength", max(MIN_BOUND, 2 * max(texts)))
    lists = [value for value in values if isinstance(value, list)]
    if lists:
        node.setdefault("maxItems", max(MIN_ITEMS, 2 * max(map(len, lists))))
        _bound(node.get("items"), [item for value in lists for item in value])
    objects = [value for value in values if isinstance(value, dict)]
    for name, field in node.get("properties", {}).items():
        _bound(field, [value[name] for value in objects if name in value])
