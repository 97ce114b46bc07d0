"""A task is a folder: instruction, schema, labelled examples, documents (DESIGN section 4)."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.answers.bounds import bound_outputs
from core.answers.validation import check_schema, validate
from core.answers.writing import order_properties
from core.errors import LabError
from core.settings import BUNDLED_TASKS, Settings
from core.storage import hash_json
from core.values import Evidence, Example

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
KEYS = {"id", "input", "output", "group", "slice", "evidence"}


@dataclass(frozen=True)
class Task:
    """A loaded task. `train` and `test` hold only examples whose form is right; `problems` names the others.

    `passage_tokens` is how long the passages of its documents are, where the default does not suit them.
    """

    name: str
    folder: Path
    title: str
    description: str
    instruction: str
    input_label: str
    primary_metric: str
    licence: str
    schema: Mapping[str, Any]
    shots: tuple[str, ...]
    train: tuple[Example, ...]
    test: tuple[Example, ...]
    problems: tuple[str, ...] = field(default=())
    passage_tokens: int | None = None

    @property
    def documents_folder(self) -> Path:
        """What retrieval reads; it may be absent."""
        return self.folder / "documents"

    @property
    def has_documents(self) -> bool:
        """Whether there is anything to retrieve from."""
        return self.documents_folder.is_dir() and any(path.is_file() for path in self.documents_folder.rglob("*"))

    @property
    def decoding_schema(self) -> dict[str, Any]:
        """What constrained decoding holds answers to: the schema, with texts and lists bounded by what training answers need."""
        return bound_outputs(self.schema, (example.output for example in self.train if example.output is not None))

    def hash_split(self, examples: tuple[Example, ...]) -> str:
        """Return a hash of what the examples ask and expect, their order included."""
        return hash_json([[example.input, order_properties(example.output, self.schema)] for example in examples])


def list_tasks(settings: Settings) -> list[Path]:
    """Return the folders of all tasks: the person's own first hide bundled ones of the same name."""
    found: dict[str, Path] = {}
    for parent in (BUNDLED_TASKS, settings.folder("tasks")):
        for path in sorted(parent.glob("*/task.toml")):
            found[path.parent.name] = path.parent
    return list(found.values())


def place_task(tasks: Path, name: str) -> Path:
    """Return where a new task of this name goes.

    Raises:
        LabError: The name is no name, or is taken.
    """
    if not NAME.fullmatch(name):
        raise LabError(f"{name!r} is no name for a task.", "Use small letters, digits and hyphens, at most 64.")
    if (tasks / name).exists() or (BUNDLED_TASKS / name).exists():
        raise LabError(f"There is a task {name!r} already.", "Choose another name; nothing was changed.")
    return tasks / name


def find_task(name: str, settings: Settings) -> Path:
    """Resolve a task's name or path to its folder.

    Raises:
        LabError: There is no such task; the known names are listed.
    """
    folders = {path.name: path for path in list_tasks(settings)}
    if name in folders:
        return folders[name]
    path = Path(name).expanduser()
    if (path / "task.toml").is_file():
        return path.resolve()
    if path.is_dir():
        raise LabError(f"{path} is no task: it has no task.toml.", "See tasks/README.md for the form of a task folder.")
    raise LabError(f"There is no task {name!r}.", f"Known tasks: {', '.join(folders) or 'none'}; or give a folder.")


def load_task(folder: Path, *, lenient: bool = False) -> Task:
    """Load a task folder.

    Args:
        folder: The folder with task.toml, schema.json, train.jsonl and test.jsonl.
        lenient: Keep the good examples and list the bad ones in `problems`, as `ragft check` does.

    Raises:
        LabError: Names file, line and field of what is wrong.
    """
    settings = _read_toml(folder / "task.toml")
    schema = _read_schema(folder / "schema.json")
    problems: list[str] = []
    train = tuple(_read_examples(folder / "train.jsonl", schema, problems))
    test = tuple(_read_examples(folder / "test.jsonl", schema, problems))
    if problems and not lenient:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise LabError(f"{problems[0]}{more}.", f"Run `ragft check {folder.name}` for the whole list.")
    if not test:
        raise LabError(f"{folder / 'test.jsonl'} has no usable example.", "A task needs at least one test example.")
    task = Task(
        name=folder.name,
        folder=folder,
        title=_text(settings, "title", folder),
        description=_text(settings, "description", folder),
        instruction=_text(settings, "instruction", folder),
        input_label=str(settings.get("input_label", "Question")),
        primary_metric=str(settings.get("primary_metric", "score")),
        licence=str(settings.get("licence", "unknown")),
        schema=schema,
        shots=_names(settings, "shots", folder),
        train=train,
        test=test,
        problems=tuple(problems),
        passage_tokens=_count(settings, "passage_tokens", folder),
    )
    _check_names(task)
    return task


def _check_names(task: Task) -> None:
    """Refuse a metric or a shot that names nothing."""
    known = ["score", *task.schema["properties"]]
    if task.primary_metric not in known:
        raise LabError(
            f"{task.folder / 'task.toml'}: primary_metric is {task.primary_metric!r}.", f"It must be one of {', '.join(known)}."
        )
    unknown = set(task.shots) - {example.id for example in task.train}
    if unknown and not task.problems:
        raise LabError(f"{task.folder / 'task.toml'}: shots names {sorted(unknown)[0]!r}.", "It must be an id in train.jsonl.")


def _text(settings: Mapping[str, Any], key: str, folder: Path) -> str:
    value = settings.get(key)
    if not isinstance(value, str) or not value.strip():
        raise LabError(f"{folder / 'task.toml'}: {key} is missing or empty.", f'Add a line {key} = "...".')
    return value.strip()


def _names(settings: Mapping[str, Any], key: str, folder: Path) -> tuple[str, ...]:
    value = settings.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise LabError(f"{folder / 'task.toml'}: {key} is {value!r}.", "It must be a list of ids.")
    return tuple(value)


def _count(settings: Mapping[str, Any], key: str, folder: Path) -> int | None:
    value = settings.get(key)
    if value is not None and not (isinstance(value, int) and value >= 16):
        raise LabError(f"{folder / 'task.toml'}: {key} is {value!r}.", "It must be a whole number of at least 16.")
    return value


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"Cannot read {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LabError(f"{path} is not valid TOML: {error}.") from error


def _read_schema(path: Path) -> dict[str, Any]:
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise LabError(f"{path} is not JSON: {error}.") from error
    check_schema(schema, origin=str(path))
    return dict(schema)


def _read_examples(path: Path, schema: Mapping[str, Any], problems: list[str]) -> Iterator[Example]:
    """Yield the good examples of a file and note the bad ones as `file:line: field: what`."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise LabError(f"Cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise LabError(f"{path} is not UTF-8: byte {error.start}.", "Save it as UTF-8.") from error
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            problems.append(f"{path}:{number}: not JSON: {error}")
            continue
        wrong = _row_problem(row, schema, seen)
        if wrong is not None:
            problems.append(f"{path}:{number}: {wrong}")
            continue
        seen[row["id"]] = number
        evidence = tuple(Evidence(item["document"], item["quote"]) for item in row.get("evidence", ()))
        yield Example(row["id"], row["input"], row["output"], row.get("group"), row.get("slice"), evidence)


def _row_problem(row: Any, schema: Mapping[str, Any], seen: Mapping[str, int]) -> str | None:
    """Return what is wrong with one row, field first, or None."""
    if not isinstance(row, dict):
        return f"the line is a {type(row).__name__}, not an object"
    for key in ("id", "input"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            return f"{key}: missing, empty or not a text"
    for key in ("group", "slice"):
        if not isinstance(row.get(key, ""), str):
            return f"{key}: must be a text"
    if row["id"] in seen:
        return f"id: {row['id']!r} was used on line {seen[row['id']]}"
    if unknown := set(row) - KEYS:
        return f"{sorted(unknown)[0]}: unknown field"
    evidence = row.get("evidence", [])
    if not isinstance(evidence, list) or not all(_is_evidence(item) for item in evidence):
        return 'evidence: must be a list of {"document": text, "quote": text}'
    if not isinstance(row.get("output"), dict):
        return "output: missing or not an object"
    issues = validate(row["output"], schema)
    return f"output{issues[0].pointer}: {issues[0].message}" if issues else None


def _is_evidence(item: Any) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(key), str) and item[key] for key in ("document", "quote"))
