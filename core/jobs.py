"""Long work in a process of its own, with a status anybody can read (DESIGN section 6).

A job is one of our own commands run with `--job FOLDER`. It writes `status.json` (replaced atomically),
`events.jsonl` (append-only) and `log.txt`; whoever watches only reads these files, so a closed tab, a reload
or a restarted server loses nothing. One job computes at a time; the others queue on a lock that the
operating system frees when its holder dies.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from core.errors import Cancelled, LabError
from core.settings import Settings
from core.storage import read_json, write_json

State = Literal["starting", "queued", "running", "done", "failed", "cancelled"]
ACTIVE: tuple[State, ...] = ("starting", "queued", "running")
STATUS, CONFIG, EVENTS, LOG, CANCEL, PROCESS = "status.json", "config.json", "events.jsonl", "log.txt", "cancel", "process.json"
STATES, RESTART = "states", "restart"  # Where a training keeps what it can go on from; the event that it begins or goes on.
START_SECONDS = 60
NO_STEP = 2**62
SHORT_SPIN = {"GOMP_SPINCOUNT": "1000"}
log = logging.getLogger(__name__)
LIBRARIES = {"train": SHORT_SPIN, "probe": SHORT_SPIN}  # See `core/settings.prepare_libraries`.


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What is known of a job. Times are seconds since the epoch; `eta` is seconds from `heartbeat`."""

    state: State
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


def start_job(settings: Settings, *, kind: str, task: str, arguments: Sequence[str], basis: str = "") -> Path:
    """Start `ragft <arguments> --job FOLDER` detached and return the job's folder.

    Args:
        settings: Where state lives.
        kind: `index`, `train`, `probe` or `compare`.
        task: The task's name.
        arguments: The command.
        basis: A hash of what the command works on, by which an unfinished job is found again.

    Raises:
        LabError: The folder cannot be written.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = settings.folder("jobs") / f"{stamp}-{kind}-{secrets.token_hex(2)}"
    command = ["ragft", *arguments]
    write_json(folder / CONFIG, {"kind": kind, "task": task, "command": command, "basis": basis, "created": time.time()})
    write_json(folder / STATUS, asdict(JobStatus("starting", heartbeat=time.time(), message="Starting")))
    _spawn(settings, folder, kind=kind, arguments=arguments)
    return folder


def _spawn(settings: Settings, folder: Path, *, kind: str, arguments: Sequence[str]) -> None:
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ui.cli", *arguments, "--job", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=Path(__file__).resolve().parent.parent,
            env={**os.environ, "RAGFT_HOME": str(settings.home), "RAGFT_MODEL": settings.model, **LIBRARIES.get(kind, {})},
        )
    write_json(folder / PROCESS, {"pid": process.pid, "born": _born(process.pid)})
    _reap_later(process)


def resume_job(settings: Settings, folder: Path) -> None:
    """Start a job that ended before its work was done again, in its own folder; a training goes on from its newest state.

    Raises:
        LabError: It still runs, or is done.
    """
    status = read_status(folder)
    if status.active:
        raise LabError(f"The job {folder.name} is {status.state}.", f"Watch it: `ragft jobs watch {folder.name}`.")
    if status.state == "done":
        raise LabError(f"The job {folder.name} is done.", "Start a new one.")
    config = read_json(folder / CONFIG)
    for name in (CANCEL, PROCESS):
        (folder / name).unlink(missing_ok=True)
    write_json(folder / STATUS, asdict(JobStatus("starting", heartbeat=time.time(), message="Starting again")))
    _spawn(settings, folder, kind=str(config["kind"]), arguments=config["command"][1:])


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


def read_status(folder: Path) -> JobStatus:
    """Read a job's status; one whose process is gone is reported as failed, with its last log lines.

    Raises:
        LabError: There is no such job.
    """
    if not (folder / STATUS).is_file():
        raise LabError(f"There is no job {folder.name}.", "See `ragft jobs`.")
    status = JobStatus(**read_json(folder / STATUS))
    if not status.active or _is_alive(folder, status):
        return status
    status = JobStatus(**read_json(folder / STATUS))  # It may have ended between the two looks.
    if not status.active:
        return status
    why = last_lines(folder) or "It left no word (out of memory?)."
    return replace(status, state="failed", message=f"The process ended before its work was done. {why}")


def _is_alive(folder: Path, status: JobStatus) -> bool:
    """Whether the job's process runs; one that is just being started counts for a while."""
    import psutil

    pid, born = status.pid, status.born
    if pid is None:
        if not (folder / PROCESS).is_file():
            return time.time() - status.heartbeat < START_SECONDS
        pid, born = read_json(folder / PROCESS).values()
    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - (born or 0)) < 1)
    except psutil.NoSuchProcess:
        return False


def last_lines(folder: Path, count: int = 5) -> str:
    """Return the last lines of a job's log."""
    if not (folder / LOG).is_file():
        return ""
    lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-count:])


def read_events(folder: Path) -> list[dict[str, Any]]:
    """Return a job's events in the order of steps; a last line that is still being written is left out.

    A resumed job repeats steps since its newest state: what it says of them last counts, and what it said of later
    steps before it began again does not.
    """
    if not (folder / EVENTS).is_file():
        return []
    found: dict[tuple[str, int, str], dict[str, Any]] = {}
    for line in (folder / EVENTS).read_text(encoding="utf-8").split("\n")[:-1]:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # A line that a killed process left half-written, with the resumed one's first behind it.
        if event.get("kind") == RESTART:
            found = {key: value for key, value in found.items() if value["step"] <= event["step"]}
            continue
        found[event.get("kind", "step"), event["step"], event.get("text", "")] = event
    return list(found.values())


def read_kind(folder: Path) -> str:
    """Return what a job does: `index`, `train`, `probe` or `compare`."""
    return str(read_json(folder / CONFIG)["kind"])


def count_before(settings: Settings, folder: Path) -> int:
    """Return how many jobs run or wait that were started before this one."""
    older = [other for other in list_jobs(settings) if other.name < folder.name]
    return sum(read_status(other).active for other in older)


def list_jobs(settings: Settings) -> list[Path]:
    """Return the folders of all jobs, newest first."""
    return sorted((path.parent for path in settings.folder("jobs").glob(f"*/{STATUS}")), reverse=True)


def find_job(settings: Settings, name: str) -> Path:
    """Resolve a job id.

    Raises:
        LabError: There is no such job.
    """
    folder = settings.folder("jobs") / name
    if Path(name).name != name or not (folder / STATUS).is_file():
        raise LabError(f"There is no job {name!r}.", "See `ragft jobs`.")
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
    status = read_status(folder)
    try:
        process = psutil.Process(status.pid or read_json(folder / PROCESS)["pid"])
        process.terminate()
        if not _wait_for_end(folder, patience / 3):
            process.kill()
    except psutil.NoSuchProcess:
        pass
    status = replace(read_status(folder), state="cancelled", message=_describe_force(folder))
    write_json(folder / STATUS, asdict(status))
    return status


def _describe_force(folder: Path) -> str:
    """Return what is left of a job that was stopped by force."""
    if any((folder / STATES).glob("step-*")):
        return f"Stopped by force; its last state is kept: `ragft jobs resume {folder.name}` goes on from there."
    return "Stopped by force; nothing of this job was kept."


def _wait_for_end(folder: Path, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not read_status(folder).active:
            return True
        time.sleep(0.2)
    return False


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(line)


class JobWriter:
    """The job's own side: it reports steps and learns of a cancellation from the same call.

    A report that the disk refuses is lost, and said once in the log: the work it tells of is worth more.
    """

    def __init__(self, folder: Path) -> None:
        import psutil

        self._folder = folder
        self._status = JobStatus("queued", os.getpid(), psutil.Process().create_time(), time.time())
        self._began, self._first_step = time.monotonic(), NO_STEP
        self._refused = False
        self._write()

    def report(self, step: int, total: int, message: str = "", **metrics: float) -> None:
        """Record a step; metrics are appended to the events.

        Raises:
            Cancelled: Somebody asked the job to stop.
        """
        spent = time.monotonic() - self._began
        if step < self._first_step:
            self._first_step = step
            self._began, spent = time.monotonic(), 0.0
        done = step - self._first_step
        eta = spent / done * (total - step) if done else None
        self._status = replace(self._status, step=step, total=total, eta=eta, message=message or self._status.message)
        self._write()
        if metrics:
            self.record({"step": step, "total": total, "seconds": spent, **metrics})
        self.check()

    def check(self) -> None:
        """Learn of a cancellation between two steps.

        Raises:
            Cancelled: Somebody asked the job to stop.
        """
        if (self._folder / CANCEL).exists():
            raise Cancelled

    def record(self, event: dict[str, Any]) -> None:
        """Append an event; what is no step of the work says its `kind`."""
        line = json.dumps(event, ensure_ascii=False) + "\n"
        self._try(lambda: _append(self._folder / EVENTS, line))

    def restart_clock(self) -> None:
        """Begin a new stage: its remaining time is estimated from its own steps."""
        self._began, self._first_step = time.monotonic(), NO_STEP

    def end(self, state: State, message: str, **result: Any) -> None:
        """Record how the job ended."""
        self._status = replace(self._status, state=state, message=message, eta=None, result=result)
        self._write()

    def _write(self) -> None:
        self._status = replace(self._status, heartbeat=time.time())
        self._try(lambda: write_json(self._folder / STATUS, asdict(self._status)))

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except (OSError, LabError) as error:
            if not self._refused:
                log.warning("What the job reports is not written down: %s", error)
            self._refused = True

    @contextmanager
    def hold_device(self, settings: Settings) -> Iterator[None]:
        """Wait for the device, then hold it: state `queued` becomes `running`."""
        from filelock import FileLock, Timeout

        lock = FileLock(settings.folder("jobs") / "device.lock")
        while True:
            before = count_before(settings, self._folder)
            self.report(0, 0, f"Waiting: {before} before this one" if before else "Waiting for another job to end")
            try:
                lock.acquire(timeout=0.5)
                break
            except Timeout:
                continue
        try:
            self._status = replace(self._status, state="running", message="Loading")
            self.restart_clock()
            self._write()
            yield
        finally:
            lock.release()
