"""From a person's rows to a task that is not written yet: its schema, its examples, and who sits the exam."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.answers.intake import read_schema
from core.answers.validation import validate
from core.errors import LabError
from core.tasks.columns import Columns, LabelledRow, check_columns, describe_columns, guess_columns, read_examples
from core.tasks.leakage import find_pairs
from core.tasks.records import Records
from core.tasks.schema_inference import infer_schema
from core.tasks.split import name_group, split_groups
from core.tasks.task import Task
from core.tasks.wording import normalize
from core.values import Example

UNNAMED = re.compile(r"column \d+")  # A column whose name was made up.


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
        instruction: What the rows themselves tell the model; empty where they tell nothing.
        input_label: What prompts call the input.
    """

    columns: Columns
    schema: Mapping[str, Any]
    train: tuple[Example, ...]
    test: tuple[Example, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    instruction: str = ""
    input_label: str = "Input"


def draft_task(
    records: Records,
    columns: Columns | None = None,
    *,
    schema: Mapping[str, Any] | None = None,
    train: int | None = None,
    test: int | None = None,
) -> Draft:
    """Read rows as examples, split by group, and infer the schema from the training rows unless one is given.

    The split is in the order of the hashes of each group's name: the first make the exam, a fifth of the rows or `test` of
    them, so that rows hardly change sides when others come or go. A training
    example too like a test example is left out of train. A test example that an inferred schema does not allow, because
    no training row has the like, is left out and named: widening the schema for it would tell the answer.

    Raises:
        LabError: A column does not exist, fewer than two groups are usable, or the schema is none.
    """
    if schema is not None:
        schema = read_schema(schema, origin="The schema")
    columns = columns or guess_columns(records, schema)
    check_columns(columns, records)
    problems, notes = list(records.problems), [*describe_columns(columns, records), *records.notes]
    rows = read_examples(records, columns, problems, schema, notes)
    if not rows:
        raise LabError(
            f"{records.origin} has no usable row. The first problem: {problems[0]}.", "Mend the rows, or choose other columns."
        )
    given = {row.example.id: row.side for row in rows if row.side}
    # The invalid rows' sides count: a file that marks a test has decided, even if none of those rows can be used.
    usable = [row.example for row in rows] if schema is None else _keep_valid(rows, records, schema, problems)
    notes += _describe_repeats(usable)
    learn, exam = split_groups(usable, given, notes, train=train, test=test)
    if not learn or not exam:
        raise LabError(
            f"{len(usable)} usable rows in {len(set(map(name_group, usable)))} groups cannot be split into train and test."
            + (f" The first of {len(problems)} problems: {problems[0]}." if problems else ""),
            "Give at least two rows with different inputs (or groups).",
        )
    learn = _leave_out_alike(learn, exam, notes)
    if schema is None:
        # From the training rows alone: what only the exam has, no training could know.
        schema = infer_schema([item.output or {} for item in learn], rows=learn, notes=notes)
        schema = read_schema(schema, origin="The schema")
        exam = _keep_known(exam, schema, {row.example.id: records.locate(row.number) for row in rows}, problems)
    known = columns.input == records.reading.input
    return Draft(
        columns,
        schema,
        tuple(learn),
        tuple(exam),
        tuple(problems),
        tuple(notes),
        instruction=records.reading.instruction if known else "",
        input_label=(known and records.reading.label) or name_input(columns.input),
    )


def _describe_repeats(examples: Sequence[Example]) -> list[str]:
    """Say how many inputs come again, and how many of those with another answer."""
    answers: dict[str, list[Any]] = {}
    for example in examples:
        answers.setdefault(normalize(example.input), []).append(example.output)
    again = {text: given for text, given in answers.items() if len(given) > 1}
    if not again:
        return []
    count = sum(len(given) - 1 for given in again.values())
    torn = sum(any(answer != given[0] for answer in given) for given in again.values())
    also = f"; {torn} inputs have more than one answer" if torn else ""
    return [f"{count} rows repeat the input of another (first: {next(iter(again))[:60]!r}); they stay on one side{also}"]


def _keep_valid(
    rows: Sequence[LabelledRow], records: Records, schema: Mapping[str, Any], problems: list[str]
) -> list[Example]:  # fmt: skip
    """Return the examples whose answers are valid under the schema; what is wrong with the others joins `problems`."""
    valid = []
    for row in rows:
        issues = validate(row.example.output, schema)
        if issues:
            problems.append(f"{records.locate(row.number)}: output{issues[0].pointer}: {issues[0].message}")
        else:
            valid.append(row.example)
    if not valid:
        raise LabError(
            f"No row is valid under the schema. The first problem: {problems[0]}.", "Change the schema or the columns."
        )
    return valid


def _keep_known(
    exam: Sequence[Example], schema: Mapping[str, Any], places: Mapping[str, str], problems: list[str]
) -> list[Example]:  # fmt: skip
    """Return the test examples whose answers the training rows' schema allows; the others join `problems`."""
    known = []
    for example in exam:
        issues = validate(example.output, schema)
        if issues:
            problems.append(
                f"{places[example.id]}: output{issues[0].pointer}: {issues[0].message} (a test row; the schema is "
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


def name_input(column: str) -> str:
    """Return what prompts call an input after its column."""
    return "Input" if UNNAMED.fullmatch(column) else column.capitalize()


def preview_task(draft: Draft, *, name: str, instruction: str) -> Task:
    """Return the task as it would be loaded once written, for the report that comes before anything is written."""
    return Task(
        name=name,
        folder=Path(name),
        title=name,
        description="",
        instruction=instruction,
        input_label=draft.input_label,
        primary_metric="score",
        licence="unknown",
        schema=draft.schema,
        shots=(),
        train=draft.train,
        test=draft.test,
        problems=draft.problems,
    )
