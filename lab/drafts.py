"""What the page and the command line share about making a task of a person's own rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.settings import Settings
from core.tasks.check import check_task
from core.tasks.columns import Columns, guess_columns
from core.tasks.draft import Draft, preview_task
from core.tasks.records import Records
from lab.leaks import read_new_documents

SHOWN = 20


def choose_columns(records: Records, *, source: str | None, outputs: Sequence[str], group: str | None) -> Columns:
    """Return the columns that the person names, the others guessed; an empty `group` means none."""
    guessed = guess_columns(records)
    columns = replace(guessed, input=source or guessed.input, group=guessed.group if group is None else group or None)
    if outputs:
        identity, together, split = (None if name in outputs else name for name in (columns.id, columns.group, columns.split))
        return replace(columns, outputs=tuple(outputs), id=identity, group=together, split=split)
    special = {columns.input, columns.id, columns.group, columns.split}
    if set(guessed.outputs) & special:
        columns = replace(columns, outputs=tuple(name for name in records.columns if name not in special))
    return columns


def default_instruction(source: str) -> str:
    """Return what the model is told where the person says nothing."""
    return f"Read the {source.lower()} and answer with its record."


def read_schema(path: Path) -> dict[str, Any]:
    """Read a JSON Schema that a person gives.

    Raises:
        LabError: It cannot be read or is not JSON.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise LabError(f"Cannot read the schema {path}: {error}.") from error


def describe_draft(
    draft: Draft, settings: Settings, *, name: str, instruction: str, documents: Sequence[Path] = ()
) -> dict[str, Any]:  # fmt: skip
    """Return the data report: lengths, labels, bad rows, duplicates, leakage; what was assumed; columns and schema.

    Raises:
        LabError: A path among the documents leads nowhere.
    """
    task = preview_task(draft, name=name, instruction=instruction, input_label=draft.columns.input.capitalize())
    read, unread = read_new_documents(documents) if documents else (None, [])
    report = check_task(task, load_task_tokenizer(settings), read, unread)
    return {
        **report,
        "problems": list(draft.problems[:SHOWN]),
        "notes": list(draft.notes),
        "columns": asdict(draft.columns),
        "schema": dict(draft.schema),
    }


def load_task_tokenizer(settings: Settings) -> Any | None:
    """Return the model's tokenizer, or None while no model is here."""
    from core.generation.loading import load_tokenizer
    from core.generation.models import find_model

    try:
        return load_tokenizer(find_model(settings))
    except LabError:
        return None
