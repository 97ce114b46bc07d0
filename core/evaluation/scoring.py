"""How far a predicted object is from the expected one, field by field.

The schema says how a field is marked (`x-score`, `tasks/README.md`). Every item counts in the denominator: an
answer that could not be read has the mark 0. A field that the schema ignores is left out of the mean.
"""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Score:
    """The marks of one answer, each from 0 to 1.

    Args:
        fields: Mark per scored field of the schema.
        exact: 1 when every scored field has the full mark, else 0.
        score: Mean of the fields' marks.
    """

    fields: Mapping[str, float]
    exact: float
    score: float

    def metric(self, name: str) -> float:
        """Return a mark by name: `score`, `exact` or a field."""
        return {"score": self.score, "exact": self.exact}.get(name, self.fields.get(name, 0.0))


def score_answer(value: Any, expected: Mapping[str, Any], schema: Mapping[str, Any]) -> Score:
    """Mark an answer against the expected object under the schema's scoring rules."""
    given = value if isinstance(value, dict) else {}  # No object answers no field.
    fields = {
        name: _score_field(given.get(name, _MISSING), expected.get(name), field)
        for name, field in schema["properties"].items()
        if find_rule(field) != "ignore"
    }
    return Score(fields, float(all(mark == 1.0 for mark in fields.values())), sum(fields.values()) / max(len(fields), 1))


def find_rule(field: Mapping[str, Any]) -> str:
    """Return the scoring rule of a field: `x-score`, else the default of its type."""
    if "x-score" in field:
        return str(field["x-score"])
    kinds = field.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "enum" in field or "const" in field:
        return "exact"
    if "array" in kinds:
        return "set"
    if "number" in kinds:
        return "number"
    return "text" if "string" in kinds else "exact"


class _Missing:
    """The answer has no such field, which differs from an explicit null."""


_MISSING = _Missing()


def _score_field(value: Any, expected: Any, field: Mapping[str, Any]) -> float:
    """Mark one field from 0 to 1; a value of another type than its rule marks has 0."""
    if isinstance(value, _Missing):  # A field left out has the mark 0 even where null is expected.
        return 0.0
    if value is None or expected is None:  # "Not stated" is right or wrong as a whole.
        return float(value is expected)
    rule = find_rule(field)
    if rule == "text":
        return token_f1(value, expected) if isinstance(value, str) else 0.0
    if rule == "number":
        return float(_is_number(value) and abs(value - expected) <= float(field.get("x-tolerance", 0)))
    if rule == "set":
        return multiset_f1(value, expected) if isinstance(value, list) else 0.0
    return float(_canonical(value) == _canonical(expected))


def token_f1(value: str, expected: str) -> float:
    """Return the multiset F1 of normalized tokens; 0 where a number is expected and none of it is given.

    Without the rule for numbers "12 months" earns half the mark of "13 months": on unseen facts a model that
    guesses units scored 0.26 with not one number right (`benchmarks/LOG.md`).

    Source: SQuAD evaluation script (Rajpurkar et al. 2016, arXiv 1606.05250, section 6.1); the rule for
    numbers is that of the DROP evaluation script (Dua et al. 2019, arXiv 1903.00161).
    """
    given, right = normalize_text(value).split(), normalize_text(expected).split()
    numbers = {word for word in right if any(character.isdigit() for character in word)}
    if numbers and not numbers & set(given):
        return 0.0
    return multiset_f1(given, right)


def multiset_f1(value: list[Any], expected: list[Any]) -> float:
    """Return the F1 of two lists as multisets; two empty lists agree fully."""
    if not value or not expected:
        return float(not value and not expected)
    shared = sum((Counter(map(_canonical, value)) & Counter(map(_canonical, expected))).values())
    return 2 * shared / (len(value) + len(expected))


def normalize_text(text: str) -> str:
    """Lower-case, drop punctuation and English articles, join white space (SQuAD's rules), after NFKC."""
    lowered = unicodedata.normalize("NFKC", text).lower()
    bare = "".join(character for character in lowered if character not in string.punctuation)
    return " ".join(word for word in bare.split() if word not in {"a", "an", "the"})


def _canonical(value: Any) -> Any:
    """Make a value comparable: texts by NFKC and trimmed, booleans apart from numbers, containers by content."""
    if isinstance(value, str):
        return ("text", unicodedata.normalize("NFKC", value).strip())
    if isinstance(value, bool):  # Python holds True for 1; JSON does not.
        return ("bool", value)
    if isinstance(value, list):
        return ("list", tuple(_canonical(item) for item in value))
    if isinstance(value, dict):
        return ("object", tuple(sorted((key, _canonical(item)) for key, item in value.items())))
    return ("number", value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
