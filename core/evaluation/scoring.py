"""What an answer is worth: marks by field and for the whole, and what is invented, missing or wrong in it.

The schema says how a field is marked (`x-score`, `tasks/README.md`); the README says what that means. Every item counts
in the denominator: an answer that could not be read has the mark 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.answers.view import view_schema
from core.evaluation.marks import Walk, count_leaves, join_marks, mark_fields
from core.evaluation.rules import list_marked
from core.evaluation.texts import multiset_f1, normalize_text, token_f1

__all__ = ["Score", "multiset_f1", "normalize_text", "score_answer", "token_f1"]


@dataclass(frozen=True, slots=True)
class Score:
    """The marks of one answer, each from 0 to 1, and its slips.

    Args:
        fields: Mark of every field that the schema names and marks; 1 for one that is absent on both sides.
        exact: 1 when nothing is invented, missing or wrong, else 0.
        score: Mean of the marks of the fields that are expected or invented: one absent on both sides is not in it.
        invented: Values given where none is expected.
        missing: Values expected where none is given.
        wrong: Values given that are not, or not fully, the expected ones.
    """

    fields: Mapping[str, float]
    exact: float
    score: float
    invented: int = 0
    missing: int = 0
    wrong: int = 0

    def metric(self, name: str) -> float:
        """Return a mark by name: `score`, `exact` or a field."""
        return {"score": self.score, "exact": self.exact}.get(name, self.fields.get(name, 0.0))


def score_answer(value: Any, expected: Mapping[str, Any], schema: Mapping[str, Any]) -> Score:
    """Mark an answer against the expected object under the schema's rules.

    Total: every JSON value has a score, whatever the schema. The expected object itself scores 1 and is exact.
    """
    right = {**expected}
    names = list_marked(schema)
    if not isinstance(value, dict):  # No object answers no field, not even one that may be absent.
        return Score(dict.fromkeys(names, 0.0), 0.0, 0.0, missing=count_leaves(right) if right else 0)
    marks = mark_fields(value, right, view_schema(schema).pick(right), Walk())
    whole = join_marks(marks)
    return Score(
        {name: marks[name].value if name in marks else 1.0 for name in names},
        float(whole.exact),
        whole.value,
        invented=whole.invented,
        missing=whole.missing,
        wrong=whole.wrong,
    )
