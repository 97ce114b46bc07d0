"""Where schemas stand inside a schema, by keyword: a property *named* `enum` or `$ref` is no keyword."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]  # Keys and places from the top of a document.

SINGLE = {"additionalProperties", "unevaluatedProperties", "propertyNames", "items", "additionalItems", "unevaluatedItems"}
SINGLE |= {"contains", "not", "if", "then", "else", "contentSchema"}
LISTS = {"allOf", "anyOf", "oneOf", "prefixItems", "items"}  # `items` was a list before draft 2020-12.
MAPS = {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
# What only describes: it stays where a schema is taken apart.
ANNOTATIONS = {"title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly", "$comment"}
CONTAINERS = {"$defs", "definitions", "components"}


def list_subschemas(node: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Yield the schemas directly inside a schema, each with its way from there."""
    for word, value in node.items():
        if word in SINGLE and is_schema(value):
            yield (word,), value
        elif word in LISTS and isinstance(value, list):
            yield from (((word, place), item) for place, item in enumerate(value) if is_schema(item))
        elif word in MAPS and isinstance(value, Mapping):
            yield from (((word, name), item) for name, item in value.items() if is_schema(item))
    named = node.get("components")
    named = named.get("schemas") if isinstance(named, Mapping) else None  # As an OpenAPI document keeps them.
    if isinstance(named, Mapping):
        yield from ((("components", "schemas", name), item) for name, item in named.items() if is_schema(item))


def is_schema(value: Any) -> bool:
    """Whether a value has the form of a schema: an object, or true or false."""
    return isinstance(value, Mapping | bool)


def is_annotation(word: str) -> bool:
    """Whether a keyword only describes, as ours for marks (`x-…`) do."""
    return word in ANNOTATIONS or word.startswith("x-")
