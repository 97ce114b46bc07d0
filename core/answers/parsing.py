"""From a text to a JSON value, saying how it got there.

The stages are never merged: an answer that had to be cut out of prose or repaired is counted apart from one that was
JSON as written. How JSON is repaired is `_repair`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from core.values import Issue, Stage

MAX_TEXT = 200_000  # Characters; longer texts are refused, as no answer is so long and the repair is quadratic.
MAX_DEPTH = 100  # Levels; Python's own parser and the validator recurse.


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value found in a text and how: `strict` means that the whole text is JSON."""

    value: Any
    stage: Stage
    issues: tuple[Issue, ...] = ()


def parse(text: str) -> Parsed:
    """Find a JSON value in a text; never raises on any text.

    The ladder: the whole text (`strict`), the first balanced object or array in it (`extracted`), a repair
    by json-repair (`repaired`), nothing (`failed`).
    """
    if len(text) > MAX_TEXT:
        return Parsed(None, "failed", (Issue("", "size", f"The text is longer than {MAX_TEXT:,} characters."),))
    duplicates: list[str] = []
    stripped = text.strip()
    for stage, candidate in _candidates(stripped):
        duplicates.clear()
        try:
            value = _loads(candidate, duplicates)
        except (ValueError, RecursionError) as error:
            reason = str(error)
            continue
        return Parsed(value, stage, tuple(_duplicate_issue(key) for key in duplicates))
    repaired = _repair(stripped)
    if repaired is not None:
        return Parsed(repaired, "repaired")
    return Parsed(None, "failed", (Issue("", "json", f"The answer is not JSON: {reason}"),))


def _candidates(text: str) -> Iterator[tuple[Stage, str]]:
    """Yield what may be JSON as it stands, with the stage that it would prove."""
    yield "strict", text
    span = _first_balanced(text)
    if span is not None:
        yield "extracted", span


def _duplicate_issue(key: str) -> Issue:
    return Issue("", "duplicateKey", f"The key {key!r} is written twice.")


def _loads(text: str, duplicates: list[str]) -> Any:
    """Parse standard JSON only: NaN, Infinity and numbers out of range are refused, repeated keys noted."""
    if _depth(text) > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")

    # JSON leaves open what a repeated key means; the last one counts here, as in most parsers, and the slip is told.
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in items:
            if key in seen:
                duplicates.append(key)
            seen[key] = value
        return seen

    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=pairs)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    """Return a number that JSON can write again; Python reads 1e999 as infinity, which it cannot."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is out of range")
    return number


def _depth(text: str) -> int:
    """Return an upper bound of the nesting depth; brackets inside strings count too."""
    depth = deepest = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _first_balanced(text: str) -> str | None:
    """Return the first balanced {...} or [...] of a text, strings respected."""
    starts = [position for position in (text.find("{"), text.find("[")) if position >= 0]
    if not starts:
        return None
    start, depth, in_string, escaped = min(starts), 0, False, False
    for position in range(start, len(text)):
        character = text[position]
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string, escaped = True, False
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
            if depth == 0:
                return text[start : position + 1]
    return None


def _repair(text: str) -> Any:
    """Return an object or array mended by json-repair, or None where there was nothing to mend."""
    from json_repair import repair_json

    starts = [position for position in (text.find("{"), text.find("[")) if position >= 0]
    if not starts or _depth(text) > MAX_DEPTH:  # The repair recurses.
        return None
    try:
        value = json.loads(repair_json(text[min(starts) :]), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    # Of prose without JSON the repair makes an empty text or object, which nobody wrote.
    return value if isinstance(value, dict | list) and value else None
