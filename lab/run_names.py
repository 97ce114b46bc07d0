"""What people call a run and write beside it, and which run of a task others are measured against.

A run never changes. What people say of it does, and lies in files of its own beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from core.comparison.arms import find_title
from core.comparison.runs import Run, load_run
from core.errors import LabError
from core.settings import DEFAULT_MODEL, Settings
from core.storage import child, write_json
from core.stored import Stored, read_stored

LABELS = "run-labels"  # Folders of the home.
PINS = "pinned-runs"
LONGEST_NAME = 120  # Characters; a name is a line.
LONGEST_NOTE = 20_000
REMEDY = "Delete it: the run itself is not affected."
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
FEW = 2  # Approaches that are named; more are counted.


@dataclass(frozen=True, slots=True)
class RunLabel(Stored):
    """What a person says of a run.

    Args:
        name: What they call it; empty leaves the name that says what was compared.
        note: What they want to remember of it.
    """

    name: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pin(Stored):
    """The run of a task that others are measured against."""

    run: str


def name_run(run: Run, label: RunLabel | None = None) -> str:
    """Return what people call a run: the name they gave it, else task, approaches, items, model where it is not the usual one, and day."""
    if label is not None and label.name:
        return label.name
    config = run.config
    title = str(config.get("title") or run.task.replace("-", " ").capitalize())
    parts = [_name_arms(list(config.get("arms") or run.summary.get("arms", {}))), _count_items(config)]
    model = Path(str((config.get("generator") or {}).get("model", ""))).name
    if model not in ("", DEFAULT_MODEL):
        parts.append(model)
    return f"{title}: {', '.join([*parts, write_day(run.created)])}"


def write_day(moment: str, *, clock: bool = False) -> str:
    """Return a moment as people write it, 26 Nov; the text itself where it is none."""
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return f"{when.day} {when:%b} {when:%H:%M}" if clock else f"{when.day} {when:%b}"


def _name_arms(names: list[str]) -> str:
    if len(names) <= FEW:
        return " and ".join(map(find_title, names)) or "no approach"
    return f"{NUMBERS[len(names)] if len(names) < len(NUMBERS) else len(names)} approaches"


def _count_items(config: Mapping[str, Any]) -> str:
    count = len(config.get("items", ()))
    unit = "question" if config.get("input_label") == "Question" else "item"
    return f"{count} {unit}{'' if count == 1 else 's'}"


def read_label(settings: Settings, run_id: str) -> RunLabel:
    """Return what a person says of a run; an empty label where they said nothing.

    Raises:
        LabError: It is damaged.
    """
    path = _find_label(settings, run_id)
    return read_stored(RunLabel, path, remedy=REMEDY) if path.is_file() else RunLabel()


def rename_run(settings: Settings, run_id: str, name: str) -> RunLabel:
    """Give a run another name; an empty one gives it back the one that says what was compared.

    Raises:
        LabError: There is no such run, or the name is no line.
    """
    text = " ".join(name.split())
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise LabError(f"The name has {len(text)} characters.", f"A name is one line of at most {LONGEST_NAME}.")
    return _write_label(settings, run_id, name=text)


def note_run(settings: Settings, run_id: str, note: str) -> RunLabel:
    """Write a note beside a run in place of the one before; an empty one removes it.

    Raises:
        LabError: There is no such run, or the note is too long.
    """
    text = note.strip()
    if len(text) > LONGEST_NOTE:
        raise LabError(f"The note has {len(text)} characters.", f"It may have {LONGEST_NOTE}.")
    return _write_label(settings, run_id, note=text)


def pin_run(settings: Settings, run_id: str) -> Run:
    """Make a run the one that others of its task are measured against; returns it.

    Raises:
        LabError: There is no such run, it is damaged, or it was stopped.
    """
    run = load_run(settings, run_id)
    if run.status != "ok":
        raise LabError(f"The run {run_id} was stopped.", "Pin one that was finished.")
    write_json(_find_pin(settings, run.task), Pin(run_id).as_json())
    return run


def unpin_run(settings: Settings, task: str) -> None:
    """Let no run of a task be the one that others are measured against."""
    _find_pin(settings, task).unlink(missing_ok=True)


def find_pinned(settings: Settings, task: str) -> str | None:
    """Return the id of the run that others of a task are measured against; None where none is pinned.

    Raises:
        LabError: What says so is damaged.
    """
    path = _find_pin(settings, task)
    return read_stored(Pin, path, remedy="Delete it, and pin a run again.").run if path.is_file() else None


def _write_label(settings: Settings, run_id: str, **changes: str) -> RunLabel:
    load_run(settings, run_id)  # There must be one.
    label = replace(read_label(settings, run_id), **changes)  # type: ignore[arg-type]
    write_json(_find_label(settings, run_id), label.as_json())
    return label


def _find_label(settings: Settings, run_id: str) -> Path:
    return child(settings.folder(LABELS), f"{run_id}.json", what="run", remedy="See `ragft runs`.")


def _find_pin(settings: Settings, task: str) -> Path:
    return child(settings.folder(PINS), f"{task}.json", what="task")
