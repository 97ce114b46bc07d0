"""Runs that come with the bundled tasks: real ones, made once, read-only, so that a first visit shows a result at once."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

from core.comparison.exam import EXAM
from core.comparison.runs import BUNDLED, PREDICTIONS, RECORD, REMEDY, Run, load_predictions, load_run
from core.errors import LabError
from core.settings import BUNDLED_TASKS, Settings
from core.storage import new_folder, verify_folder, write_text
from core.stored import read_stored
from core.values import Prediction

LARGEST = 1_500_000  # Bytes of such a run's folder: everybody downloads it.


def find_bundled(settings: Settings, task: str) -> Path | None:
    """Return where the stored run of a bundled task lies; None where it has none, or where a person's own task hides it."""
    folder = BUNDLED_TASKS / task / BUNDLED
    hidden = any((place / task / "task.toml").is_file() for place in settings.places("tasks"))
    return folder if (folder / RECORD).is_file() and not hidden else None


def load_bundled(settings: Settings, task: str) -> Run | None:
    """Load the stored run of a bundled task; None where it has none.

    Raises:
        LabError: It is damaged.
    """
    folder = find_bundled(settings, task)
    if folder is None:
        return None
    verify_folder(folder, remedy=REMEDY)
    return read_stored(Run, folder / RECORD, remedy=REMEDY)


def bundle_run(settings: Settings, run_id: str, *, tasks: Path = BUNDLED_TASKS) -> Path:
    """Put a finished run beside its bundled task, without its report, which is made anew from it; returns where it lies.

    Args:
        settings: Where the run lies.
        run_id: The run; its folder stays as it is.
        tasks: Where the bundled tasks lie.

    Raises:
        LabError: There is no such run, it has not finished, its task is none of the bundled ones, or it is too large.
    """
    run = load_run(settings, run_id)
    target = tasks / run.task / BUNDLED
    if run.status != "ok":
        raise LabError(f"The run {run_id} is {run.status}.", "Bundle a finished one.")
    if not (target.parent / "task.toml").is_file():
        raise LabError(f"{run.task!r} is no bundled task.", f"Bundled tasks lie in {tasks}.")
    files = {RECORD: _write(run.as_json()), PREDICTIONS: "".join(map(_shorten, load_predictions(settings, run_id)))}
    paper = settings.folder("runs") / run_id / EXAM
    if paper.is_file():
        files[EXAM] = paper.read_text(encoding="utf-8")
    size = sum(len(text.encode()) for text in files.values())
    if size > LARGEST:
        raise LabError(
            f"The run {run_id} takes {size / 1e6:.1f} MB; at most {LARGEST / 1e6:.1f} MB are bundled.",
            "Compare on fewer items, for example with --limit 100.",
        )
    with new_folder(target, replace=True) as temporary:
        for name, text in files.items():
            write_text(temporary / name, text)
            (temporary / name).chmod(0o644)  # Not private: it is to be shared.
    target.chmod(0o755)
    return target


def _shorten(prediction: Prediction) -> str:
    """Return a prediction as a line without the fields that have their usual value."""
    usual = {field.name: field.default for field in fields(Prediction) if field.default is not MISSING}
    values = {name: value for name, value in asdict(prediction).items() if name not in usual or value != usual[name]}
    return _write(values)


def _write(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
