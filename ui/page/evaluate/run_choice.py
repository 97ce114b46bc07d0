"""Which runs of a task can be looked at, under which names, and which one first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.comparison.bundled_runs import load_bundled
from core.comparison.runs import Run, load_run
from core.errors import LabError
from core.settings import Settings
from lab.run_names import write_day
from lab.runs import RunEntry, list_entries


@dataclass(frozen=True, slots=True)
class RunChoice:
    """What the list of runs offers.

    Args:
        choices: (label, id): one's own runs, the newest first, then the stored one of a bundled task.
        chosen: The run to show; None where there is none.
        damaged: A sentence that names what cannot be read; empty where all is whole.
    """

    choices: Sequence[tuple[str, str]]
    chosen: str | None
    damaged: str


def offer_runs(settings: Settings, task: str | None, current: str | None = None) -> RunChoice:
    """Offer the runs of a task; the present one stays chosen where it is among them, else the newest is.

    Args:
        settings: Whose runs.
        task: The page's task; None offers nothing.
        current: The run that is shown.
    """
    if not task:
        return RunChoice((), None, "")
    listing = list_entries(settings, task=task)
    damaged = list(listing.damaged)
    choices = [(_label(entry), entry.id) for entry in listing.whole if entry.verdict]
    try:
        stored = load_bundled(settings, task)
    except LabError as error:
        stored = None
        damaged.append(str(error))
    if stored is not None:
        choices.append((describe_stored(stored), stored.id))
    known = [name for _, name in choices]
    chosen = current if current in known else next(iter(known), None)
    return RunChoice(choices, chosen, f"Left out: {' '.join(damaged)}" if damaged else "")


def find_task_of(settings: Settings, run_id: str | None) -> str | None:
    """Return the task of a run; None where there is no such run, or it is damaged."""
    try:
        return load_run(settings, run_id).task if run_id else None
    except LabError:
        return None


def is_stored(settings: Settings, run: Run) -> bool:
    """Say whether a run is the one that comes with its task, and no own one."""
    return not (settings.folder("runs") / run.id).is_dir()


def describe_stored(run: Run) -> str:
    """Return the name of a run that comes with its task: when it was made, and with which model."""
    model = str((run.config.get("generator") or {}).get("model", "an unknown model"))
    return f"Stored demo run, made on {write_day(run.created)} with {model}"


def _label(entry: RunEntry) -> str:
    more = [*(["stopped early"] if entry.status != "ok" else []), *(["pinned"] if entry.pinned else [])]
    return f"{entry.name} ({', '.join(more)})" if more else entry.name
