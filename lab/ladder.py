"""A ladder: one comparison repeated over several models or storages, a run for each, beside each other."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from core.comparison.answers import AnswerNotKept
from core.comparison.runs import load_run
from core.environment import measure_memory
from core.errors import LabError
from core.evaluation.ladder import Ladder, Step, build_ladder
from core.evaluation.layout import lay_out
from core.evaluation.summary import find_fault
from core.progress import Watcher
from core.settings import Settings
from core.storage import child, write_json
from core.stored import Listing, Stored, read_each, read_stored
from lab.boards import open_board
from lab.comparison import compare_arms
from lab.lab import Lab
from lab.requests import CompareRequest

FOLDER = "ladders"  # Of the home.
REMEDY = "See `ragft ladders`; `ragft compare TASK --model A --model B` makes one."


@dataclass(frozen=True, slots=True)
class LadderRecord(Stored):
    """Which runs stand beside each other; all numbers are computed from them.

    Args:
        id: Names its file.
        task: What they answered.
        created: When, in ISO 8601.
        runs: Their ids, in the order in which they were asked.
        failed: What could not be compared, and why.
        memory_mib: By run, what the process held when it ended: program, model and all.
    """

    id: str
    task: str
    created: str
    runs: tuple[str, ...]
    failed: tuple[str, ...] = ()
    memory_mib: Mapping[str, float] = field(default_factory=dict)


def climb(lab: Lab, requests: Sequence[CompareRequest], watcher: Watcher) -> LadderRecord:
    """Make the same comparison with each request's model and storage, and link the runs; each run is stored as it ends.

    One that cannot be made (its model is not here) is named in the record, and the others go on.

    Raises:
        LabError: None could be made.
        AnswerNotKept: The disk refuses; further models would ask in vain.
        Cancelled: Stopped; the runs that are done stay, without a ladder.
    """
    task = lab.task(requests[0].task)
    runs, failed, memory = [], [], {}
    for request in requests:
        chosen = lab.settings.at_model(request.model, request.storage)
        watcher.say(f"{chosen.model}, weights in {chosen.storage}:")
        try:
            runs.append(compare_arms(lab, request, watcher).run.id)
            memory[runs[-1]] = measure_memory()  # A model that is freed for the next one counts no more.
        except AnswerNotKept:
            raise
        except LabError as error:
            failed.append(f"{chosen.model}, {chosen.storage}: {error}")
            watcher.say(failed[-1])
    if not runs:
        raise LabError("No model could be compared. " + " ".join(failed))
    now = datetime.now(UTC)
    name = f"{now:%Y%m%d-%H%M%S}-{task.name}-{secrets.token_hex(2)}"
    record = LadderRecord(name, task.name, now.isoformat(timespec="seconds"), tuple(runs), tuple(failed), memory)
    write_json(_find_file(lab.settings, name), record.as_json())
    return record


def load_ladder(settings: Settings, name: str) -> LadderRecord:
    """Read a ladder's record.

    Raises:
        LabError: There is none of that name, or it is damaged.
    """
    path = _find_file(settings, name)
    if not path.is_file():
        raise LabError(f"There is no ladder {name!r}.", REMEDY)
    return read_stored(LadderRecord, path)


def list_ladders(settings: Settings) -> Listing[LadderRecord]:
    """Return the whole records, newest first, and a sentence for each damaged one."""
    files = sorted(settings.folder(FOLDER).glob("[!.]*.json"), reverse=True)
    return read_each(files, lambda path: read_stored(LadderRecord, path))


def open_ladder(lab: Lab, record: LadderRecord, *, a: str = "", b: str = "") -> Ladder:
    """Compute a ladder from its stored runs.

    Args:
        lab: Where the runs are.
        record: The ladder.
        a: The first of the two cells whose difference is wanted, as `Rung.name` has it; empty takes the best that was trained.
        b: The second; empty takes the best untrained one of another model.

    Raises:
        LabError: No run of it can be read, or there is no such cell.
    """
    steps, lost = [], list(record.failed)
    for name in record.runs:
        try:
            run = load_run(lab.settings, name)
            about = dict(run.config.get("generator") or {})
            stamp = lay_out(run.summary).stamp or find_fault(run.summary)
            steps.append(Step(run.id, about, record.memory_mib.get(name), open_board(lab, name), stamp))
        except LabError as error:
            lost.append(f"{name}: {error}")
    if not steps:
        raise LabError(f"No run of the ladder {record.id} can be read. " + " ".join(lost))
    return build_ladder(steps, lost=lost, a=a, b=b)


def _find_file(settings: Settings, name: str) -> Path:
    child(settings.folder(FOLDER), name, what="ladder", remedy=REMEDY)
    return settings.folder(FOLDER) / f"{name}.json"
