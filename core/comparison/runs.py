"""A run: the immutable record of one comparison, complete enough to repeat it."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from core.comparison.exam import EXAM, ExamPaper, dump_paper, read_paper
from core.errors import LabError
from core.settings import BUNDLED_TASKS, Settings
from core.storage import child, new_folder, read_json, verify_folder, write_text
from core.stored import Listing, Stored, parse_value, read_each, read_stored
from core.values import Prediction

RECORD = "run.json"
PREDICTIONS = "predictions.jsonl"
REPORT = "report.html"
BUNDLED = "run"  # Folder of the run that comes with a bundled task.
REMEDY = "Delete the folder; the other runs are not affected."


@dataclass(frozen=True, slots=True)
class Run(Stored):
    """A stored comparison. `config` holds what was asked, `summary` what came of it."""

    id: str
    task: str
    status: Literal["ok", "failed", "cancelled"]
    created: str
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    summary: Mapping[str, Any]


def new_run_id(task: str) -> str:
    """Return an id that sorts by time and names the task."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{task}-{secrets.token_hex(2)}"


def save_run(
    settings: Settings,
    run: Run,
    predictions: Mapping[str, Sequence[Prediction]],
    report: str,
    *,
    paper: ExamPaper | None = None,
) -> Path:
    """Store a run with its predictions, its report and the paper of what was asked; returns its folder."""
    folder = settings.folder("runs") / run.id
    with new_folder(folder) as temporary:
        record = json.dumps(run.as_json(), ensure_ascii=False, indent=1, allow_nan=False)
        write_text(temporary / RECORD, _mend(record + "\n"))
        lines = [json.dumps(asdict(item), ensure_ascii=False) for arm in predictions.values() for item in arm]
        write_text(temporary / PREDICTIONS, _mend("".join(line + "\n" for line in lines)))
        write_text(temporary / REPORT, _mend(report))
        if paper is not None:
            write_text(temporary / EXAM, _mend(dump_paper(paper)))
    return folder


def _mend(text: str) -> str:
    """Replace halves of surrogate pairs: a model may write one as an escape, UTF-8 has none. What it wrote keeps the escape."""
    return re.sub(r"[\ud800-\udfff]", "\ufffd", text)


def load_run(settings: Settings, run_id: str) -> Run:
    """Load a run after checking that nothing of it was changed.

    Raises:
        LabError: There is no such run, or it is damaged.
    """
    folder = _find_folder(settings, run_id)
    verify_folder(folder, remedy=REMEDY)
    return read_stored(Run, folder / RECORD, remedy=REMEDY)


def find_report(settings: Settings, run_id: str) -> Path:
    """Return where a run's report lies."""
    return _find_folder(settings, run_id) / REPORT


def _find_folder(settings: Settings, run_id: str) -> Path:
    for place in settings.places("runs"):
        folder = child(place, run_id, what="run", remedy="See `ragft runs`.")
        if folder.is_dir():
            return folder
    bundled = next((place for place in list_bundled() if _names(place, run_id)), None)
    if bundled is None:
        raise LabError(f"There is no run {run_id!r}.", "See `ragft runs`.")
    return bundled


def list_bundled() -> list[Path]:
    """Return where the runs lie that come with the bundled tasks (`core/comparison/bundled_runs.py`)."""
    return [path.parent for path in sorted(BUNDLED_TASKS.glob(f"*/{BUNDLED}/{RECORD}"))]


def _names(place: Path, run_id: str) -> bool:
    """Say whether the run beside a bundled task has this id, which holds the task's name."""
    return f"-{place.parent.name}-" in run_id and bool(read_json(place / RECORD).get("id") == run_id)


def load_paper(settings: Settings, run_id: str) -> ExamPaper | None:
    """Return what a run asked; None for a run of a version that did not keep it.

    Raises:
        LabError: There is no such run, or its paper is damaged.
    """
    path = _find_folder(settings, run_id) / EXAM
    return read_paper(path, remedy=REMEDY) if path.is_file() else None


def load_predictions(settings: Settings, run_id: str) -> list[Prediction]:
    """Return a run's predictions in the order of arms and items.

    Raises:
        LabError: There is no such run, or a line of the file is damaged; it is named.
    """
    path = _find_folder(settings, run_id) / PREDICTIONS
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"Cannot read {path}: {error}.", REMEDY) from error
    return [
        parse_value(Prediction, line, origin=f"{path}:{number}", remedy=REMEDY)
        for number, line in enumerate(lines, start=1)
        if line
    ]


def list_runs(settings: Settings) -> Listing[Run]:
    """Return the whole runs, newest first, and a sentence for each damaged one."""
    folders = sorted(
        (folder for place in settings.places("runs") for folder in place.glob("[!.]*/")), key=_by_name, reverse=True
    )
    return read_each(folders, lambda folder: load_run(settings, folder.name))


def _by_name(folder: Path) -> str:
    """Order runs by their ids, which begin with the time, wherever they lie."""
    return folder.name
