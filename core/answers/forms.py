"""What the keywords of draft 2020-12 may hold: the structure of a schema is checked here, in linear time.

The library checks a schema against the schema of schemas, which takes 1.5 s for a thousand fields.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.answers.keywords import Path, is_schema, list_subschemas
from core.answers.kinds import is_number
from core.answers.patterns import compile_pattern

MAX_SCHEMAS = 20_000  # Schemas within a schema.
MAX_PATTERNS = 500  # Of a schema; each takes a millisecond to prepare.
KINDS = {"object", "array", "string", "number", "integer", "boolean", "null"}


@dataclass(frozen=True, slots=True)
class Slip:
    """What is wrong with a schema, and where."""

    path: Path
    message: str


def find_slip(schema: Any) -> Slip | None:
    """Return the first thing that makes a JSON value no schema of draft 2020-12; None where it is one.

    Annotations and unknown keywords may hold anything; formats and references are no business of this check.
    """
    waiting: list[tuple[Path, Any]] = [((), schema)]
    patterns = 0
    for _ in range(MAX_SCHEMAS):
        if not waiting:
            return None
        path, node = waiting.pop()
        if isinstance(node, bool):
            continue
        if not isinstance(node, Mapping):
            return Slip(path, f"{_show(node)} is no schema, which is an object, true or false")
        for word, value in node.items():
            slip = FORMS[word](value) if word in FORMS else None
            if slip:
                return Slip((*path, word), slip)
        patterns += len(node.get("patternProperties", ())) + ("pattern" in node)
        if patterns > MAX_PATTERNS:
            return Slip(path, f"it is the schema's pattern number {patterns:,}; the limit is {MAX_PATTERNS}")
        inner = [((*path, *way), child) for way, child in list_subschemas(node)]
        waiting.extend(reversed(inner))
    return Slip((), f"it holds more than {MAX_SCHEMAS:,} schemas")


def _want(fits: Callable[[Any], bool], wanted: str) -> Callable[[Any], str]:
    return lambda value: "" if fits(value) else f"{_show(value)} is not {wanted}"


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value)


def _is_type(value: Any) -> bool:
    names = [value] if isinstance(value, str) else value if _is_names(value) else []
    return bool(names) and set(names) <= KINDS


def _is_count(value: Any) -> bool:
    return is_number(value) and value >= 0 and math.isfinite(value) and value == int(value)


def _is_schemas(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_schema, value))


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(is_schema, value.values()))


def _find_bad_pattern(value: Any) -> str:
    if not isinstance(value, str):
        return f"{_show(value)} is not a text"
    return compile_pattern(value).problem


def _find_bad_patterns(value: Any) -> str:
    if not _is_map(value):
        return f"{_show(value)} is not an object of schemas"
    return next(filter(None, map(_find_bad_pattern, value)), "")


_schema = _want(is_schema, "a schema, which is an object, true or false")
_schemas = _want(_is_schemas, "a list of schemas")
_map = _want(_is_map, "an object of schemas")
_count = _want(_is_count, "a whole number of at least 0")
_number = _want(lambda value: is_number(value) and math.isfinite(value), "a number")
_text = _want(lambda value: isinstance(value, str), "a text")
_switch = _want(lambda value: isinstance(value, bool), "true or false")

FORMS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("additionalProperties", "unevaluatedProperties", "propertyNames", "items"), _schema),
    **dict.fromkeys(("unevaluatedItems", "contains", "not", "if", "then", "else", "contentSchema"), _schema),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), _schemas),
    **dict.fromkeys(("properties", "$defs", "definitions", "dependentSchemas"), _map),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minContains", "maxContains"), _count),
    **dict.fromkeys(("minProperties", "maxProperties"), _count),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _number),
    **dict.fromkeys(("$ref", "$dynamicRef", "$schema", "$id", "$anchor", "$dynamicAnchor", "format"), _text),
    **dict.fromkeys(("title", "description", "$comment", "contentEncoding", "contentMediaType"), _text),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _switch),
    "multipleOf": _want(lambda value: is_number(value) and math.isfinite(value) and value > 0, "a number above 0"),
    "type": _want(_is_type, f"one or more of {', '.join(sorted(KINDS))}"),
    "enum": _want(lambda value: isinstance(value, list), "a list of values"),
    "required": _want(_is_names, "a list of names, each once"),
    "dependentRequired": _want(
        lambda value: isinstance(value, Mapping) and all(map(_is_names, value.values())), "an object of lists of names"
    ),
    "pattern": _find_bad_pattern,
    "patternProperties": _find_bad_patterns,
}
