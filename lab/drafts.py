"""What the page and the command line share about making a task of a person's own rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.answers.intake import parse_schema
from core.answers.writing import serialize
from core.comparison.prompts import build_prompt
from core.errors import LabError
from core.settings import Settings
from core.tasks.check import check_task
from core.tasks.columns import Columns, guess_columns
from core.tasks.draft import Draft, preview_task
from core.tasks.records import Records
from core.tasks.task import Task
from lab.leaks import read_new_documents

SHOWN = 20
PREVIEWED = 5  # Rows shown as they were understood.


def choose_columns(
    records: Records,
    *,
    source: str | None,
    outputs: Sequence[str],
    group: str | None,
    schema: Mapping[str, Any] | None = None,
) -> Columns:
    """Return the columns that the person names, the others guessed; an empty `group` means none."""
    guessed = guess_columns(records, schema)
    columns = replace(guessed, input=source or guessed.input, group=guessed.group if group is None else group or None)
    if outputs:
        identity, together, split = (None if name in outputs else name for name in (columns.id, columns.group, columns.split))
        return replace(columns, outputs=tuple(outputs), id=identity, group=together, split=split)
    special = {columns.input, columns.id, columns.group, columns.split}
    if set(guessed.outputs) & special:
        columns = replace(columns, outputs=tuple(name for name in records.columns if name not in special))
    return columns


def default_instruction(draft: Draft) -> str:
    """Return what the model is told where the person says nothing: what the rows tell it, else a plain sentence."""
    return draft.instruction or f"Read the {draft.input_label.lower()} and answer with its record."


def read_schema(path: Path) -> dict[str, Any]:
    """Read a JSON Schema that a person gives.

    Raises:
        LabError: It cannot be read or is no schema of an object.
    """
    try:
        return parse_schema(path.read_text(encoding="utf-8-sig"), origin=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"Cannot read the schema {path}: {error}.") from error


def describe_draft(
    draft: Draft, settings: Settings, *, name: str, instruction: str, documents: Sequence[Path] = ()
) -> dict[str, Any]:  # fmt: skip
    """Return the data report: lengths, labels, bad rows, duplicates, leakage; what was assumed; columns, schema, a preview.

    Raises:
        LabError: A path among the documents leads nowhere.
    """
    task = preview_task(draft, name=name, instruction=instruction)
    read, unread = read_new_documents(documents) if documents else (None, [])
    tokenizer = load_task_tokenizer(settings)
    report = check_task(task, tokenizer, read, unread)
    return {
        **report,
        "problems": list(draft.problems[:SHOWN]),
        "notes": list(draft.notes),
        "columns": asdict(draft.columns),
        "schema": dict(draft.schema),
        "rows": _preview_rows(draft),
        "prompt": _preview_prompt(task, tokenizer),
    }


def _preview_rows(draft: Draft) -> list[dict[str, Any]]:
    """Return a few examples as they were understood, of both sides."""
    exam = draft.test[: PREVIEWED // 2]
    sides = [("train", item) for item in draft.train[: PREVIEWED - len(exam)]] + [("test", item) for item in exam]
    return [{"side": side, "id": item.id, "input": item.input, "output": item.output} for side, item in sides]


def _preview_prompt(task: Task, tokenizer: Any | None) -> str:
    """Return the prompt of a training row as the model reads it, and the answer that it should give."""
    from core.generation.chat import encode_prompt

    example = task.train[0]
    messages = build_prompt(task, example.input)
    answer = serialize(example.output, task.schema)
    if tokenizer is None:  # No model is here yet, so that its own marks between turns are not known.
        return "\n\n".join([f"[{message.role}]\n{message.content}" for message in messages] + [f"[assistant]\n{answer}"])
    return str(tokenizer.decode(encode_prompt(tokenizer, messages))) + answer


def load_task_tokenizer(settings: Settings) -> Any | None:
    """Return the model's tokenizer, or None while no model is here."""
    from core.generation.loading import load_tokenizer
    from core.generation.models import find_model

    try:
        return load_tokenizer(find_model(settings))
    except LabError:
        return None
