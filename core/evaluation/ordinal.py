"""Marks on a scale, and how well a set of answers agrees with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.answers.kinds import find_kind
from core.answers.view import view_schema
from core.evaluation.rules import find_scale, name_rule
from core.evaluation.texts import trim_text


def find_step(value: Any, scale: Sequence[Any]) -> int | None:
    """Return the place of a value on a scale, from 0; None where it is not on it."""
    if isinstance(scale, range):
        if find_kind(value) != "integer":  # A fraction; asking a range for it would walk the whole range.
            return None
        return int(value) - scale.start if int(value) in scale else None
    sought = _fold(value)
    return next((place for place, step in enumerate(scale) if _fold(step) == sought), None)


def ordinal_mark(value: Any, expected: Any, scale: Sequence[Any]) -> float:
    """Return 1 - distance / range: 1 for the expected step, 0 for the other end of the scale or a value not on it."""
    given, right = find_step(value, scale), find_step(expected, scale)
    if given is None or right is None:
        return 0.0
    steps = scale.stop - scale.start - 1 if isinstance(scale, range) else len(scale) - 1  # len() of a range may overflow.
    return 1 - abs(given - right) / steps


def describe_ordinals(schema: Mapping[str, Any], pairs: Iterable[tuple[Any, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Report how the answers agree with the expected steps of each ordinal field at the top of a schema.

    Args:
        schema: JSON Schema of the answer.
        pairs: Answer and expected object of each item; an unreadable answer is anything but an object.

    Returns:
        For each field `n`, the items that have an expected step; `exact` and `within_one`, shares of them, an answer
        without a step counting as neither; `kappa`, quadratic-weighted over the answers with a step (Cohen 1968), None
        where it is undefined; `rated`, the number of those.
    """
    found = {}
    answered = list(pairs)
    for name, view in view_schema(schema).names.items():
        scale = find_scale(view) if name_rule(view) == "ordinal" else None
        if scale is None:
            continue
        steps = [
            (find_step(value.get(name), scale) if isinstance(value, dict) else None, find_step(expected.get(name), scale))
            for value, expected in answered
        ]
        asked = [(given, right) for given, right in steps if right is not None]
        rated = [(given, right) for given, right in asked if given is not None]
        found[name] = {
            "n": len(asked),
            "exact": _share(sum(given == right for given, right in rated), asked),
            "within_one": _share(sum(abs(given - right) <= 1 for given, right in rated), asked),
            "kappa": weighted_kappa(rated),
            "rated": len(rated),
        }
    return found


def weighted_kappa(pairs: Sequence[tuple[int, int]]) -> float | None:
    """Return the quadratic-weighted kappa of pairs of steps; None where chance alone agrees fully.

    1 - sum of squared differences / the sum expected were the two sides independent. Source: Cohen 1968, Weighted
    kappa, Psychological Bulletin 70(4). Values as scikit-learn's `cohen_kappa_score(weights="quadratic")`.
    """
    if not pairs:
        return None
    n = len(pairs)
    seen = sum((given - right) ** 2 for given, right in pairs)
    # The mean of (x - y)^2 over all n * n pairs, in whole numbers.
    squares = sum(given**2 + right**2 for given, right in pairs)
    chance = n * squares - 2 * sum(given for given, _ in pairs) * sum(right for _, right in pairs)
    return None if chance == 0 else 1 - n * seen / chance


def _share(count: int, items: Sequence[Any]) -> float | None:
    return count / len(items) if items else None


def _fold(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return (type(value).__name__, repr(value)[:100])
    return trim_text(value) if isinstance(value, str) else (value,)
