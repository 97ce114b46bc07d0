"""A process that parses files, so that a parser which hangs, crashes or eats the memory costs one file only.

The parent writes one JSON line per file to the worker's standard input and reads one JSON line back. A fresh
interpreter is started, not a fork: threads and locks of the parent (a web server, OpenMP) do not survive forking,
and the parent's main module is not run a second time. Libraries are loaded here, at the first file that needs them.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from core.values import Document
from retrieval.readers.registry import Limits, Problem, SourceFile, parse_file

COMMAND = (sys.executable, "-m", "retrieval.readers.worker")
START_SECONDS = 60.0  # For a fresh interpreter, on a busy machine.
GRACE_SECONDS = 5.0  # After its limit, before the worker ends itself: first its parent, if there is one, tries.
MESSAGE_CHARACTERS = 300  # Of a crashed parser's last words in a problem.
_log = logging.getLogger(__name__)


class ParsingWorker:
    """Parses files in one process, started at the first file and replaced when it was killed or crashed.

    Args:
        limits: Of every file.
        command: What starts the process; another one serves tests.
    """

    def __init__(self, limits: Limits, *, command: Sequence[str] = COMMAND) -> None:
        self._limits = limits
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[bytes] | None = None

    def __enter__(self) -> ParsingWorker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def parse(self, file: SourceFile) -> list[Document | Problem]:
        """Parse one file; see `documents.parse_files`.

        Raises:
            RuntimeError: The worker cannot be started at all.
        """
        process = self._process or self._start()
        answer, late = self._ask(process, json.dumps([file.id, str(file.path.absolute()), file.sha256, file.bytes]))
        if answer.endswith("\n"):
            if late:
                self.close()  # The answer came just as the time ran out.
            return [_from_json(item) for item in json.loads(answer)]
        return [Problem(file.name, self._explain(file, late))]

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        if self._errors is not None:
            self._errors.close()
        self._process = self._errors = None

    def _start(self) -> subprocess.Popen[str]:
        # Messages go to a file: a pipe that nobody reads blocks the one who writes it.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        self._process = subprocess.Popen(
            [*self._command, json.dumps(asdict(self._limits))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            cwd=Path(__file__).resolve().parents[2],
        )
        ready, _ = self._ask(self._process, "", seconds=START_SECONDS)
        if not ready:
            last = self._last_line()
            self.close()
            raise RuntimeError(f"The parser of documents does not start: {last}")
        return self._process

    def _ask(self, process: subprocess.Popen[str], line: str, *, seconds: float | None = None) -> tuple[str, bool]:
        """Send a line, return the line that comes back and whether the time ran out; "" when the process ended."""
        assert process.stdin is not None
        assert process.stdout is not None
        expired = threading.Event()

        def kill() -> None:
            expired.set()
            process.kill()

        timer = threading.Timer(seconds or self._limits.seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            timer.cancel()
            timer.join()  # From here on it kills nothing: the process may be at the next file.
        return answer, expired.is_set()

    def _explain(self, file: SourceFile, late: bool) -> str:
        """Say why no answer came, and clear the process away so that the next file gets a new one."""
        process, last = self._process, self._last_line().replace(str(file.path.absolute()), file.path.name)
        self.close()
        code = process.returncode if process else 0
        if late:
            return f"Reading it took longer than {self._limits.seconds:g} s and was stopped."
        _log.warning("The parser ended at %s (exit code %s): %s", file.name, code, last)
        if "MemoryError" in last or "bad_alloc" in last:
            return f"Reading it takes more than {self._limits.memory_bytes / 2**30:g} GiB of memory."
        return f"It is damaged: its parser stopped with {last or f'exit code {code}'}."

    def _last_line(self) -> str:
        if self._process is None or self._errors is None:
            return ""
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")[:MESSAGE_CHARACTERS]


def main(limits: Limits) -> None:
    """Answer requests on standard input until it ends. An unforeseen error ends the process; its parent says so."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # What a library prints must not look like an answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle.
    _limit_memory(limits.memory_bytes)
    for line in sys.stdin:
        _set_alarm(limits.seconds + GRACE_SECONDS)
        answers.write((_answer(line, limits) if line.strip() else "ready") + "\n")
        answers.flush()
        _set_alarm(0)


def _answer(line: str, limits: Limits) -> str:
    file_id, path, sha256, size = json.loads(line)
    results = parse_file(SourceFile(file_id, Path(path), sha256, size), limits)
    return json.dumps([{"kind": type(result).__name__, **asdict(result)} for result in results])


def _from_json(item: dict[str, Any]) -> Document | Problem:
    fields = {key: value for key, value in item.items() if key != "kind"}
    return Problem(**fields) if item["kind"] == "Problem" else Document(**{**fields, "pages": tuple(fields["pages"])})


def _limit_memory(size: int) -> None:
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))


def _set_alarm(seconds: float) -> None:
    """Let the system end this process when time is up, even inside a library or after its parent; 0 takes that back."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main(Limits(**json.loads(sys.argv[1])))
