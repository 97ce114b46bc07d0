"""An answer beside the expected one, field by field, with the words in which two texts differ."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from core.evaluation.acceptance import choose_expected
from core.evaluation.board import Cell
from core.tasks.task import Task
from core.values import Example

PieceKind = Literal["same", "given", "expected"]
MAX_PIECES = 1_200  # Words and signs of a text that are compared; the work grows with their square.
LEAST_LIKENESS = 0.3  # Of two texts, 0..1; what has less in common is shown as it is: marks all over it say nothing.
ABSENT = "(absent)"


@dataclass(frozen=True, slots=True)
class DiffPiece:
    """A part of a text: in both, only in the given one, or only in the expected one."""

    text: str
    kind: PieceKind = "same"


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """One field of one answer.

    Args:
        name: The field's.
        mark: 0 to 1; None where the schema marks no such field.
        given: What was answered, as text.
        pieces: The same beside what was expected; empty where word by word says nothing.
    """

    name: str
    mark: float | None
    given: str
    pieces: tuple[DiffPiece, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """One field of all answers to an item.

    Args:
        name: The field's.
        expected: What is right, as text.
        answers: The answers with the names of those that gave them, equal ones once.
    """

    name: str
    expected: str
    answers: tuple[tuple[tuple[str, ...], FieldDiff], ...]


def compare_fields(task: Task, item: Example, cells: Mapping[str, Cell]) -> tuple[FieldComparison, ...]:
    """Compare answers to an item field by field: those of the expected answer and the schema first, then what was added.

    Args:
        task: Its schema says how a field is marked.
        item: What was asked.
        cells: The answers, by the name that they are shown under; those that are no object have no fields.
    """
    diffs = {name: diff_answer(task, item, cell) for name, cell in cells.items()}
    names = dict.fromkeys([*(item.output or {}), *(field for fields in diffs.values() for field in fields)])
    return tuple(
        _join(field, item, {name: fields[field] for name, fields in diffs.items() if field in fields}) for field in names
    )


def diff_answer(task: Task, item: Example, cell: Cell) -> dict[str, FieldDiff]:
    """Return each field of an answer beside what was expected; of several right answers beside the nearest."""
    given = cell.prediction.value
    if not isinstance(given, dict):
        return {}
    expected = choose_expected(given, item, task.schema)
    marks = cell.score.fields
    shown = [name for name in marks if name in given or name in expected] + [name for name in given if name not in marks]
    return {name: _diff_field(name, marks.get(name), given, expected) for name in shown}


def diff_words(given: str, expected: str) -> tuple[DiffPiece, ...]:
    """Return a given text in pieces, with the words that are missing of the expected one at their place.

    Empty where the texts are equal, too long, or have little in common.
    """
    sides = [re.findall(r"\w+|\s+|[^\w\s]", text) for text in (given, expected)]
    if given == expected or not all(0 < len(side) <= MAX_PIECES for side in sides):
        return ()
    given_words, expected_words = ([piece.lower() for piece in side] for side in sides)
    matcher = SequenceMatcher(None, given_words, expected_words, autojunk=False)
    # Blanks are in every text: only words and signs make two alike.
    shared = sum(
        not sides[0][block.a + step].isspace() for block in matcher.get_matching_blocks() for step in range(block.size)
    )
    if 2 * shared < LEAST_LIKENESS * sum(not piece.isspace() for side in sides for piece in side):
        return ()
    pieces: list[DiffPiece] = []
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        left, right = "".join(sides[0][start:end]), "".join(sides[1][other_start:other_end])
        if tag == "equal":
            pieces.append(DiffPiece(left))
            continue
        pieces += [DiffPiece(left, "given")] if left else []
        pieces += [DiffPiece(right, "expected")] if right else []
    return tuple(pieces)


def write_value(value: Any) -> str:
    """Write a JSON value for people: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _diff_field(name: str, mark: float | None, given: Mapping[str, Any], expected: Mapping[str, Any]) -> FieldDiff:
    if name not in given:
        return FieldDiff(name, mark, ABSENT)
    text = write_value(given[name])
    if mark is None or mark >= 1 or name not in expected or expected[name] is None:
        return FieldDiff(name, mark, text)
    return FieldDiff(name, mark, text, diff_words(text, write_value(expected[name])))


def _join(field: str, item: Example, diffs: Mapping[str, FieldDiff]) -> FieldComparison:
    groups: dict[FieldDiff, list[str]] = {}
    for name, diff in diffs.items():
        groups.setdefault(diff, []).append(name)
    expected = item.output or {}
    right = write_value(expected[field]) if field in expected else ABSENT
    return FieldComparison(field, right, tuple((tuple(names), diff) for diff, names in groups.items()))


def list_accepted(item: Example) -> Sequence[tuple[str, str]]:
    """Return what else is right of an item, as (field, text)."""
    lines = []
    for name, accepted in item.accept.items():
        if isinstance(accepted, Mapping):
            lines += [(name, f"{right}: also {', '.join(map(write_value, others))}") for right, others in accepted.items()]
        else:
            lines += [(name, write_value(value)) for value in accepted]
    return lines
