"""A copy of a schema for decoding, in which what is open ends somewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from core.answers.view import SchemaView, view_schema

MIN_BOUND = 16  # Characters: a text known only as short ones may still be a few words.
MIN_ITEMS = 2  # Of a list that was always empty or held one item.


def bound_outputs(schema: Mapping[str, Any], outputs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a copy of a schema for decoding, whose unbounded texts and lists end at twice the longest known value.

    A small model repeats itself in an open text or list until the token limit cuts it: of 100 answers of the base
    model 76 on the handbook, 58 on CVs (`benchmarks/LOG.md`). The answers' token limit comes from the same known
    outputs.
    """
    copy: dict[str, Any] = json.loads(json.dumps(schema))
    # Read from the schema itself: a bound that was just put in is no limit of the task's own.
    _bound(copy, view_schema(schema), list(outputs), shared=frozenset(_find_references(schema)))
    return copy


def _bound(node: Any, view: SchemaView, values: list[Any], *, shared: frozenset[str], place: str = "#") -> None:
    """Bound a schema by the values known for it, changing it; what names its own limits, also by reference, keeps them.

    What others refer to stays open: it also has values that stand elsewhere.
    """
    if any(f"{place}/".startswith(f"{target}/") for target in shared):
        return
    if not isinstance(node, dict) or _find_limits(view) & {"choices", "pattern", "format"}:
        return
    texts = [len(value) for value in values if isinstance(value, str)]
    if texts and "maxLength" not in _find_limits(view):
        node["maxLength"] = max(MIN_BOUND, 2 * max(texts))
    lists = [value for value in values if isinstance(value, list)]
    if lists:
        if "maxItems" not in _find_limits(view):
            node["maxItems"] = max(MIN_ITEMS, 2 * max(map(len, lists)))
        before = len(node.get("prefixItems", ()))  # `items` says what comes after these.
        items = [item for value in lists for item in value[before:]]
        _bound(node.get("items"), view.find_item(before), items, shared=shared, place=f"{place}/items")
    objects = [value for value in values if isinstance(value, dict)]
    for name, field in node.get("properties", {}).items():
        known = [value[name] for value in objects if name in value]
        _bound(field, view.fields[name], known, shared=shared, place=f"{place}/properties/{name}")


def _find_limits(view: SchemaView) -> set[str]:
    """Return the keywords that apply at a place, in any of its readings, and `choices` where one allows only some values."""
    own = set(view.keywords) | ({"choices"} if view.choices is not None else set())
    return own.union(*(_find_limits(option) for option in view.alternatives))


def _find_references(node: Any) -> Iterator[str]:
    """Yield what the references of a schema point to."""
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"]
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _find_references(child)
