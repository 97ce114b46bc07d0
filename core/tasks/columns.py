"""Which column of a person's rows is what, and the rows read by it as examples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.answers.view import view_schema
from core.errors import LabError
from core.tasks.cells import NULL, Kind, Unreadable, choose_kind, choose_kind_for, convert
from core.tasks.numerals import is_ambiguous
from core.tasks.records import Records
from core.tasks.rows.sides import FLAGS, name_side, read_flag
from core.values import Example

# Names of columns, in any case, the likelier first.
INPUTS = (
    "input",
    "text",
    "question",
    "prompt",
    "utterance",
    "sentence",
    "query",
    "cv",
    "document",
    "content",
    "review",
    "message",
    "body",
    "email",
    "ticket",
)
IDS = ("id", "_id", "uuid", "guid", "row_id", "example_id", "uid")
INDEXES = ("index", "idx", "level_0", "row", "no", "nr", "#")  # Left out where they number the rows.
GROUPS = ("group", "group_id", "conversation_id", "thread_id", "session_id")
SPLITS = ("split", "set", "subset", "partition", "fold", "data_split", "dataset_split", "phase")
OUTPUTS = ("output", "answer_json")
SAMPLE_ROWS = 200  # Enough to tell which column holds the longest texts.
KNOWN_SIDES = 0.9  # Share of a column's cells that must name a side for it to be the split.
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
        number: Of the row in the records.
        example: What it asks and expects.
        side: Where the file puts it: `train`, `test`, `validation`, or another word of its own.
    """

    number: int
    example: Example
    side: str | None


def guess_columns(records: Records, schema: Mapping[str, Any] | None = None) -> Columns:
    """Guess which column is what: by the form of the rows where it is known, by the schema, by names, by the length of texts.

    Raises:
        LabError: There is no column for the answer.
    """
    by_name = {name.lower().strip(): name for name in reversed(records.columns)}
    reading = records.reading

    def pick(names: Iterable[str]) -> str | None:
        return next((by_name[name] for name in names if name in by_name), None)

    fields = view_schema(schema).names if schema else {}
    id_column, group, split, output = pick(IDS), pick(GROUPS), _find_split(records, by_name), pick(OUTPUTS)
    if id_column and (id_column in fields or _repeats(records, id_column)):
        id_column = None
    special = {id_column, group, split} - set(reading.outputs)
    free = [name for name in records.columns if name not in special and not _is_index(records, name)]
    lengths = {name: sum(len(str(row.get(name) or "")) for _, row in records.rows[:SAMPLE_ROWS]) for name in free}
    by_length = max(free, key=lambda name: lengths[name], default=records.columns[0])
    source = reading.input or pick(name for name in INPUTS if by_name.get(name) not in fields) or by_length
    others = [name for name in free if name != source]
    wanted = [name for name in records.columns if name in fields and name != source]
    whole = [output] if output and output != source and output not in fields else []
    outputs = whole or wanted or list(reading.outputs) or others
    if not outputs:
        raise LabError(
            f"{records.origin} has no column for the answer beside {source!r}.", f"Its columns: {', '.join(records.columns)}."
        )
    kept = (None if name in outputs else name for name in (id_column, group, split))
    return Columns(source, tuple(outputs), *kept)


def _find_split(records: Records, by_name: Mapping[str, str]) -> str | None:
    """Return the column that says on which side a row is: by name and content, or by content alone."""
    named = [by_name[name] for name in SPLITS if name in by_name]
    for name in [*named, *(name for name in records.columns if name not in named)]:
        first = _name_sides(records.rows[:SAMPLE_ROWS], name)
        likely = bool(first) and first.count(None) <= (1 - KNOWN_SIDES) * len(first)
        if likely and len(set(_name_sides(records.rows, name)) - {None}) > 1:
            return name
    for name in FLAGS:
        if name in by_name:
            flags = {read_flag(row.get(by_name[name])) for _, row in records.rows}
            if flags == {"train", "test"}:
                return by_name[name]
    return named[0] if named and named[0].lower() == "split" else None


def _name_sides(rows: Sequence[tuple[int, Mapping[str, Any]]], column: str) -> list[str | None]:
    return [name_side(row[column]) for _, row in rows if row.get(column) not in (None, "")]


def _is_index(records: Records, name: str) -> bool:
    """Say whether a column counts the rows."""
    if name.lower().strip() not in INDEXES:
        return False
    cells = [str(row.get(name)).strip() for _, row in records.rows]
    return all(cell.isdecimal() for cell in cells) and len(set(cells)) == len(cells)


def _repeats(records: Records, name: str) -> bool:
    """Say whether a column's values come again too often for ids: they name something else, such as a customer."""
    cells = [_cell(row, name) for _, row in records.rows]
    named = [cell for cell in cells if cell]
    return len(named) - len(set(named)) > 0.1 * len(named)


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


def describe_columns(columns: Columns, records: Records) -> list[str]:
    """Say in sentences which columns are used for what, and name those that are not used."""
    joined = columns.input.split(" + ") if columns.input == records.reading.input else []
    used = {columns.input, *columns.outputs, columns.id, columns.group, columns.split, *joined}
    unused = [name for name in records.columns if name not in used]
    sentences = [f"Recognised: {records.reading.name}"] if columns.input == records.reading.input else []
    sentences += [f"Columns not used: {', '.join(unused)}"] if unused else []
    sentences += [f"Rows of one {columns.group!r} stay on one side of the split"] if columns.group else []
    return sentences


def read_examples(
    records: Records, columns: Columns, problems: list[str], schema: Mapping[str, Any] | None, notes: list[str] | None = None
) -> list[LabelledRow]:
    """Read rows as examples; what is wrong with a row is added to `problems`, and the row left out; choices join `notes`."""
    told = notes if notes is not None else []
    kinds = choose_kinds(records, columns, schema, told)
    labelled: list[LabelledRow] = []
    used: dict[str, int] = {}
    written = 0
    for number, row in records.rows:
        place = records.locate(number)
        text = row.get(columns.input)
        if isinstance(text, dict) and len(text) == 1 and isinstance(next(iter(text.values())), str):
            text = next(iter(text.values()))
        elif isinstance(text, dict | list) and text:
            text, written = json.dumps(text, ensure_ascii=False), written + 1
        elif isinstance(text, int | float) and not isinstance(text, bool):
            text = str(text)
        if not isinstance(text, str) or not text.strip():
            problems.append(f"{place}: {columns.input} is empty or no text")
            continue
        output = _read_output(row, columns, kinds, records.typed)
        if isinstance(output, str):
            problems.append(f"{place}: {output}")
            continue
        example_id = _cell(row, columns.id) or f"row-{number}"
        if example_id in used:
            problems.append(f"{place}: the id {example_id!r} was used in {records.locate(used[example_id])}")
            continue
        used[example_id] = number
        example = Example(example_id, text.strip(), output, group=_cell(row, columns.group) or None)
        labelled.append(LabelledRow(number, example, _read_side(row, columns.split)))
    if written:
        told.append(f"{columns.input}: {written} inputs are objects or lists; the model reads them as JSON")
    return labelled


def _read_side(row: Mapping[str, Any], split: str | None) -> str | None:
    if split is None:
        return None
    word = _cell(row, split)
    if split.lower().strip() in FLAGS and name_side(word) is None:
        return read_flag(row.get(split))
    return name_side(word) or word.lower() or None


def choose_kinds(
    records: Records, columns: Columns, schema: Mapping[str, Any] | None, notes: list[str]
) -> dict[str, Kind]:  # fmt: skip
    """Return the kind of each output column: what the person's schema wants, else what its cells can be read as."""
    fields = view_schema(schema).names if schema else {}
    cells = {name: [row.get(name) for _, row in records.rows] for name in columns.outputs}

    def choose(name: str, comma: bool) -> Kind:
        wanted = choose_kind_for(fields[name], cells[name], comma=comma) if name in fields else None
        return wanted or choose_kind(cells[name], records.typed, comma=comma)

    kinds = {name: choose(name, False) for name in columns.outputs}
    if any(kind.numeral is not None and kind.numeral.decimal == "," for kind in kinds.values()):
        # One decimal comma settles what `1.234` and `1,234` are in the other columns.
        kinds = {name: choose(name, True) for name in columns.outputs}
    for name, kind in kinds.items():
        texts = [cell for cell in cells[name] if isinstance(cell, str) and cell.strip()]
        empty = sum(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells[name])
        if empty and kind.nullable and not records.typed:
            notes.append(f"{name}: {empty} empty cells are read as null, which is no value")
        words = [cell for cell in texts if cell.strip().lower() in NULL] if kind.name not in ("text", "value") else []
        if words:
            notes.append(f"{name}: {len(words)} cells such as {words[0]!r} are read as null, which is no value")
        if kind.describe():
            notes.append(f"{name}: {kind.describe()}")
        elif kind.name == "text" and not records.typed and is_ambiguous(texts):
            notes.append(f"{name}: {texts[0]!r} can be a thousand or a fraction, so it stays a text")
        elif kind.name == "boolean" and texts:
            notes.append(f"{name}: {' and '.join(sorted(set(map(str.strip, texts)))[:4])} are read as true and false")
    return kinds


def _read_output(
    row: Mapping[str, Any], columns: Columns, kinds: Mapping[str, Kind], typed: bool
) -> dict[str, Any] | str:  # fmt: skip
    """Return the row's answer, or what is wrong with it."""
    values: dict[str, Any] = {}
    for name in columns.outputs:
        value = convert(row.get(name), kinds[name])
        if isinstance(value, Unreadable):
            return f"{name} is {str(row.get(name))[:SHOWN_CELL]!r}, which is no {kinds[name].name}"
        absent = value is None and (not kinds[name].nullable or (typed and name not in row))
        if not absent:
            values[name] = value
    first = columns.outputs[0]
    if len(columns.outputs) > 1:
        return values if values else "it has no answer"
    if kinds[first].name == "object":
        return values[first] if isinstance(values.get(first), dict) else f"{first} is empty"
    return values if values else f"{first} is empty"


def _cell(row: Mapping[str, Any], column: str | None) -> str:
    """Return a cell as trimmed text; empty where there is no such column or value."""
    value = row.get(column) if column else None
    return "" if value is None else str(value).strip()
