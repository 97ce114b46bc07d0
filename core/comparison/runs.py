"""A run: the immutable record of one comparison, complete enough to repeat it."""

from __future__ import annotations

import json
import platform
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from core.errors import LabError
from core.settings import Settings
from core.storage import new_folder, read_json, verify_folder, write_json, write_text
from core.values import Prediction

RECORD, PREDICTIONS, REPORT = "run.json", "predictions.jsonl", "report.html"
PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "sentence-transformers", "faiss-cpu", "bm25s", "jsonschema")


@dataclass(frozen=True, slots=True)
class Run:
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


def describe_environment() -> dict[str, Any]:
    """Return the versions and the machine that a run depends on."""
    import psutil

    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": psutil.cpu_count(logical=True),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "versions": versions,
    }


def save_run(settings: Settings, run: Run, predictions: Mapping[str, Sequence[Prediction]], report: str) -> Path:
    """Store a run with its predictions and its report; returns its folder."""
    folder = settings.folder("runs") / run.id
    with new_folder(folder) as temporary:
        write_json(temporary / RECORD, asdict(run))
        lines = [json.dumps(asdict(item), ensure_ascii=False) for arm in predictions.values() for item in arm]
        write_text(temporary / PREDICTIONS, "".join(line + "\n" for line in lines))
        write_text(temporary / REPORT, report)
    return folder


def load_run(settings: Settings, run_id: str) -> Run:
    """Load a run after checking that nothing of it was changed.

    Raises:
        LabError: There is no such run, or it is damaged.
    """
    folder = settings.folder("runs") / run_id
    if Path(run_id).name != run_id or not folder.is_dir():
        raise LabError(f"There is no run {run_id!r}.", "See `ragft runs`.")
    verify_folder(folder, remedy="Delete the folder; the other runs are not affected.")
    return Run(**read_json(folder / RECORD))


def load_predictions(settings: Settings, run_id: str) -> list[dict[str, Any]]:
    """Return a run's predictions as plain JSON values."""
    text = (settings.folder("runs") / run_id / PREDICTIONS).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def list_runs(settings: Settings) -> tuple[list[Run], list[str]]:
    """Return the whole runs, newest first, and a sentence for each damaged one."""
    runs, damaged = [], []
    for path in sorted(settings.folder("runs").glob("[!.]*"), reverse=True):
        try:
            runs.append(load_run(settings, path.name))
        except LabError as error:
            damaged.append(str(error))
    return runs, damaged
