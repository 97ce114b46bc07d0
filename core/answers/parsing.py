"""From a text to a JSON value, saying how it got there.

The stages are never merged: an answer that had to be cut out of prose or repaired is counted apart from one that was
JSON as written. How JSON is repaired is `_repair`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from core.answers.fitting import rate_fit
from core.answers.validation import validate
from core.answers.view import view_schema
from core.values import Issue, Stage

MAX_TEXT = 200_000  # Characters; longer texts are refused, as no answer is so long.
MAX_DEPTH = 100  # Levels; Python's own parser and the validator recurse.
MAX_CANDIDATES = 200  # Objects and lists tried in one text.
MAX_CHECKED = 20  # Of them checked whole against the schema.
MAX_MARKS = 100_000  # Brackets and quotes looked at while searching; about a tenth of a second.
TRY_MARKS = 20  # Marks that are looked at in the time that a try to read takes beside.
MAX_REPAIR = 20_000  # Characters; the repair is quadratic.

OPENING = re.compile(r"[\[{]")
MARKS = re.compile(r'["\[\]{}]|\\.', re.DOTALL)
# Where a model thinks aloud before it answers. A template may have written the opening tag; a cut answer lacks the other.
THINKING = re.compile(r"\s*<(think|thinking|reasoning)>", re.IGNORECASE)
THOUGHT = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value found in a text and how: `strict` means that the whole text is JSON."""

    value: Any
    stage: Stage
    issues: tuple[Issue, ...] = ()


def parse(text: str, schema: Mapping[str, Any] | None = None) -> Parsed:
    """Find a JSON value in a text; never raises on any text.

    The ladder: the whole text (`strict`), the balanced object or list in it that fits the schema best (`extracted`), a
    repair by json-repair (`repaired`), nothing (`failed`). Objects come before lists, as an answer is one, and of equals
    the first. What a model thought aloud before its answer is passed over.
    """
    if len(text) > MAX_TEXT:
        return Parsed(None, "failed", (Issue("", "size", f"The text is longer than {MAX_TEXT:,} characters."),))
    found, reason = _read(text.strip(), "strict")
    if found is not None:
        return found
    parts = _skip_thoughts(text.strip())
    for part in parts:
        values, rest = _find_values(part)
        lists_only = values and not any(isinstance(item.value, dict) for item in values)
        if lists_only and schema is not None and "{" in rest:  # A damaged object beside lists such as [1].
            repaired = _repair(rest)
            if isinstance(repaired, dict):
                return Parsed(repaired, "repaired")
        if values:
            return _choose(values, schema)
    for part in parts:
        repaired = _repair(part)
        if repaired is not None:
            return Parsed(repaired, "repaired")
    return Parsed(None, "failed", (Issue("", "json", f"The answer is not JSON: {reason}"),))


def load_json(text: str, *, duplicates: list[str] | None = None) -> Any:
    """Parse standard JSON only.

    Args:
        text: What should be one value.
        duplicates: Told of keys that stand twice in an object; the last one counts, as in most parsers.

    Raises:
        ValueError: It is not JSON, a number is NaN or out of range, or it is nested deeper than `MAX_DEPTH`.
    """
    if _depth(text) > MAX_DEPTH and _measure_nesting(text) > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = dict(items)
        if duplicates is not None and len(seen) < len(items):
            names = [key for key, _ in items]
            duplicates.extend(key for key in seen if names.count(key) > 1)
        return seen

    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=pairs)


def _read(text: str, stage: Stage) -> tuple[Parsed | None, str]:
    """Read a text that may be JSON as it stands; returns why not where it is none."""
    duplicates: list[str] = []
    try:
        value = load_json(text, duplicates=duplicates)
    except (ValueError, RecursionError) as error:
        return None, str(error)
    issues = tuple(Issue("", "duplicateKey", f"The key {key!r} is written twice.") for key in duplicates)
    return Parsed(value, stage, issues), ""


def _skip_thoughts(text: str) -> list[str]:
    """Return what to search: what follows the thoughts; where they may be no thoughts, the whole text after it."""
    began = False
    while opening := THINKING.match(text):
        end = THOUGHT.search(text, opening.end())
        text, began = text[end.end() :] if end else "", True
    ends = list(THOUGHT.finditer(text))
    return [text[ends[-1].end() :], text] if ends and not began else [text]


def _find_values(text: str) -> tuple[list[Parsed], str]:
    """Return the objects and lists of a text that are JSON, none of them inside another, and the text without them."""
    found: list[Parsed] = []
    rest: list[str] = []
    place = marks = copied = 0
    while len(found) < MAX_CANDIDATES and marks < MAX_MARKS and (opening := OPENING.search(text, place)):
        start = opening.start()
        end, looked = _find_end(text, start)
        marks += looked + TRY_MARKS
        value = _read(text[start:end], "extracted")[0] if end else None
        if value is not None:
            found.append(value)
            rest.append(text[copied:start])
            copied = end or start
        place = end if end and value is not None else start + 1  # What is no JSON may hold some.
    return found, "".join([*rest, text[copied:]])


def _choose(found: list[Parsed], schema: Mapping[str, Any] | None) -> Parsed:
    """Return what fits the schema best; without one the first object, else the first list."""
    objects = [item for item in found if isinstance(item.value, dict)]
    if schema is None or len(objects) < 2:
        return (objects or found)[0]
    view = view_schema(schema)
    rated = [(rate_fit(view.pick(item.value), item.value), item) for item in objects]
    best = max(rating for rating, _ in rated)
    equals = [item for rating, item in rated if rating == best]
    # Deeper than their own fields only a whole check tells them apart.
    return min(equals[:MAX_CHECKED], key=lambda item: len(validate(item.value, schema)))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    """Return a number that JSON can write again; Python reads 1e999 as infinity, which it cannot."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is out of range")
    return number


def _depth(text: str) -> int:
    """Return an upper bound of the nesting depth, up to one over the limit; brackets inside strings count too."""
    depth = deepest = 0
    for mark in MARKS.finditer(text):
        if mark[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                break
        elif mark[0] in "]}":
            depth -= 1
    return deepest


def _measure_nesting(text: str) -> int:
    """Return the nesting depth of JSON, exact up to where it stops being JSON, up to one over the limit."""
    depth = deepest = 0
    in_string = False
    for mark in MARKS.finditer(text):
        sign = mark[0]
        if sign == '"':
            in_string = not in_string
        elif not in_string and sign in "[]{}":
            depth += 1 if sign in "[{" else -1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                break
    return deepest


def _find_end(text: str, start: int) -> tuple[int | None, int]:
    """Return where the bracket that opens at `start` is closed, strings respected, and how many marks were looked at."""
    closing: list[str] = []
    in_string = False
    looked = 0
    for looked, mark in enumerate(MARKS.finditer(text, start), start=1):  # noqa: B007
        sign = mark[0]
        if in_string:
            in_string = sign != '"'
        elif sign == '"':
            in_string = True
        elif sign in "[{":
            closing.append("]" if sign == "[" else "}")
            if len(closing) > MAX_DEPTH:
                return None, looked
        elif sign in "]}":
            if closing.pop() != sign:
                return None, looked
            if not closing:
                return mark.end(), looked
    return None, looked


def _repair(text: str) -> Any:
    """Return an object or array mended by json-repair, or None where there was nothing to mend."""
    from json_repair import repair_json

    # Of prose with [1] in it the object is wanted.
    opening = (None if text.startswith("[") else re.search(r"\{", text)) or OPENING.search(text)
    if opening is None or len(text) > MAX_REPAIR or _depth(text) > MAX_DEPTH:  # The repair recurses.
        return None
    try:
        value = load_json(repair_json(text[opening.start() :]))
    except (ValueError, RecursionError):
        return None
    # Of prose without JSON the repair makes an empty text or object, which nobody wrote.
    return value if isinstance(value, dict | list) and value else None
