"""How far one JSON value is from the expected one, walked over both under one view of the schema.

Every function here is total: whatever JSON is given, there is a mark from 0 to 1. The work is bounded: what is nested
too deeply is equal or not, and lists too long for the best assignment are compared place by place.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.answers.view import SchemaView, view_schema
from core.evaluation.equality import are_same, do_numbers_agree, is_number
from core.evaluation.ordinal import find_step, ordinal_mark
from core.evaluation.rules import find_rule, find_scale, find_tolerance, is_ordered, name_rule
from core.evaluation.texts import have_same_words, normalize_text, token_f1, trim_text

MAX_DEPTH = 40  # Levels that are walked.
# Values compared for one answer, about a second: 100 items of three fields with 100. Lists that would need more go place by place, and
# when it is spent every leaf is equal or not.
MAX_WORK = 30_000
TEXT_WORK = 100  # Characters that count as much as a leaf.
OPEN = view_schema(True)


class Absent:
    """A field that is not there, which differs from an explicit null."""


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Mark:
    """What a value is worth.

    Args:
        value: From 0 to 1.
        invented: Values given where nothing is expected.
        missing: Values expected where nothing is given.
        wrong: Values given that are not, or not fully, the expected ones.
        counts: Whether it is one of the marks that its object's mean is taken of.
    """

    value: float
    invented: int = 0
    missing: int = 0
    wrong: int = 0
    counts: bool = True

    @property
    def exact(self) -> bool:
        """Whether nothing at all is amiss."""
        return self.value == 1.0 and not (self.invented or self.missing or self.wrong)


RIGHT, UNASKED = Mark(1.0), Mark(1.0, counts=False)


@dataclass(slots=True)
class Walk:
    """How deep and how far the comparison of one answer has come."""

    depth: int = 0
    work: int = 0

    @property
    def is_spent(self) -> bool:
        """Whether only equality is left to ask for."""
        return self.depth > MAX_DEPTH or self.work > MAX_WORK


def mark_fields(value: Mapping[str, Any], expected: Mapping[str, Any], view: SchemaView, walk: Walk) -> dict[str, Mark]:
    """Mark an object's fields by name: those of the schema in its order, then all others that either side has.

    A name that the schema does not know and nobody expects is counted as invented, and is not part of the mean.
    """
    others = {name for name in (*value, *expected) if name not in view.fields}
    marks: dict[str, Mark] = {}
    for name in [*view.fields, *sorted(others)]:
        given, right, field = value.get(name, ABSENT), expected.get(name, ABSENT), view.find_field(name)
        if field is not None and name_rule(field) == "ignore":
            continue
        if right is ABSENT and not view.knows(name):
            null = given is None and field is not None and field.nullable
            marks[name] = UNASKED if null else Mark(0.0, invented=count_leaves(given), counts=False)
        else:
            marks[name] = mark_field(given, right, field or OPEN, walk, optional=name not in view.required)
    return marks


def mark_field(given: Any, expected: Any, view: SchemaView, walk: Walk, *, optional: bool) -> Mark:
    """Mark one field, where absent and null both say "not stated": each is right where the schema allows it."""
    if expected is ABSENT:
        unstated = given is ABSENT or (given is None and view.nullable)
        return UNASKED if unstated else Mark(0.0, invented=count_leaves(given))
    if given is ABSENT:
        return RIGHT if expected is None and optional else Mark(0.0, missing=count_leaves(expected))
    if expected is None:
        return RIGHT if given is None else Mark(0.0, invented=count_leaves(given))
    if given is None:
        return Mark(0.0, missing=count_leaves(expected))
    return mark_value(given, expected, view, walk)


def join_marks(marks: Mapping[str, Mark]) -> Mark:
    """Return the mark of an object: the mean of its fields', 1 where nothing is asked."""
    asked = [mark.value for mark in marks.values() if mark.counts]
    return _total(sum(asked) / len(asked) if asked else 1.0, marks.values())


def mark_value(value: Any, expected: Any, view: SchemaView, walk: Walk) -> Mark:
    """Mark a value that stands where one is expected; the expected value says which alternative of the schema counts."""
    view = view.pick(expected)
    rule = find_rule(view, expected)
    if rule == "ignore":
        return UNASKED
    if walk.is_spent or rule == "exact":
        walk.work += 1
        # What the schema itself calls exact is not read as anything else: no "five" for 5.
        read = name_rule(view) != "exact" and _agree_across_types(value, expected, view) == 1.0
        return _judge(float(are_same(value, expected) or read), expected)
    if rule not in {"object", "set"}:
        mark = _judge(_mark_leaf(value, expected, view, rule, walk), expected)
        # F1 knows no order: who reports to whom costs no mark, but the text is not the right one.
        return mark if mark != RIGHT or _are_in_order(value, expected) else Mark(1.0, wrong=1)
    if type(value) is not type(expected):
        return Mark(0.0, wrong=count_leaves(expected))
    walk.depth, walk.work = walk.depth + 1, walk.work + 1
    mark = join_marks(mark_fields(value, expected, view, walk)) if rule == "object" else _mark_list(value, expected, view, walk)
    walk.depth -= 1
    return mark


def _judge(mark: float, expected: Any) -> Mark:
    return RIGHT if mark == 1.0 else Mark(mark, wrong=count_leaves(expected))


def _are_in_order(value: Any, expected: Any) -> bool:
    return not isinstance(value, str) or not isinstance(expected, str) or have_same_words(value, expected)


def _mark_leaf(value: Any, expected: Any, view: SchemaView, rule: str, walk: Walk) -> float:
    """Mark a text, a number or a step; a value of a type that the field does not have is worth 0."""
    walk.work += 1 + sum(len(text) for text in (value, expected) if isinstance(text, str)) // TEXT_WORK
    if rule == "ordinal":
        scale = find_scale(view) or ()
        # What is expected may be no step of the scale where the field has other alternatives.
        return (
            ordinal_mark(value, expected, scale) if find_step(expected, scale) is not None else float(are_same(value, expected))
        )
    if rule == "number" and is_number(value):
        return float(do_numbers_agree(value, expected, find_tolerance(view)))
    if rule == "text" and isinstance(value, str):
        return token_f1(value, expected)
    return _agree_across_types(value, expected, view)


def _agree_across_types(value: Any, expected: Any, view: SchemaView) -> float:
    """Mark a number against a text where the field may be either; what is given must be of a kind that it allows."""
    numeric = "number" in view.kinds or "integer" in view.kinds
    if view.choices is not None or not numeric or "string" not in view.kinds:
        return 0.0
    if isinstance(value, str) == isinstance(expected, str):
        return 0.0
    texts = [
        item if isinstance(item, str) else _write(item)
        for item in (value, expected)
        if isinstance(item, str) or is_number(item)
    ]
    return token_f1(texts[0], texts[1]) if len(texts) == 2 else 0.0


def _mark_list(value: list[Any], expected: list[Any], view: SchemaView, walk: Walk) -> Mark:
    """Mark two lists by the F1 of their items' marks.

    Items are paired by place where places have a meaning; else scalars that are the same, and everything else by the
    best assignment.
    """
    item = view.find_item(0)
    if is_ordered(view):
        pairs = [
            mark_field(given, right, view.find_item(place), walk, optional=False)
            for place, (given, right) in enumerate(zip(value, expected, strict=False))
        ]
        return _close_list(value, expected, pairs, value[len(pairs) :], expected[len(pairs) :])
    if name_rule(item) in {"text", "ordinal"}:
        return _close_list(value, expected, *_assign(value, expected, item, walk))
    sides = [[part for part in side if isinstance(part, list | dict)] for side in (value, expected)]
    pairs, extra, lost = _assign(sides[0], sides[1], item, walk)
    rest = [[part for part in side if not isinstance(part, list | dict)] for side in (value, expected)]
    walk.work += len(rest[0]) + len(rest[1])
    same = _count_same(rest[0], rest[1], item)
    pairs = [*pairs, *[RIGHT] * same]
    return _close_list(
        value, expected, pairs, [*extra, *[None] * (len(rest[0]) - same)], [*lost, *[None] * (len(rest[1]) - same)]
    )


def _close_list(
    value: Sequence[Any], expected: Sequence[Any], pairs: Sequence[Mark], extra: Sequence[Any], lost: Sequence[Any]
) -> Mark:
    """Return the mark of two lists from the marks of their pairs and the items without a partner."""
    invented, missing = sum(map(count_leaves, extra)), sum(map(count_leaves, lost))
    size = len(value) + len(expected)
    f1 = 2 * sum(mark.value for mark in pairs) / size if size else 1.0
    return _total(min(f1, 1.0), [*pairs, Mark(0.0, invented=invented, missing=missing)])


def _assign(
    value: Sequence[Any], expected: Sequence[Any], item: SchemaView, walk: Walk
) -> tuple[list[Mark], list[Any], list[Any]]:
    """Pair the items of two lists so that the sum of the pairs' marks is as large as possible.

    Source: `scipy.optimize.linear_sum_assignment` (Crouse 2016). Too many items are paired if equal, else by place.

    Returns:
        The marks of the pairs worth anything, and the items of either list without such a partner.
    """
    if not value or not expected:
        return [], list(value), list(expected)
    if walk.is_spent or walk.work + len(value) * count_leaves(list(expected)) > MAX_WORK:
        rows, columns = _pair_in_order(value, expected)
        marks = {
            (row, column): _mark_item(value[row], expected[column], item, walk)
            for row, column in zip(rows, columns, strict=True)
        }
    else:
        marks = {
            (row, column): _mark_item(given, right, item, walk)
            for row, given in enumerate(value)
            for column, right in enumerate(expected)
        }
        rows, columns = _find_best(marks, len(value), len(expected))
    pairs = [(row, column) for row, column in zip(rows, columns, strict=True) if marks[row, column].value > 0]
    used_rows, used_columns = {row for row, _ in pairs}, {column for _, column in pairs}
    return (
        [marks[pair] for pair in pairs],
        [given for row, given in enumerate(value) if row not in used_rows],
        [right for column, right in enumerate(expected) if column not in used_columns],
    )


def _mark_item(given: Any, right: Any, item: SchemaView, walk: Walk) -> Mark:
    mark = mark_field(given, right, item, walk, optional=False)
    return mark if mark.counts else RIGHT


def _find_best(marks: Mapping[tuple[int, int], Mark], height: int, width: int) -> tuple[list[int], list[int]]:
    if height == 1 or width == 1:  # Without the cost of loading scipy.
        best = max(marks, key=lambda pair: marks[pair].value)
        return [best[0]], [best[1]]
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    values = np.array([[marks[row, column].value for column in range(width)] for row in range(height)])
    rows, columns = linear_sum_assignment(values, maximize=True)
    return rows.tolist(), columns.tolist()


def _pair_in_order(value: Sequence[Any], expected: Sequence[Any]) -> tuple[list[int], list[int]]:
    """Pair equal items first, then the others by place."""
    places: dict[str, list[int]] = {}
    for column in reversed(range(len(expected))):
        places.setdefault(_write(expected[column]), []).append(column)
    equal = {row: columns.pop() for row, given in enumerate(value) if (columns := places.get(_write(given)))}
    taken = set(equal.values())
    free = [column for column in range(len(expected)) if column not in taken]
    rest = dict(zip((row for row in range(len(value)) if row not in equal), free, strict=False))
    return [*equal, *rest], [*equal.values(), *rest.values()]


def _count_same(value: Sequence[Any], expected: Sequence[Any], item: SchemaView) -> int:
    """Count the scalars that two lists share, each used once; numbers within their tolerance."""
    keys = [Counter(_find_key(part, item) for part in side if not _is_ordinary(part)) for side in (value, expected)]
    given, right = (sorted(part for part in side if _is_ordinary(part)) for side in (value, expected))
    tolerance = find_tolerance(item.pick(right[0])) if right else 0
    same, row, column = (keys[0] & keys[1]).total(), 0, 0
    while row < len(given) and column < len(right):  # In order, the first that agrees is the best partner.
        if do_numbers_agree(given[row], right[column], tolerance):
            same, row, column = same + 1, row + 1, column + 1
        elif given[row] < right[column]:
            row += 1
        else:
            column += 1
    return same


def _is_ordinary(value: Any) -> bool:
    return is_number(value) and value == value  # NaN has no place in an order.


def _find_key(value: Any, item: SchemaView) -> Hashable:
    """Return what a scalar is compared by in a list: texts as texts are, labels as they stand."""
    if not isinstance(value, str):
        return (type(value).__name__, str(value))
    return ("text", normalize_text(value) if find_rule(item.pick(value), value) == "text" else trim_text(value))


def _total(value: float, marks: Any) -> Mark:
    parts = list(marks)
    return Mark(value, *(sum(getattr(mark, name) for mark in parts) for name in ("invented", "missing", "wrong")))


def count_leaves(value: Any) -> int:
    """Count the values in a value that hold nothing else; an empty list or object is one, what is absent none."""
    count, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        inner = list(part.values()) if isinstance(part, dict) else part if isinstance(part, list) else []
        waiting.extend(inner)
        count += not inner and part is not ABSENT
    return count


def _write(value: Any) -> str:
    """Write any value as text; one that JSON cannot write is only itself."""
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):  # An integer of more than 4,300 digits, or nested too deeply.
        return f"{value:x}" if isinstance(value, int) else f"value {id(value)}"
