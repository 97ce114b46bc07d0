"""A draft written as a task folder, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from core.answers.writing import order_properties
from core.errors import LabError
from core.storage import new_folder, write_text
from core.tasks.draft import Draft
from core.tasks.folders import place_task
from core.tasks.loading import load_task
from core.values import Example


@dataclass(frozen=True, slots=True)
class TaskTexts:
    """What a task tells people, and the model (the instruction)."""

    title: str
    instruction: str
    description: str = ""
    input_label: str = "Input"
    licence: str = "unknown"


def write_task(draft: Draft, tasks: Path, texts: TaskTexts, *, name: str, documents: Sequence[Path] = ()) -> Path:
    """Write a draft as the folder `name` under `tasks`, whole or not at all; existing tasks are never changed.

    Raises:
        LabError: The name is no name, it is taken, a text is empty, or there is no such document.
    """
    folder = place_task(tasks, name)
    for label, text in (("title", texts.title), ("instruction", texts.instruction)):
        if not text.strip():
            raise LabError(f"The {label} is empty.", "The model reads the instruction; people read the title.")
    files = _name_documents(documents)
    settings = {
        "title": texts.title,
        "description": texts.description or texts.title,
        "instruction": texts.instruction,
        "input_label": texts.input_label,
        "primary_metric": "score",
        "licence": texts.licence,
    }
    with new_folder(folder) as temporary:
        write_text(temporary / "task.toml", "".join(f"{key} = {_quote(value)}\n" for key, value in settings.items()))
        write_text(temporary / "schema.json", json.dumps(draft.schema, indent=2, ensure_ascii=False) + "\n")
        for split, examples in (("train", draft.train), ("test", draft.test)):
            write_text(temporary / f"{split}.jsonl", "".join(_to_line(example, draft.schema) for example in examples))
        for file, path in files.items():
            target = temporary / "documents" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        load_task(temporary)  # Nothing is put in place that could not be used.
    return folder


def _quote(text: str) -> str:
    """Write a text as a basic string of TOML, which is JSON's but for two things: no surrogates, and DEL is escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _name_documents(documents: Sequence[Path]) -> dict[str, Path]:
    """Return the files to copy by their paths below `documents`: of a folder those inside it, without hidden ones.

    Where two have one path, the second stands below the name of its own folder.

    Raises:
        LabError: There is no such file.
    """
    files: dict[str, Path] = {}
    for path in documents:
        if path.is_dir():
            inside = [item for item in sorted(path.rglob("*")) if item.is_file() and not _is_hidden(item.relative_to(path))]
            named = {item.relative_to(path).as_posix(): item for item in inside}
            above = path.resolve().name
        elif path.is_file():
            named, above = {path.name: path}, path.resolve().parent.name
        else:
            raise LabError(f"There is no document {path}.")
        if any(not file.samefile(files[name]) for name, file in named.items() if name in files):
            named = {f"{above}/{name}": file for name, file in named.items()}
        for name, file in named.items():
            files[_number_name(name, file, files)] = file
    return files


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "~$")) or part == "__MACOSX" for part in path.parts)


def _number_name(name: str, file: Path, files: Mapping[str, Path]) -> str:
    """Return a name that is free, or that the same file has already."""
    path, count = PurePosixPath(name), 2
    while name in files and not file.samefile(files[name]):
        name, count = path.with_name(f"{path.stem}-{count}{path.suffix}").as_posix(), count + 1
    return name


def _to_line(example: Example, schema: Mapping[str, Any]) -> str:
    # A field without a value is left out: `load_task` refuses a group that is null.
    row = {key: value for key, value in asdict(example).items() if value not in (None, (), {})}
    row["output"] = order_properties(example.output, schema)
    return json.dumps(row, ensure_ascii=False) + "\n"
