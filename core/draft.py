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

from core.errors import LabError
from core.leakage import find_pairs, normalize
from core.records import Records
from core.schema import check_schema, order_properties, validate
from core.storage import new_folder, write_text
from core.task import Task, place_task
from core.values import Example

INPUTS = ("input", "text", "question", "prompt", "utterance", "sentence", "query", "cv", "document", "content", "review")
IDS, GROUPS, SPLITS, OUTPUTS = ("id",), ("group", "group_id"), ("split",), ("output", "answer_json")
TRUE, FALSE, NULL = {"true", "yes"}, {"false", "no"}, {"", "null", "none", "n/a", "na"}
MAX_ENUM, TEST_SHARE, MAX_FIELDS = 100, 0.2, 60


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
    examples, sides = _read_examples(records, columns, problems)
    if not examples:
        raise LabError(
            f"{records.origin} has no usable row. The first problem: {problems[0]}.", "Mend the rows, or choose other columns."
        )
    if schema is None:
        schema = infer_schema([example.output or {} for example in examples])
    else:
        check_schema(schema, origin="the schema")
    valid = []
    numbers = {example.id: number for example, (number, _) in zip(examples, sides, strict=True)}
    for example in examples:
        issues = validate(example.output, schema)
        if issues:
            problems.append(f"row {numbers[example.id]}: output{issues[0].pointer}: {issues[0].message}")
        else:
            valid.append(example)
    given = {example.id: side for example, (_, side) in zip(examples, sides, strict=True) if side}
    learn, exam = _split(valid, given, train=train, test=test)
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


def infer_schema(outputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Infer a closed schema: types by genson, texts with few values that come back as `enum`.

    Raises:
        LabError: There are more fields than a model could answer.
    """
    from genson import SchemaBuilder

    builder = SchemaBuilder(schema_uri="https://json-schema.org/draft/2020-12/schema")
    for output in outputs:
        builder.add_object(dict(output))
    found: dict[str, Any] = builder.to_schema()
    order = list(dict.fromkeys(name for output in outputs for name in output))
    if len(order) > MAX_FIELDS:
        raise LabError(
            f"The answers have {len(order)} fields (first: {', '.join(order[:5])}).", f"Choose at most {MAX_FIELDS} columns."
        )
    schema = {**_close(found, list(outputs)), "properties": {name: found["properties"][name] for name in order}}
    return schema


def _close(node: dict[str, Any], values: list[Any]) -> dict[str, Any]:
    """Refuse unknown fields, and turn texts that repeat into enums, at every level; changes the node."""
    objects = [value for value in values if isinstance(value, dict)]
    if "properties" in node:
        node["additionalProperties"] = False
        for name, child in node["properties"].items():
            _close(child, [value[name] for value in objects if name in value])
    if isinstance(node.get("items"), dict):
        _close(node["items"], [item for value in values if isinstance(value, list) for item in value])
    kinds = node.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds or []
    if "string" in kinds and set(kinds) <= {"string", "null"}:
        texts = [value for value in values if isinstance(value, str)]
        distinct = sorted(set(texts))
        if len(distinct) <= MAX_ENUM and len(texts) >= 3 * len(distinct):
            del node["type"]
            node["enum"] = distinct + ([None] if "null" in kinds else [])
    return node


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
        write_text(temporary / "task.toml", "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
        write_text(temporary / "schema.json", json.dumps(draft.schema, indent=2, ensure_ascii=False) + "\n")
        for split, examples in (("train", draft.train), ("test", draft.test)):
            write_text(temporary / f"{split}.jsonl", "".join(_to_line(example, draft.schema) for example in examples))
        if files:
            (temporary / "documents").mkdir()
            for file, path in files.items():
                shutil.copyfile(path, temporary / "documents" / file)
    return folder


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
    records: Records, columns: Columns, problems: list[str]
) -> tuple[list[Example], list[tuple[int, str | None]]]:
    """Read rows as examples, and for each its row number and the side that the file gives it."""
    kinds = {name: _choose_kind([row.get(name) for _, row in records.rows]) for name in columns.outputs}
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
        identity = str(row[columns.id]).strip() if columns.id and row.get(columns.id) not in (None, "") else f"row-{number}"
        if identity in used:
            problems.append(f"row {number}: the id {identity!r} was used in row {used[identity]}")
            continue
        used[identity] = number
        group = str(row[columns.group]) if columns.group and row.get(columns.group) not in (None, "") else None
        examples.append(Example(identity, text.strip(), output, group=group))
        side = str(row.get(columns.split, "")).lower() if columns.split else ""
        sides.append((number, "test" if side.startswith("test") else "train" if side.startswith("train") else None))
    return examples, sides


class _Unreadable:
    """A cell that is not of its column's kind."""


def _choose_kind(cells: Sequence[Any]) -> str:
    """Return what nearly all cells of a column are: JSON values as they are, texts by what they can be read as."""
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip().lower() not in NULL]
    if len(texts) < len([cell for cell in cells if cell is not None and cell != ""]) / 2:
        return "object" if sum(isinstance(cell, dict) for cell in cells) > len(cells) / 2 else "value"
    for kind in ("boolean", "integer", "number", "object", "list"):
        readable = sum(not isinstance(_convert(text, kind), _Unreadable) for text in texts[:1000])
        if texts and readable >= 0.9 * min(len(texts), 1000):
            return kind
    return "text"


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
    examples: Sequence[Example], given: Mapping[str, str], *, train: int | None, test: int | None
) -> tuple[list[Example], list[Example]]:
    """Split by group: as the file says, else by the hash of the group's name."""
    if any(side == "test" for side in given.values()):
        exam_groups = {_group(item) for item in examples if given.get(item.id) == "test"}
        learn = [item for item in examples if _group(item) not in exam_groups]
        exam = [item for item in examples if _group(item) in exam_groups]
        return learn[:train], exam[:test]
    ranked = sorted(examples, key=lambda item: _position(_group(item)))
    exam = ranked[:test]
    if test is None:
        exam = [item for item in ranked if _position(_group(item)) < TEST_SHARE] or ranked[:1]
    exam_groups = {_group(item) for item in exam}
    learn = [item for item in ranked if _group(item) not in exam_groups]
    return learn[:train], exam


def _position(group: str) -> float:
    """Return a number from 0 to 1 that depends on the group's name only."""
    return int.from_bytes(blake2b(group.encode(), digest_size=8).digest()) / 2**64
