"""From a task folder to a `Task`: what is wrong in it is named by file, line and field."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.answers.intake import parse_schema
from core.answers.parsing import load_json
from core.answers.validation import validate
from core.errors import LabError
from core.evaluation.rules import check_rules, list_marked
from core.tasks.accepted import find_accept_problem
from core.tasks.prompting import read_prompting
from core.tasks.task import Task
from core.values import Evidence, Example

KEYS = {
    "id",
    "input",
    "output",
    "group",
    "slice",
    "evidence",
    "accept",
}  # Of a row; another key is a slip that would go unseen.
LEAST_PASSAGE = 16  # Tokens; shorter passages hold no sentence.


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
        raise _no_example(folder)
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
        prompting=read_prompting(settings, folder / "task.toml"),
        train=train,
        test=test,
        problems=tuple(problems),
        passage_tokens=_count(settings, "passage_tokens", folder),
        margins=_margins(settings, schema, folder),
        tuned=_table(settings, "tuned", folder),
    )
    _check_names(task)
    return task


def read_title(folder: Path) -> str:
    """Return the title of a task that can be used, at a hundredth of what loading it takes: one test row is read.

    Raises:
        LabError: Names what makes it unusable: task.toml, schema.json, or no usable example.
    """
    settings, schema = _read_toml(folder / "task.toml"), _read_schema(folder / "schema.json")
    if next(_read_examples(folder / "test.jsonl", schema, []), None) is None:
        raise _no_example(folder)
    return _text(settings, "title", folder)


def _no_example(folder: Path) -> LabError:
    return LabError(f"{folder / 'test.jsonl'} has no usable example.", "A task needs at least one test example.")


def _check_names(task: Task) -> None:
    """Refuse a metric or a shot that names nothing."""
    metrics = ["score", *list_marked(task.schema)]
    if task.primary_metric not in metrics:
        raise LabError(
            f"{task.folder / 'task.toml'}: primary_metric is {task.primary_metric!r}.",
            f"It must be one of {', '.join(metrics)}.",
        )
    unknown = set(task.shots) - {example.id for example in task.train}
    if unknown and not task.problems:  # The example may be one of the bad rows, which are told already.
        raise LabError(f"{task.folder / 'task.toml'}: shots names {sorted(unknown)[0]!r}.", "It must be an id in train.jsonl.")


def _text(settings: Mapping[str, Any], key: str, folder: Path) -> str:
    value = settings.get(key)
    if not isinstance(value, str) or not value.strip():
        raise LabError(f"{folder / 'task.toml'}: {key} is missing or empty.", f'Add a line {key} = "...".')
    return value.strip()


def _names(settings: Mapping[str, Any], key: str, folder: Path) -> tuple[str, ...]:
    value = settings.get(key, [])
    if not isinstance(value, list):  # A number: which ones is drawn (`core/tasks/prompting.py`, which refuses all else).
        return ()
    if not all(isinstance(item, str) for item in value):
        raise LabError(f"{folder / 'task.toml'}: {key} is {value!r}.", "It must be a list of ids.")
    return tuple(value)


def _count(settings: Mapping[str, Any], key: str, folder: Path) -> int | None:
    value = settings.get(key)
    if value is not None and not (isinstance(value, int) and value >= LEAST_PASSAGE):
        raise LabError(
            f"{folder / 'task.toml'}: {key} is {value!r}.", f"It must be a whole number of at least {LEAST_PASSAGE}."
        )
    return value


def _margins(settings: Mapping[str, Any], schema: Mapping[str, Any], folder: Path) -> dict[str, float]:
    """Read `margin`: one number for the primary metric, or a table with a number for each metric."""
    value = settings.get("margin", {})
    margins = value if isinstance(value, dict) else {str(settings.get("primary_metric", "score")): value}
    metrics = ["score", "exact", *list_marked(schema)]
    for metric, margin in margins.items():
        if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 < margin < 1:
            raise LabError(f"{folder / 'task.toml'}: margin of {metric} is {margin!r}.", "It must be a number between 0 and 1.")
        if isinstance(value, dict) and metric not in metrics:
            raise LabError(f"{folder / 'task.toml'}: margin names {metric!r}.", f"It must be one of {', '.join(metrics)}.")
    return {metric: float(margin) for metric, margin in margins.items()}


def _table(settings: Mapping[str, Any], key: str, folder: Path) -> dict[str, Any]:
    value = settings.get(key, {})
    try:
        plain = json.loads(json.dumps(value, allow_nan=False))  # It is kept in runs, so it must be JSON: TOML's dates are not.
    except (TypeError, ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict):
        raise LabError(f"{folder / 'task.toml'}: {key} is no table that JSON can hold.", "It must be texts, numbers and lists.")
    return plain


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"Cannot read {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LabError(f"{path} is not valid TOML: {error}.") from error
    except RecursionError as error:
        raise LabError(
            f"{path} is nested too deeply to be read.", "Its values are texts, numbers and lists of them."
        ) from error


def _read_schema(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LabError(f"Cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise LabError(f"{path} is not UTF-8: byte {error.start}.", "Save it as UTF-8.") from error
    schema = parse_schema(text, origin=str(path))
    check_rules(schema, origin=str(path))
    return schema


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
        twice: list[str] = []
        try:
            row = load_json(line, duplicates=twice)
        except (ValueError, RecursionError) as error:
            problems.append(f"{path}:{number}: not JSON: {error}")
            continue
        wrong = f"{twice[0]}: the key stands twice in one object" if twice else _row_problem(row, schema, seen)
        if wrong is not None:
            problems.append(f"{path}:{number}: {wrong}")
            continue
        seen[row["id"]] = number
        evidence = tuple(Evidence(item["document"], item["quote"]) for item in row.get("evidence", ()))
        yield Example(
            row["id"], row["input"], row["output"], row.get("group"), row.get("slice"), evidence, row.get("accept", {})
        )


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
    return f"output{issues[0].pointer}: {issues[0].message}" if issues else find_accept_problem(row, schema)


def _is_evidence(item: Any) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(key), str) and item[key] for key in ("document", "quote"))
