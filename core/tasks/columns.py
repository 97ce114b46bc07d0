"""Which column of a person's rows is what, and the rows read by it as examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import LabError
from core.tasks.cells import Unreadable, choose_kind, convert, takes_only_text
from core.tasks.records import Records
from core.values import Example

# Names of columns, in any case, the likelier first.
INPUTS = ("input", "text", "question", "prompt", "utterance", "sentence", "query", "cv", "document", "content", "review")
IDS = ("id",)
GROUPS = ("group", "group_id")
SPLITS = ("split",)
OUTPUTS = ("output", "answer_json")
SAMPLE_ROWS = 200  # Enough to tell which column holds the longest texts.
SHOWN_CELL = 40  # Characters of an unreadable cell in its problem.


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is what. One output column that holds JSON objects is the answer; others become its fields."""

    input: str
    outputs: tuple[str, ...]
    id: str | None = None
    group: str | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """A row read as an example.

    Args:
        number: Of the row, as people count them in the file.
        example: What it asks and expects.
        side: Where the file puts it (`train`, `test`, another word), if it says.
    """

    number: int
    example: Example
    side: str | None


def guess_columns(records: Records) -> Columns:
    """Guess which column is what, by names first, then by the length of texts.

    Raises:
        LabError: There is no column for the answer.
    """
    by_name = {name.lower(): name for name in records.columns}

    def pick(names: Sequence[str]) -> str | None:
        return next((by_name[name] for name in names if name in by_name), None)

    id_column, group, split, output = pick(IDS), pick(GROUPS), pick(SPLITS), pick(OUTPUTS)
    free = [name for name in records.columns if name not in (id_column, group, split)]
    lengths = {name: sum(len(str(row.get(name) or "")) for _, row in records.rows[:SAMPLE_ROWS]) for name in free}
    source = pick(INPUTS) or max(free, key=lambda name: lengths[name], default=records.columns[0])
    outputs = (output,) if output and output != source else tuple(name for name in free if name != source)
    if not outputs:
        raise LabError(
            f"{records.origin} has no column for the answer beside {source!r}.", f"Its columns: {', '.join(records.columns)}."
        )
    return Columns(source, outputs, id_column, group, split)


def check_columns(columns: Columns, records: Records) -> None:
    """Refuse a column that the file does not have, and one that is question and answer at once.

    Raises:
        LabError: Names the column, and those that there are.
    """
    for name in (columns.input, *columns.outputs, columns.id, columns.group, columns.split):
        if name is not None and name not in records.columns:
            raise LabError(f"{records.origin} has no column {name!r}.", f"Its columns: {', '.join(records.columns)}.")
    if columns.input in columns.outputs:
        raise LabError(f"The column {columns.input!r} cannot be input and output.", "Choose another output column.")


def read_examples(
    records: Records, columns: Columns, problems: list[str], schema: Mapping[str, Any] | None
) -> list[LabelledRow]:
    """Read rows as examples; what is wrong with a row is added to `problems`, and the row left out."""
    kinds = _choose_kinds(records, columns, schema)
    labelled: list[LabelledRow] = []
    used: dict[str, int] = {}
    for number, row in records.rows:
        text = row.get(columns.input)
        if not isinstance(text, str) or not text.strip():
            problems.append(f"row {number}: {columns.input} is empty or no text")
            continue
        output = _read_output(row, columns, kinds)
        if isinstance(output, str):
            problems.append(f"row {number}: {output}")
            continue
        example_id = _cell(row, columns.id) or f"row-{number}"
        if example_id in used:
            problems.append(f"row {number}: the id {example_id!r} was used in row {used[example_id]}")
            continue
        used[example_id] = number
        side = str(row.get(columns.split, "")).lower() if columns.split else ""
        example = Example(example_id, text.strip(), output, group=_cell(row, columns.group) or None)
        labelled.append(LabelledRow(number, example, side or None))
    return labelled


def _choose_kinds(records: Records, columns: Columns, schema: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the kind of each output column: what the person's schema wants, else what its cells can be read as."""
    fields = (schema or {}).get("properties", {})
    return {
        name: "text"
        if takes_only_text(fields.get(name))
        else choose_kind([row.get(name) for _, row in records.rows], records.typed)
        for name in columns.outputs
    }


def _read_output(row: Mapping[str, Any], columns: Columns, kinds: Mapping[str, str]) -> dict[str, Any] | str:
    """Return the row's answer, or what is wrong with it."""
    values = {name: convert(row.get(name), kinds[name]) for name in columns.outputs}
    for name, value in values.items():
        if isinstance(value, Unreadable):
            return f"{name} is {str(row.get(name))[:SHOWN_CELL]!r}, which is no {kinds[name]}"
    first = columns.outputs[0]
    if len(columns.outputs) > 1 or kinds[first] != "object":
        return values
    return values[first] if isinstance(values[first], dict) else f"{first} is empty"


def _cell(row: Mapping[str, Any], column: str | None) -> str:
    """Return a cell as trimmed text; empty where there is no such column or value."""
    value = row.get(column) if column else None
    return "" if value is None else str(value).strip()
