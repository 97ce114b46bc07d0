"""The stored runs as people look for them: by task, the newest first, under their names; damaged ones named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.comparison.bundled_runs import load_bundled
from core.comparison.runs import Run, list_bundled, list_runs
from core.errors import LabError
from core.settings import Settings
from core.stored import Listing
from lab.run_names import RunLabel, find_pinned, name_run, read_label, write_day


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run as a list shows it.

    Args:
        id: The run.
        name: What people call it; no two of a task have the same.
        task: Its task.
        status: Whether it was finished.
        created: When, in ISO form.
        verdict: The verdict's state; empty where there is none.
        sentence: The verdict's sentence.
        model: The model that answered.
        arms: Names of the approaches.
        items: How many items were asked.
        note: What a person wrote beside it.
        pinned: Whether others of its task are measured against it.
    """

    id: str
    name: str
    task: str
    status: str
    created: str
    verdict: str
    sentence: str
    model: str
    arms: tuple[str, ...]
    items: int
    note: str = ""
    pinned: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def list_entries(settings: Settings, *, task: str | None = None) -> Listing[RunEntry]:
    """Return the stored runs, those of a task together and the newest first; tasks by their newest run.

    Args:
        settings: Whose home.
        task: Only the runs of this task.

    Returns:
        Whole runs, and a sentence for each run, name or pin that is damaged.
    """
    listing = list_runs(settings)
    damaged = list(listing.damaged)
    runs = [run for run in listing.whole if task in (None, run.task)]
    order = list(dict.fromkeys(run.task for run in runs))
    pinned = {name: _find_pinned(settings, name, damaged) for name in order}
    entries = [_describe(run, _read_label(settings, run.id, damaged), pinned[run.task]) for run in runs]
    entries.sort(key=lambda entry: order.index(entry.task))
    return Listing(tell_apart(entries), damaged)


def list_bundled_entries(settings: Settings, *, task: str | None = None) -> Listing[RunEntry]:
    """Return the runs that come with bundled tasks, those that a person's own task hides left out.

    Args:
        settings: Whose home.
        task: Only the run of this task.
    """
    names = [folder.parent.name for folder in list_bundled() if task in (None, folder.parent.name)]
    entries, damaged = [], []
    for name in names:
        try:
            run = load_bundled(settings, name)
        except LabError as error:
            damaged.append(f"{name}: {error}")
            continue
        if run is not None:
            entries.append(_describe(run, RunLabel(), None))
    return Listing(entries, damaged)


def tell_apart(entries: Sequence[RunEntry]) -> list[RunEntry]:
    """Return runs of which those with one name have the time of day behind it, and where that is one too, their id's end."""
    told = list(entries)
    for finish in (lambda entry: write_day(entry.created, clock=True).split()[-1], lambda entry: entry.id.rsplit("-", 1)[-1]):
        count = Counter((entry.task, entry.name) for entry in told)
        told = [
            replace(entry, name=f"{entry.name} {finish(entry)}") if count[entry.task, entry.name] > 1 else entry
            for entry in told
        ]
    return told


def _describe(run: Run, label: RunLabel, pinned: str | None) -> RunEntry:
    verdict = run.summary.get("verdict", {})
    return RunEntry(
        id=run.id,
        name=name_run(run, label),
        task=run.task,
        status=run.status,
        created=run.created,
        verdict=str(verdict.get("state", "")),
        sentence=str(verdict.get("sentence", "")),
        model=str((run.config.get("generator") or {}).get("model", "")),
        arms=tuple(run.config.get("arms", {})),
        items=len(run.config.get("items", ())),
        note=label.note,
        pinned=run.id == pinned,
    )


def _read_label(settings: Settings, run_id: str, damaged: list[str]) -> RunLabel:
    """Return a run's label; a damaged one is named, and the run keeps the name that says what was compared."""
    try:
        return read_label(settings, run_id)
    except LabError as error:
        damaged.append(str(error))
        return RunLabel()


def _find_pinned(settings: Settings, task: str, damaged: list[str]) -> str | None:
    try:
        return find_pinned(settings, task)
    except LabError as error:
        damaged.append(str(error))
        return None
