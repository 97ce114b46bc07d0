"""A job's own side: it reports steps, learns of a cancellation by the same call, and waits for the device.

One job computes at a time; the others queue on a lock that the operating system frees when its holder dies.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from core.errors import Cancelled, LabError
from core.jobs import CANCEL, EVENTS, STATUS, JobState, JobStatus, count_before
from core.settings import Settings
from core.storage import write_json
from core.turns import list_turns

NO_STEP = 2**62  # Larger than any step: the next report is then the first of its stage.
LOCK_SECONDS = 0.5  # A waiting job looks so often whether it was cancelled.
TURN_SECONDS = 1.5  # And so often, among visitors, whose turn it is: that look reads every home's jobs.
log = logging.getLogger(__name__)


class Watcher(Protocol):
    """Is told how long work goes on; each front door has its own."""

    def __call__(self, stage: str, step: int, total: int, note: str = "", **metrics: float) -> None:
        """Take a step of a stage; raises `Cancelled` where the work was asked to stop."""

    def check(self) -> None:
        """Ask between two steps whether to go on; raises `Cancelled` where not."""

    def record(self, event: dict[str, Any]) -> None:
        """Take an event that is no step: an evaluation, a notice."""

    def say(self, text: str) -> None:
        """Take a sentence for people."""


class JobWriter:
    """Writes a job's files.

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

    def end(self, state: JobState, message: str, **result: Any) -> None:
        """Record how the job ended."""
        self._status = replace(self._status, state=state, message=message, eta=None, result=result)
        self._write()

    @contextmanager
    def hold_device(self, settings: Settings) -> Iterator[None]:
        """Wait for the device, then hold it: state `queued` becomes `running`."""
        from filelock import FileLock, Timeout

        (settings.root / "jobs").mkdir(parents=True, exist_ok=True)
        lock = FileLock(settings.root / "jobs" / "device.lock")
        while True:
            before = _count_before(settings, self._folder)
            self.report(0, 0, f"Waiting: {before} before this one" if before else "Waiting for another job to end")
            try:
                if settings.hosted and before:
                    time.sleep(TURN_SECONDS)  # Not its turn: the lock alone knows no order.
                    continue
                lock.acquire(timeout=LOCK_SECONDS)
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

    def _write(self) -> None:
        self._status = replace(self._status, heartbeat=time.time())
        self._try(lambda: write_json(self._folder / STATUS, self._status.as_json()))

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except (OSError, LabError) as error:
            if not self._refused:
                log.warning("What the job reports is not written down: %s", error)
            self._refused = True


def _count_before(settings: Settings, folder: Path) -> int:
    """Return how many jobs compute before this one."""
    if not settings.hosted:
        return count_before(settings, folder)
    names = [one.name for one in list_turns(settings)]
    return names.index(folder.name) if folder.name in names else 0


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(line)
