"""From a person's rows to a task folder: which column is what, what schema the answers have, who sits the exam."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from core.answers.validation import check_schema, validate
from core.answers.writing import order_properties
from core.errors import LabError
from core.storage import new_folder, write_text
from core.tasks.folders import place_task
from core.tasks.leakage import find_pairs, normalize
from core.tasks.loading import load_task
from core.tasks.records import Records
from core.tasks.schema_inference import infer_schema
from core.tasks.task import Task
from core.values import Example

INPUTS = ("input", "text", "question", "prompt", "utterance", "sentence", "query", "cv", "document", "content", "review")
IDS, GROUPS, SPLITS, OUTPUTS = ("id",), ("group", "group_id"), ("split",), ("output", "answer_json")
TRUE, FALSE, NULL = {"true", "yes"}, {"false", "no"}, {"", "null", "none", "n/a", "na"}
TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is what. One output column that holds JSON objects is the answer; others become its fields."""

    input: str
    outputs: tuple[str, ...]
    id: str | None = None
    group: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Draft:
    """A task that is not written yet.

    Args:
        columns: How the rows were read.
        schema: Inferred from the answers, or the person's own.
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


def guess_columns(records: Records) -> Columns:
    """Guess which column is what, by names first, then by the length of texts.

    Raises:
        LabError: There is no column for the answer.
    """
    by_name = {name.lower(): name for name in records.columns}

    def pick(names: Sequence[str]) -> str | None:
        return next((by_name[name] for name in names if name in by_name), None)

    identity, group, split, output = pick(IDS), pick(GROUPS), pick(SPLITS), pick(OUTPUTS)
    special = {identity, group, split}
    free = [name for name in records.columns if name not in special]
    lengths = {name: sum(len(str(row.get(name) or "")) for _, row in records.rows[:200]) for name in free}
    source = pick(INPUTS) or max(free, key=lambda name: lengths[name], default=records.columns[0])
    chosen = (output,) if output and output != source else tuple(name for name in free if name != source)
    if not chosen:
        raise LabError(
            f"{records.origin} has no column for the answer beside {source!r}.", f"Its columns: {', '.join(records.columns)}."
        )
    return Columns(source, chosen, identity, group, split)


def draft_task(
    records: Records,
    columns: Columns | None = None,
    *,
    schema: Mapping[str, Any] | None = None,
    train: int | None = None,
    test: int | None = None,
) -> Draft:
    """Read rows as examples, infer the schema unless one is given, and split by group.

    The split is a function of each group's name alone: a row keeps its side when others come or go. With `test`
    or `train` the groups first in the order of their hashes are taken until the numbers are reached. A training
    example too like a test example is left out of train.

    Raises:
        LabError: A column does not exist, fewer than two groups are usable, or the schema is none.
    """
    columns = columns or guess_columns(records)
    _check_columns(columns, records)
    problems, notes = list(records.problems), list(records.notes)
    examples, sides = _read_examples(records, columns, problems, schema)
    if not examples:
        raise LabError(
            f"{records.origin} has no usable row. The first problem: {problems[0]}.", "Mend the rows, or choose other columns."
        )
    schema = schema if schema is not None else infer_schema([example.output or {} for example in examples])
    check_schema(schema, origin="The schema")
    valid = []
    numbers = {example.id: number for example, (number, _) in zip(examples, sides, strict=True)}
    for example in examples:
        issues = validate(example.output, schema)
        if issues:
            problems.append(f"row {numbers[example.id]}: output{issues[0].pointer}: {issues[0].message}")
        else:
            valid.append(example)
    given = {example.id: side for example, (_, side) in zip(examples, sides, strict=True) if side}
    if not valid:
        raise LabError(
            f"No row is valid under the schema. The first problem: {problems[0]}.", "Change the schema or the columns."
        )
    learn, exam = _split(valid, given, notes, train=train, test=test)
    if not learn or not exam:
        raise LabError(
            f"{len(valid)} usable rows in {len({_group(item) for item in valid})} groups cannot be split into train and test.",
            "Give at least two rows with different inputs (or groups).",
        )
    pairs = find_pairs(learn, exam)
    alike = {pair.train for pair in pairs}
    if alike:
        notes.append(
            f"{len(alike)} training rows too like a test row were left out of train (first: {pairs[0].train} and {pairs[0].test})"
        )
    learn = [example for example in learn if example.id not in alike]
    if not learn:
        raise LabError("Every training row is too like a test row.", "Give more different rows, or a group column.")
    return Draft(columns, schema, tuple(learn), tuple(exam), tuple(problems), tuple(notes))


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


def write_task(
    draft: Draft,
    tasks: Path,
    *,
    name: str,
    title: str,
    instruction: str,
    description: str = "",
    input_label: str = "Input",
    licence: str = "unknown",
    documents: Sequence[Path] = (),
) -> Path:
    """Write a draft as the folder `name` under `tasks`, whole or not at all; existing tasks are never changed.

    Raises:
        LabError: The name is no name, it is taken, a text is empty, or two documents have one name.
    """
    folder = place_task(tasks, name)
    for label, text in (("title", title), ("instruction", instruction)):
        if not text.strip():
            raise LabError(f"The {label} is empty.", "The model reads the instruction; people read the title.")
    files = _name_documents(documents)
    settings = {
        "title": title, "description": description or title, "instruction": instruction, "input_label": input_label,
        "primary_metric": "score", "licence": licence,
    }  # fmt: skip
    with new_folder(folder) as temporary:
        write_text(temporary / "task.toml", "".join(f"{key} = {_quote(value)}\n" for key, value in settings.items()))
        write_text(temporary / "schema.json", json.dumps(draft.schema, indent=2, ensure_ascii=False) + "\n")
        for split, examples in (("train", draft.train), ("test", draft.test)):
            write_text(temporary / f"{split}.jsonl", "".join(_to_line(example, draft.schema) for example in examples))
        if files:
            (temporary / "documents").mkdir()
            for file, path in files.items():
                shutil.copyfile(path, temporary / "documents" / file)
        load_task(temporary)  # Nothing is put in place that could not be used.
    return folder


def _quote(text: str) -> str:
    """Write a text as a basic string of TOML, which is JSON's but for two things: no surrogates, and DEL is escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _name_documents(documents: Sequence[Path]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in documents:
        for file in sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]:
            if not file.is_file():
                raise LabError(f"There is no document {file}.")
            if file.name in files:
                raise LabError(f"Two documents are named {file.name!r}.", "Rename one.")
            files[file.name] = file
    return files


def _to_line(example: Example, schema: Mapping[str, Any]) -> str:
    row = {key: value for key, value in asdict(example).items() if value not in (None, ())}
    row["output"] = order_properties(example.output, schema)
    return json.dumps(row, ensure_ascii=False) + "\n"


def _check_columns(columns: Columns, records: Records) -> None:
    for name in (columns.input, *columns.outputs, columns.id, columns.group, columns.split):
        if name is not None and name not in records.columns:
            raise LabError(f"{records.origin} has no column {name!r}.", f"Its columns: {', '.join(records.columns)}.")
    if columns.input in columns.outputs:
        raise LabError(f"The column {columns.input!r} cannot be input and output.", "Choose another output column.")


def _read_examples(
    records: Records, columns: Columns, problems: list[str], schema: Mapping[str, Any] | None
) -> tuple[list[Example], list[tuple[int, str | None]]]:
    """Read rows as examples, and for each its row number and the side that the file gives it."""
    fields = (schema or {}).get("properties", {})
    kinds = {
        name: "text"
        if _wants_text(fields.get(name))
        else _choose_kind([row.get(name) for _, row in records.rows], records.typed)
        for name in columns.outputs
    }
    whole = len(columns.outputs) == 1 and kinds[columns.outputs[0]] == "object"
    examples: list[Example] = []
    sides: list[tuple[int, str | None]] = []
    used: dict[str, int] = {}
    for number, row in records.rows:
        text = row.get(columns.input)
        if not isinstance(text, str) or not text.strip():
            problems.append(f"row {number}: {columns.input} is empty or no text")
            continue
        values = {name: _convert(row.get(name), kinds[name]) for name in columns.outputs}
        wrong = [name for name, value in values.items() if isinstance(value, _Unreadable)]
        if wrong:
            problems.append(f"row {number}: {wrong[0]} is {str(row.get(wrong[0]))[:40]!r}, which is no {kinds[wrong[0]]}")
            continue
        output = values[columns.outputs[0]] if whole else values
        if not isinstance(output, dict):
            problems.append(f"row {number}: {columns.outputs[0]} is empty")
            continue
        identity = _cell(row, columns.id) or f"row-{number}"
        if identity in used:
            problems.append(f"row {number}: the id {identity!r} was used in row {used[identity]}")
            continue
        used[identity] = number
        group = _cell(row, columns.group) or None
        examples.append(Example(identity, text.strip(), output, group=group))
        side = str(row.get(columns.split, "")).lower() if columns.split else ""
        sides.append((number, side or None))
    return examples, sides


def _cell(row: Mapping[str, Any], column: str | None) -> str:
    """Return a cell as trimmed text; empty where there is no such column or value."""
    value = row.get(column) if column else None
    return "" if value is None else str(value).strip()


class _Unreadable:
    """A cell that is not of its column's kind."""


def _wants_text(field: Any) -> bool:
    """Whether the person's schema takes nothing but texts for a field, so that "1" and "yes" stay texts."""
    if not isinstance(field, dict):
        return False
    return field.get("type") == "string" or ("enum" in field and all(isinstance(value, str) for value in field["enum"]))


def _choose_kind(cells: Sequence[Any], typed: bool) -> str:
    """Return what nearly all cells of a column are: JSON values as they are, texts by what they can be read as."""
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip().lower() not in NULL]
    if len(texts) < len([cell for cell in cells if cell is not None and cell != ""]) / 2:
        return "object" if sum(isinstance(cell, dict) for cell in cells) > len(cells) / 2 else "value"
    for kind in ("object",) if typed else ("boolean", "integer", "number", "object", "list"):
        readable = sum(not isinstance(_convert(text, kind), _Unreadable) for text in texts[:1000])
        if texts and readable >= 0.9 * min(len(texts), 1000):
            return kind
    return "value" if typed else "text"


def _convert(cell: Any, kind: str) -> Any:
    """Read a cell as a value of a kind; empty cells are null, values that are JSON already stay."""
    if not isinstance(cell, str) or kind == "value":
        return cell
    text = cell.strip()
    if kind == "text":
        return text or None
    if text.lower() in NULL:
        return None
    if kind == "boolean":
        return True if text.lower() in TRUE else False if text.lower() in FALSE else _Unreadable()
    if kind in ("integer", "number"):
        pattern = r"[+-]?\d{1,15}" if kind == "integer" else r"[+-]?(\d{1,15}(\.\d+)?|\.\d+)(e[+-]?\d{1,2})?"
        if not re.fullmatch(pattern, text, re.IGNORECASE) or re.match(r"[+-]?0\d", text):
            return _Unreadable()
        return int(text) if kind == "integer" else float(text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _Unreadable()
    return value if isinstance(value, dict if kind == "object" else list) else _Unreadable()


def _group(example: Example) -> str:
    return example.group if example.group is not None else normalize(example.input)


def _split(
    examples: Sequence[Example], given: Mapping[str, str], notes: list[str], *, train: int | None, test: int | None
) -> tuple[list[Example], list[Example]]:
    """Split by whole groups: as the file says, else by the hash of the group's name; notes what is moved or unused."""
    groups: dict[str, list[Example]] = {}
    for item in sorted(examples, key=lambda item: _position(_group(item))):
        groups.setdefault(_group(item), []).append(item)
    chosen = _choose_given(groups, given, notes) if "test" in given.values() else _choose_hashed(groups, test)
    learn = [item for name, members in groups.items() if name not in chosen for item in members]
    exam = [item for name in chosen for item in groups[name]]
    unused = [item for item in learn if given.get(item.id, "train") not in ("train", "test")]
    if unused and "test" in given.values():
        learn = [item for item in learn if item not in unused]
        notes.append(f"{len(unused)} rows marked {given[unused[0].id]!r} are used on neither side")
    for side, found, wanted in (("training", learn, train), ("test", exam, test)):
        if wanted is not None and len(found) > wanted:
            notes.append(f"{len(found) - wanted} rows are not used, because {wanted} {side} rows are wanted")
    return learn[:train], exam[:test]


def _choose_given(groups: Mapping[str, list[Example]], given: Mapping[str, str], notes: list[str]) -> list[str]:
    """Return the groups with a row that the file marks for the test; other rows of theirs move there too."""
    chosen = [name for name, members in groups.items() if any(given.get(item.id) == "test" for item in members)]
    moved = sum(given.get(item.id) != "test" for name in chosen for item in groups[name])
    if moved:
        notes.append(f"{moved} rows not marked as test belong to a group (or an input) that is, and moved to the test")
    return chosen


def _choose_hashed(groups: Mapping[str, list[Example]], test: int | None) -> list[str]:
    """Return the groups first in the order of their hashes: whole ones, as many as the number of rows allows."""
    if test is None:
        return [name for name in groups if _position(name) < TEST_SHARE] or list(groups)[:1]
    chosen: list[str] = []
    room = test
    for name, members in groups.items():
        if len(members) <= room:
            chosen.append(name)
            room -= len(members)
    return chosen or [min(groups, key=lambda name: len(groups[name]))]


def _position(group: str) -> float:
    """Return a number from 0 to 1 that depends on the group's name only."""
    return int.from_bytes(blake2b(group.encode(), digest_size=8).digest()) / 2**64
