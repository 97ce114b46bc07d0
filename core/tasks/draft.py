"""From a person's rows to a task that is not written yet: its schema, its examples, and who sits the exam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.answers.intake import read_schema
from core.answers.validation import validate
from core.errors import LabError
from core.tasks.columns import Columns, LabelledRow, check_columns, guess_columns, read_examples
from core.tasks.leakage import find_pairs
from core.tasks.records import Records
from core.tasks.schema_inference import infer_schema
from core.tasks.split import name_group, split_groups
from core.tasks.task import Task
from core.values import Example


@dataclass(frozen=True)
class Draft:
    """A task that is not written yet.

    Args:
        columns: How the rows were read.
        schema: Inferred from the training rows' answers, or the person's own.
        train: Examples to learn from.
        test: Examples of the exam.
        problems: Rows that were left out, each with its number and what to do.
        notes: What was assumed.
    """

    columns: Columns
    schema: Mapping[str, Any]
    train: tuple[Example, ...]
    test: tuple[Example, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def draft_task(
    records: Records,
    columns: Columns | None = None,
    *,
    schema: Mapping[str, Any] | None = None,
    train: int | None = None,
    test: int | None = None,
) -> Draft:
    """Read rows as examples, split by group, and infer the schema from the training rows unless one is given.

    The split is a function of each group's name alone: a row keeps its side when others come or go. With `test`
    or `train` the groups first in the order of their hashes are taken until the numbers are reached. A training
    example too like a test example is left out of train. A test example that an inferred schema does not allow, because
    no training row has the like, is left out and named: widening the schema for it would tell the answer.

    Raises:
        LabError: A column does not exist, fewer than two groups are usable, or the schema is none.
    """
    if schema is not None:
        schema = read_schema(schema, origin="The schema")
    columns = columns or guess_columns(records)
    check_columns(columns, records)
    problems, notes = list(records.problems), list(records.notes)
    rows = read_examples(records, columns, problems, schema)
    if not rows:
        raise LabError(
            f"{records.origin} has no usable row. The first problem: {problems[0]}.", "Mend the rows, or choose other columns."
        )
    given = {row.example.id: row.side for row in rows if row.side}
    # The invalid rows' sides count: a file that marks a test has decided, even if none of those rows can be used.
    usable = [row.example for row in rows] if schema is None else _keep_valid(rows, schema, problems)
    learn, exam = split_groups(usable, given, notes, train=train, test=test)
    if not learn or not exam:
        raise LabError(
            f"{len(usable)} usable rows in {len(set(map(name_group, usable)))} groups cannot be split into train and test.",
            "Give at least two rows with different inputs (or groups).",
        )
    learn = _leave_out_alike(learn, exam, notes)
    if schema is None:
        # From the training rows alone: what only the exam has, no training could know.
        schema = infer_schema([item.output or {} for item in learn], rows=learn, notes=notes)
        schema = read_schema(schema, origin="The schema")
        exam = _keep_known(exam, schema, {row.example.id: row.number for row in rows}, problems)
    return Draft(columns, schema, tuple(learn), tuple(exam), tuple(problems), tuple(notes))


def _keep_valid(rows: Sequence[LabelledRow], schema: Mapping[str, Any], problems: list[str]) -> list[Example]:
    """Return the examples whose answers are valid under the schema; what is wrong with the others joins `problems`."""
    valid = []
    for row in rows:
        issues = validate(row.example.output, schema)
        if issues:
            problems.append(f"row {row.number}: output{issues[0].pointer}: {issues[0].message}")
        else:
            valid.append(row.example)
    if not valid:
        raise LabError(
            f"No row is valid under the schema. The first problem: {problems[0]}.", "Change the schema or the columns."
        )
    return valid


def _keep_known(
    exam: Sequence[Example], schema: Mapping[str, Any], numbers: Mapping[str, int], problems: list[str]
) -> list[Example]:  # fmt: skip
    """Return the test examples whose answers the training rows' schema allows; the others join `problems`."""
    known = []
    for example in exam:
        issues = validate(example.output, schema)
        if issues:
            problems.append(
                f"row {numbers[example.id]}: output{issues[0].pointer}: {issues[0].message} (a test row; the schema is "
                "inferred from the training rows, none of which has the like)"
            )
        else:
            known.append(example)
    if not known:
        raise LabError(
            f"No test row is valid under the schema of the training rows. The first problem: {problems[-1]}.",
            "Give more rows, or a schema of your own.",
        )
    return known


def _leave_out_alike(learn: list[Example], exam: list[Example], notes: list[str]) -> list[Example]:
    """Leave out what is too like a test example; the exam keeps its items, since they are fewer."""
    pairs = find_pairs(learn, exam)
    if not pairs:
        return learn
    alike = {pair.train for pair in pairs}
    notes.append(
        f"{len(alike)} training rows too like a test row were left out of train (first: {pairs[0].train} and {pairs[0].test})"
    )
    kept = [example for example in learn if example.id not in alike]
    if not kept:
        raise LabError("Every training row is too like a test row.", "Give more different rows, or a group column.")
    return kept


def preview_task(draft: Draft, *, name: str, instruction: str, input_label: str) -> Task:
    """Return the task as it would be loaded once written, for the report that comes before anything is written."""
    return Task(
        name=name,
        folder=Path(name),
        title=name,
        description="",
        instruction=instruction,
        input_label=input_label,
        primary_metric="score",
        licence="unknown",
        schema=draft.schema,
        shots=(),
        train=draft.train,
        test=draft.test,
        problems=draft.problems,
    )
