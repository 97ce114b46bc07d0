"""Comparisons that were begun and not finished: what is known of each, and what asks for it again.

Their answers are kept as they came, so that the same request goes on where it was stopped. Of a comparison three things may be
left: what was written down before its first answer, the run of what had been answered when it was stopped, and its job.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.comparison.runs import Run, list_runs
from core.errors import LabError
from core.jobs import list_jobs, read_config, read_status
from core.settings import Settings
from core.storage import hash_json, read_json
from core.stored import Listing, read_each, restore
from lab.judging import REGISTERED
from lab.requests import CompareRequest, update_request


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A comparison without its end.

    Args:
        task: Its task.
        arms: The approaches.
        items: How many items it asks; None where that is not known.
        since: When it was begun or stopped, in ISO form.
        state: What became of it, in words.
        request: What asks for it again; None where an older version did not keep it.
        run: Id of the run of what had finished, where there is one.
        job: Id of the job that can be resumed, where it was one.
    """

    task: str
    arms: tuple[str, ...]
    items: int | None
    since: str
    state: str
    request: CompareRequest | None
    run: str | None = None
    job: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        values = asdict(self)
        return {**values, "request": self.request.as_json() if self.request is not None else None}


def list_unfinished(settings: Settings, *, task: str | None = None) -> Listing[Unfinished]:
    """Return the comparisons that were begun and have no end, newest first, each once; damaged records are named.

    Args:
        settings: Whose home.
        task: Only those of this task.
    """
    runs = list_runs(settings).whole
    registered = read_each(sorted(settings.folder(REGISTERED).glob("*.json")), _read_registered)
    jobs = read_each(list_jobs(settings), _read_job)
    found: dict[str, Unfinished] = {}
    for one in [*registered.whole, *_read_stopped(runs), *filter(None, jobs.whole)]:
        key = _name_request(one.request) or f"{one.since} {one.run}"
        found[key] = _join(found[key], one) if key in found else one
    left = [one for one in found.values() if not _is_done(one, runs) and task in (None, one.task)]
    return Listing(sorted(left, key=lambda one: one.since, reverse=True), [*registered.damaged, *jobs.damaged])


def restore_request(config: Mapping[str, Any], *, origin: str) -> CompareRequest | None:
    """Return the request that a run or a registration keeps; None where an older version kept none.

    Raises:
        LabError: It is damaged; `origin` is named.
    """
    asked = config.get("request")
    if not isinstance(asked, Mapping):
        return None
    return restore(CompareRequest, json.dumps(update_request(CompareRequest.kind, asked)), origin=origin)


def _read_registered(path: Path) -> Unfinished:
    record = read_json(path)
    if not isinstance(record, dict) or not isinstance(record.get("arms"), list):
        raise LabError(f"{path} is damaged: it names no approaches.", "Delete it.")
    request, items = restore_request(record, origin=str(path)), record.get("items")
    return Unfinished(
        task=Path(request.task).name if request is not None else "",
        arms=tuple(map(str, record["arms"])),
        items=items if isinstance(items, int) else None,
        since=_write_moment(path.stat().st_mtime),
        state="begun",
        request=request,
    )


def _read_stopped(runs: Sequence[Run]) -> Iterator[Unfinished]:
    """Yield the runs that were stopped, the oldest first."""
    for run in reversed(runs):
        if run.status != "ok":
            request = _find_request(run)
            items = len(run.config.get("items", ()))
            arms = tuple(run.config.get("arms", {})) if request is None else request.arms
            yield Unfinished(run.task, arms, items, run.created, "stopped", request, run=run.id)


def _read_job(folder: Path) -> Unfinished | None:
    """Return the comparison of a job that is not done; None for other jobs, and those of before there were requests."""
    config = read_config(folder)
    if config.kind != CompareRequest.kind or not config.request:
        return None
    status = read_status(folder)
    request = restore_request({"request": config.request}, origin=str(folder))
    if status.state == "done" or request is None:
        return None
    state = {"cancelled": "stopped", "starting": "running"}.get(status.state, status.state)
    return Unfinished(
        config.task, request.arms, None, _write_moment(status.heartbeat), state, request, job=folder.name
    )  # fmt: skip


def _join(known: Unfinished, other: Unfinished) -> Unfinished:
    """Return what is known of one comparison from two records of it; what its job or its newest run says comes last, and counts."""
    return replace(
        other,
        items=known.items if other.items is None else max(known.items or 0, other.items),
        since=max(known.since, other.since),
        run=other.run or known.run,
        job=other.job or known.job,
    )


def _is_done(one: Unfinished, runs: Sequence[Run]) -> bool:
    """Say whether a finished run answers it since; of records without a request one of the same task and approaches counts."""
    for run in runs:
        if run.status != "ok" or run.created < one.since:
            continue
        if one.request is not None and _name_request(_find_request(run)) == _name_request(one.request):
            return True
        if one.request is None and run.task == one.task and set(run.config.get("arms", ())) == set(one.arms):
            return True
    return False


def _find_request(run: Run) -> CompareRequest | None:
    """Return what a run was asked for; None where it does not say, or what it says is damaged."""
    with suppress(LabError):
        return restore_request(run.config, origin=f"The run {run.id}")
    return None


def _name_request(request: CompareRequest | None) -> str | None:
    """Return what tells requests apart; asking anew or not makes no difference to what is asked."""
    if request is None:
        return None
    return str(hash_json({**request.as_json(), "fresh": False, "task": Path(request.task).name}))


def _write_moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
