"""Kinds of JSON values, as schemas name them, and one writing for values that are equal."""

from __future__ import annotations

import json
from typing import Any, TypeGuard

KINDS = ("object", "array", "string", "number", "integer", "boolean")
# What a type lets through: the kind `number` is every integer and every other number.
ATOMS = {"number": {"integer", "fraction"}, **{kind: {kind} for kind in ("null", *KINDS) if kind != "number"}}
EVERY = frozenset().union(*ATOMS.values())


def find_kind(value: Any) -> str:
    """Return the JSON type of a value, as a schema names it; 3.0 is an integer."""
    if value is None:
        return "null"
    if isinstance(value, bool):  # Python holds True for 1; JSON does not.
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if isinstance(value, int) or value.is_integer() else "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def find_atom(value: Any) -> str:
    """Return the kind of a value, `fraction` for a number that is no integer."""
    kind = find_kind(value)
    return "fraction" if kind == "number" else kind


def write_equal(value: Any) -> str:
    """Write a value so that equal ones read the same; 1.0 is 1, and the order of keys makes no difference."""
    try:
        text = json.dumps(value, sort_keys=True)
        return json.dumps(json.loads(text, parse_float=_read_float), sort_keys=True) if "." in text else text
    except (RecursionError, ValueError):  # Nested too deeply, or an integer with more digits than Python writes.
        return f"value {id(value)}"


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_float(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number
