"""Which rule marks a value: `x-score`, `x-tolerance` and `x-ordered` of its schema, else the default of its kind."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from core.answers.kinds import find_kind
from core.answers.view import SchemaView, view_schema
from core.errors import LabError

RULES = ("exact", "text", "number", "set", "ordinal", "ignore")
NUMERIC = {"integer", "number"}
FITTING = {"text": {"string"}, "number": NUMERIC, "set": {"array"}}  # Kinds that a rule marks; the others fit any.


def find_rule(view: SchemaView, expected: Any) -> str:
    """Return the rule that marks an expected value: one of `RULES`, or `object`.

    What the schema names counts where it fits the value; of a field with several types it marks the fitting ones.
    """
    kind, named = find_kind(expected), name_rule(view)
    kind = "number" if kind in NUMERIC else kind
    if named in {"exact", "ignore"} or (named in FITTING and kind in FITTING[named]):
        return named
    if named == "ordinal" and find_scale(view) is not None:
        return "ordinal"
    if kind in {"object", "array"}:
        return "object" if kind == "object" else "set"
    if kind == "number" and (view.choices is None and "number" in view.kinds or "x-tolerance" in view.keywords):
        return "number"
    return "text" if kind == "string" and view.choices is None else "exact"


def name_rule(view: SchemaView) -> str:
    """Return the rule that the schema names, "" where it names none."""
    named = view.keywords.get("x-score")
    return named if isinstance(named, str) else ""


def list_marked(schema: Any) -> list[str]:
    """Return the fields at the top of a schema that have a mark, in its order."""
    return [name for name, field in view_schema(schema).names.items() if name_rule(field) != "ignore"]


def find_tolerance(view: SchemaView) -> float:
    """Return how far a number may be off; 0 where the schema says nothing usable."""
    tolerance = view.keywords.get("x-tolerance", 0)
    return tolerance if _is_size(tolerance) else 0


def is_ordered(view: SchemaView) -> bool:
    """Whether a list is marked place by place."""
    return view.keywords.get("x-ordered") is True or view.is_tuple


def find_scale(view: SchemaView) -> tuple[Any, ...] | range | None:
    """Return the steps of an ordinal field, lowest first: its choices, or the integers between its bounds."""
    if view.choices is not None:
        return view.choices if len(view.choices) > 1 else None
    if "integer" not in view.kinds:
        return None
    low = [_round(view.keywords.get("minimum"), up=True), _next(view.keywords.get("exclusiveMinimum"), 1)]
    high = [_round(view.keywords.get("maximum"), up=False), _next(view.keywords.get("exclusiveMaximum"), -1)]
    lows, highs = [bound for bound in low if bound is not None], [bound for bound in high if bound is not None]
    if not lows or not highs or max(lows) >= min(highs):
        return None
    return range(max(lows), min(highs) + 1)


def _round(bound: Any, *, up: bool) -> int | None:
    if isinstance(bound, bool) or not isinstance(bound, int | float) or not (isinstance(bound, int) or math.isfinite(bound)):
        return None
    return math.ceil(bound) if up else math.floor(bound)


def _next(bound: Any, step: int) -> int | None:
    """Return the integer nearest to a bound that is itself left out."""
    inner = _round(bound, up=step < 0)
    return None if inner is None else inner + step


def check_rules(schema: Any, *, origin: str) -> None:
    """Refuse a rule that is unknown or does not fit its field.

    Raises:
        LabError: Names the origin, the place in the schema, what stands there and what may.
    """
    view = view_schema(schema)
    if "x-score" in view.keywords:
        raise LabError(f"{origin}: x-score stands at the top.", "Move it into the fields that it marks.")
    for pointer, place, told in _walk(view):
        words = {word: value for word, value in place.keywords.items() if word not in told}
        wrong = _find_slip(place, words, is_item=pointer.endswith("/items"))
        if wrong is not None:
            raise LabError(f"{origin}: at {pointer}: {wrong[0]}.", wrong[1])


def _walk(view: SchemaView) -> Iterator[tuple[str, SchemaView, Collection[str]]]:
    """Yield every place of a schema once, with a pointer to it and the keywords that it has from what surrounds it."""
    start: tuple[str, SchemaView, Collection[str]] = ("", view, ())
    waiting, seen = [start], set[tuple[int, ...]]()
    while waiting:
        pointer, place, told = waiting.pop()
        key = tuple(map(id, place.nodes))
        if key in seen:
            continue
        seen.add(key)
        yield pointer, place, told
        options = place.alternatives if place.choices is None else ()
        waiting.extend((f"{pointer}/anyOf/{number}", option, place.keywords) for number, option in enumerate(options))
        waiting.extend((f"{pointer}/{path}", child, ()) for path, child in reversed(list(place.children())))


def _find_slip(view: SchemaView, words: Mapping[str, Any], *, is_item: bool) -> tuple[str, str] | None:
    """Return what is wrong with the rule of one place and what to do, or None."""
    kinds = set(view.kinds)
    named, tolerance = words.get("x-score"), words.get("x-tolerance", 0)
    if "x-score" in words and (not isinstance(named, str) or named not in RULES):
        return f"x-score is {named!r}", f"It must be one of {', '.join(RULES)}."
    if named in FITTING and not kinds & FITTING[str(named)]:
        return _misfit(named, kinds, " or ".join(sorted(FITTING[str(named)])))
    if named == "ordinal" and find_scale(view) is None:
        return _misfit(named, kinds, "integer with minimum and maximum, or an enum with at least two values")
    if named == "ignore" and is_item:
        return "x-score is 'ignore' for the items of a list", "Write it at the list itself."
    if not _is_size(tolerance):
        return f"x-tolerance is {tolerance!r}", "It must be a number of at least 0, in the unit of the field."
    if "x-tolerance" in words and (named not in {None, "number"} or not kinds & NUMERIC):
        return (
            "x-tolerance stands where no number is marked",
            'It needs a field of type number or integer, with "x-score": "number" or none.',
        )
    if "x-ordered" in words and (not isinstance(words["x-ordered"], bool) or "array" not in kinds):
        return f"x-ordered is {words['x-ordered']!r} for a field {_list(kinds)}", "It must be true or false, at a list."
    return None


def _misfit(named: Any, kinds: set[str], wanted: str) -> tuple[str, str]:
    return f"x-score is {named!r}, but the field is {_list(kinds)}", f"{str(named).capitalize()} fits {wanted}."


def _list(kinds: set[str]) -> str:
    return f"of type {' or '.join(sorted(kinds))}" if kinds else "null"


def _is_size(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and (isinstance(value, int) or math.isfinite(value)) and value >= 0
