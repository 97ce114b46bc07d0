"""When two JSON values are the same, and when two numbers agree."""

from __future__ import annotations

from typing import Any

from core.evaluation.texts import trim_text

ROUNDING = 1e-12  # Relative: 0.1 + 0.2 is 0.3.


def are_same(value: Any, expected: Any) -> bool:
    """Whether two values are equal: texts after NFKC and without white space around, 3 and 3.0, booleans apart.

    It looks at both step by step instead of calling itself, so that no depth is too much.
    """
    waiting = [(value, expected)]
    while waiting:
        given, right = waiting.pop()
        if isinstance(given, dict) and isinstance(right, dict):
            if given.keys() != right.keys():
                return False
            waiting.extend((given[key], right[key]) for key in given)
        elif isinstance(given, list) and isinstance(right, list):
            if len(given) != len(right):
                return False
            waiting.extend(zip(given, right, strict=True))
        elif not _are_same_leaves(given, right):
            return False
    return True


def _are_same_leaves(given: Any, right: Any) -> bool:
    if isinstance(given, str) and isinstance(right, str):
        return trim_text(given) == trim_text(right)
    if is_number(given) and is_number(right):
        return do_numbers_agree(given, right, 0)
    return type(given) is type(right) and not isinstance(given, list | dict) and bool(given == right)


def do_numbers_agree(value: float, expected: float, tolerance: float) -> bool:
    """Whether two numbers differ by no more than a tolerance, or only by how a computer rounds."""
    if value == expected or (value != value and expected != expected):  # NaN differs from itself.
        return True
    try:
        gap = abs(value - expected)
        if gap <= tolerance:
            return True
        if isinstance(value, int) and isinstance(expected, int):
            return False
        # A tenth of the last digits that a float keeps, of the numbers and of the tolerance.
        return bool(gap <= tolerance * (1 + 1e-9) + ROUNDING * max(abs(value), abs(expected)) < float("inf"))
    except OverflowError:  # An integer beyond every float.
        return False


def is_number(value: Any) -> bool:
    """Whether a value is a number; true and false are none, though Python counts with them."""
    return isinstance(value, int | float) and not isinstance(value, bool)
