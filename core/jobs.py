"""Long work in a process of its own, seen from outside: started, listed, read, cancelled, started again.

A job is a folder. Its process writes `status.json` (replaced atomically), `events.jsonl` (append-only) and `log.txt`
(`core/progress.py` is that side); whoever watches only reads these files, so a closed tab, a reload or a restarted server
loses nothing. What a job does is a JSON request in `config.json`; the command that carries it out is given by whoever
starts it, for this file knows none.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Required

from typing_extensions import TypedDict  # Python's own is not taken by pydantic before 3.12.

from core.errors import LabError
from core.settings import Settings
from core.storage import child, write_json
from core.stored import Listing, Stored, read_each, read_stored

JobState = Literal["starting", "queued", "running", "done", "failed", "cancelled"]
ACTIVE: tuple[JobState, ...] = ("starting", "queued", "running")
STATUS = "status.json"
CONFIG = "config.json"
EVENTS = "events.jsonl"
LOG = "log.txt"
CANCEL = "cancel"  # Asks the job to stop by being there.
PROCESS = "process.json"  # Whom to look for until the job itself has said who it is.
STATES = "states"  # Where a training keeps what it can go on from.
RESTART = "restart"  # The kind of the event that a job begins or goes on.
START_SECONDS = 60  # For Python and torch to load on a busy machine, before the job's first word.
POLL_SECONDS = 0.2  # Between two looks at a job that is to end.
BIRTH_SECONDS = 1  # By so much two readings of one process's birth may differ.
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class JobStatus(Stored):
    """What is known of a job. Times are seconds since the epoch; `eta` is seconds from `heartbeat`."""

    state: JobState
    pid: int | None = None
    born: float | None = None
    heartbeat: float = 0.0
    step: int = 0
    total: int = 0
    eta: float | None = None
    message: str = ""
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether the job is still to end."""
        return self.state in ACTIVE


@dataclass(frozen=True, slots=True)
class JobConfig(Stored):
    """What a job was asked to do.

    Args:
        kind: Says how to read `request`: `index`, `train`, `probe`, `compare` or `tune`.
        task: The task's name.
        created: When, in seconds since the epoch.
        request: All that the work follows from, as JSON.
        basis: A hash of what it works on, by which an unfinished job is found again.
        environment: Variables that its process gets beside those of the process that starts it.
    """

    kind: str
    task: str
    created: float = 0.0
    request: Mapping[str, Any] = field(default_factory=dict)
    basis: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobProcess(Stored):
    """The process that was started for a job: its number, and when it began (seconds since the epoch)."""

    pid: int
    born: float | None = None


class JobEvent(TypedDict, total=False):
    """What a job said: a step with its metrics, or what its `kind` says; metrics are whatever the work measures."""

    __pydantic_config__ = {"extra": "allow"}  # type: ignore[misc]

    step: Required[int]
    kind: str
    text: str


@lru_cache(maxsize=1)
def _event_reader() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(JobEvent)


def read_event(line: str) -> dict[str, Any]:
    """Return the event of a line.

    Raises:
        ValueError: It is no JSON, or a field of `JobEvent` is missing or of another kind.
    """
    event: dict[str, Any] = _event_reader().validate_json(line, strict=True)
    return event


def start_job(settings: Settings, config: JobConfig, *, runner: Sequence[str]) -> Path:
    """Start a job's process detached and return the job's folder.

    Args:
        settings: Where state lives.
        config: What is to be done.
        runner: The command that carries a job out; the folder is its last argument.

    Raises:
        LabError: The folder cannot be written.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = settings.folder("jobs") / f"{stamp}-{config.kind}-{secrets.token_hex(2)}"
    write_json(folder / CONFIG, replace(config, created=time.time()).as_json())
    write_json(folder / STATUS, JobStatus("starting", heartbeat=time.time(), message="Starting").as_json())
    _spawn(settings, folder, config, runner)
    return folder


def resume_job(settings: Settings, folder: Path, *, runner: Sequence[str]) -> None:
    """Start a job that ended before its work was done again, in its own folder.

    A training goes on from its newest state; a comparison asks what it has no answer to yet, also one that was to ask
    everything anew: what it asked so far was.

    Raises:
        LabError: It still runs, or is done, or an older version wrote it.
    """
    status = read_status(folder)
    if status.active:
        raise LabError(f"The job {folder.name} is {status.state}.", f"Watch it: `ragft jobs watch {folder.name}`.")
    if status.state == "done":
        raise LabError(f"The job {folder.name} is done.", "Start a new one.")
    config = read_config(folder)
    if not config.request:
        raise LabError(f"The job {folder.name} was started by an older version.", "Start a new one.")
    if config.request.get("fresh"):
        config = replace(config, request={**config.request, "fresh": False})
        write_json(folder / CONFIG, config.as_json())
    for name in (CANCEL, PROCESS):
        (folder / name).unlink(missing_ok=True)
    write_json(folder / STATUS, JobStatus("starting", heartbeat=time.time(), message="Starting again").as_json())
    _spawn(settings, folder, config, runner)


def _spawn(settings: Settings, folder: Path, config: JobConfig, runner: Sequence[str]) -> None:
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            [*runner, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=ROOT,
            env={
                **os.environ,
                "RAGFT_HOME": str(settings.home),
                "RAGFT_MODEL": settings.model,
                "RAGFT_STORAGE": settings.storage,
                "RAGFT_SHARED": str(settings.shared or ""),
                "RAGFT_HOSTED": "1" if settings.hosted else "",
                **config.environment,
            },
        )
    write_json(folder / PROCESS, JobProcess(process.pid, _born(process.pid)).as_json())
    _reap_later(process)


def _born(pid: int) -> float | None:
    """Return when a process began, which tells it from a later one of the same number; None if it is gone."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def _reap_later(process: subprocess.Popen[bytes]) -> None:
    """Collect the child when it ends, so that no zombie looks alive."""
    import threading

    threading.Thread(target=process.wait, daemon=True).start()


def read_config(folder: Path) -> JobConfig:
    """Return what a job was asked to do.

    Raises:
        LabError: It is damaged.
    """
    return read_stored(JobConfig, folder / CONFIG)


def read_status(folder: Path) -> JobStatus:
    """Read a job's status; one whose process is gone is reported as failed, with its last log lines.

    Raises:
        LabError: There is no such job, or its status is damaged.
    """
    if not (folder / STATUS).is_file():
        raise LabError(f"There is no job {folder.name}.", "See `ragft jobs list`.")
    status = read_stored(JobStatus, folder / STATUS)
    if not status.active or _is_alive(folder, status):
        return status
    status = read_stored(JobStatus, folder / STATUS)  # It may have ended between the two looks.
    if not status.active:
        return status
    why = last_lines(folder) or "It wrote nothing before it ended (out of memory?)."
    return replace(status, state="failed", message=f"The process ended before its work was done. {why}")


def _is_alive(folder: Path, status: JobStatus) -> bool:
    """Whether the job's process runs; one that is just being started counts for a while."""
    import psutil

    process = JobProcess(status.pid, status.born) if status.pid is not None else None
    if process is None:
        if not (folder / PROCESS).is_file():
            return time.time() - status.heartbeat < START_SECONDS
        process = read_stored(JobProcess, folder / PROCESS)
    try:
        running = psutil.Process(process.pid)
        same = abs(running.create_time() - (process.born or 0)) < BIRTH_SECONDS
        return bool(running.status() != psutil.STATUS_ZOMBIE and same)
    except (psutil.Error, ValueError, OverflowError):  # Gone, not ours, or no number of a process at all.
        return False


def last_lines(folder: Path, count: int = 5) -> str:
    """Return the last lines of a job's log."""
    if not (folder / LOG).is_file():
        return ""
    lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-count:])


def read_events(folder: Path) -> list[dict[str, Any]]:
    """Return a job's events in the order of steps; a line that is still being written, or damaged, is left out.

    A resumed job repeats steps since its newest state: what it says of them last counts, and what it said of later
    steps before it began again does not.
    """
    events: dict[tuple[str, int, str], dict[str, Any]] = {}
    for event in _iterate_events(folder):
        step = event["step"]
        if event.get("kind") == RESTART:
            events = {key: value for key, value in events.items() if value["step"] <= step}
            continue
        events[str(event.get("kind", "step")), step, str(event.get("text", ""))] = event
    return list(events.values())


def _iterate_events(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the whole events of a job as they were written; a killed process leaves half a line, the resumed one goes on behind it."""
    if not (folder / EVENTS).is_file():
        return
    for line in (folder / EVENTS).read_text(encoding="utf-8", errors="replace").split("\n")[:-1]:
        try:
            yield read_event(line)
        except ValueError:
            continue


def list_jobs(settings: Settings) -> list[Path]:
    """Return the folders of all jobs, newest first, damaged ones too."""
    return sorted((path.parent for path in settings.folder("jobs").glob(f"[!.]*/{STATUS}")), reverse=True)


def list_statuses(settings: Settings) -> Listing[tuple[Path, JobStatus]]:
    """Return the readable jobs, newest first, each with its status, and a sentence for each damaged one."""
    return read_each(list_jobs(settings), lambda folder: (folder, read_status(folder)))


def list_configs(settings: Settings, kind: str, task: str) -> list[tuple[Path, JobConfig]]:
    """Return the readable jobs of a kind and task, newest first; a damaged one hides no other."""
    configs = read_each(list_jobs(settings), lambda folder: (folder, read_config(folder))).whole
    return [(folder, config) for folder, config in configs if (config.kind, config.task) == (kind, task)]


def count_before(settings: Settings, folder: Path) -> int:
    """Return how many jobs run or wait that were started before this one."""
    return sum(status.active for other, status in list_statuses(settings).whole if other.name < folder.name)


def find_job(settings: Settings, name: str) -> Path:
    """Resolve a job id.

    Raises:
        LabError: There is no such job.
    """
    folder = child(settings.folder("jobs"), name, what="job", remedy="See `ragft jobs list`.")
    if not (folder / STATUS).is_file():
        raise LabError(f"There is no job {name!r}.", "See `ragft jobs list`.")
    return folder


def cancel_job(folder: Path, *, patience: float = 30.0) -> JobStatus:
    """Ask a job to stop at its next step, then terminate it, then kill it.

    Args:
        folder: The job's folder.
        patience: Seconds to wait after asking, and a third of it after terminating.
    """
    import psutil

    (folder / CANCEL).touch()
    if _wait_for_end(folder, patience):
        return read_status(folder)
    pid = read_status(folder).pid
    try:
        process = psutil.Process(read_stored(JobProcess, folder / PROCESS).pid if pid is None else pid)
        process.terminate()
        if not _wait_for_end(folder, patience / 3):
            process.kill()
    except psutil.NoSuchProcess:
        pass  # It ended by itself between the two looks.
    status = replace(read_status(folder), state="cancelled", message=_describe_force(folder))
    write_json(folder / STATUS, status.as_json())
    return status


def _describe_force(folder: Path) -> str:
    """Return what is left of a job that was stopped by force; a comparison keeps each answer as it comes."""
    with suppress(LabError):
        if read_config(folder).kind == "compare":
            return f"Stopped by force; its answers are kept: `ragft jobs resume {folder.name}` goes on from there."
    if any((folder / STATES).glob("step-*")):
        return f"Stopped by force; its last state is kept: `ragft jobs resume {folder.name}` goes on from there."
    return "Stopped by force; nothing of this job was kept."


def _wait_for_end(folder: Path, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not read_status(folder).active:
            return True
        time.sleep(POLL_SECONDS)
    return False
