"""The page in a process of its own, as the benchmarks of its speed use it: it also tells how long its event loop is held up.

`python -m benchmarks.served_page PORT` serves it; `GET /lag` returns what the loop's own delays were since the last look.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
SAMPLE_SECONDS = 0.02
LONG_SECONDS = 0.1  # A person notices a click that is answered later.
START_SECONDS = 180.0


@dataclass
class LoopLag:
    """A task in the event loop that sleeps and measures how much later than asked it wakes."""

    delays: list[float] = field(default_factory=list)
    _task: Any = None

    async def tell(self, request: Any) -> Any:
        """Answer `GET /lag` and begin anew."""
        from starlette.responses import JSONResponse

        self._task = self._task or asyncio.create_task(self._sample())
        seen, self.delays = sorted(self.delays), []
        return JSONResponse(describe_lag(seen))

    async def _sample(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(SAMPLE_SECONDS)
            self.delays.append(max(0.0, time.monotonic() - began - SAMPLE_SECONDS))


def describe_lag(seen: list[float]) -> dict[str, float]:
    """Return what delays in ascending order come to, in milliseconds."""
    if not seen:
        return {"samples": 0}
    return {
        "samples": len(seen),
        "p50_ms": round(1000 * pick(seen, 0.5), 1),
        "p99_ms": round(1000 * pick(seen, 0.99), 1),
        "worst_ms": round(1000 * seen[-1], 1),
        "over_100_ms": sum(delay > LONG_SECONDS for delay in seen),
    }


def pick(ordered: list[float], share: float) -> float:
    """Return the value below which a share of an ascending list lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True)
class ServedPage:
    """A page that runs: its address, its process, when it was started (`time.monotonic`)."""

    url: str
    process: subprocess.Popen[bytes]
    began: float

    def read_lag(self) -> dict[str, float]:
        """Return the loop's delays since the last look; the first look only begins, once the page listens and knows the address."""
        deadline = time.monotonic() + START_SECONDS
        while (answer := httpx.get(f"{self.url}/lag", timeout=30)).status_code == httpx.codes.NOT_FOUND:
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        return dict(answer.raise_for_status().json())

    def measure_work(self) -> float:
        """Return the seconds that the server has computed so far, of all its threads: on a busy machine the truer number."""
        times = psutil.Process(self.process.pid).cpu_times()
        return round(times.user + times.system, 2)

    def measure_memory(self) -> float:
        """Return the server's resident memory in MiB."""
        return round(psutil.Process(self.process.pid).memory_info().rss / 2**20, 1)


@contextmanager
def serve(*, plain: bool = False, environment: Mapping[str, str] | None = None) -> Iterator[ServedPage]:
    """Start the page, wait until it listens, stop it at the end.

    Args:
        plain: Start it as a person does (`python app.py`), without the task that measures the loop.
        environment: Added to the present one.

    Raises:
        RuntimeError: It ended, or does not listen; its last words are in the message.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "app.py"] if plain else [sys.executable, "-m", "benchmarks.served_page", str(port)]
    log = Path(tempfile.gettempdir()) / f"served-page-{port}.log"
    began = time.monotonic()
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **(environment or {}), "PORT": str(port)}, stdout=written, stderr=written
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(port, process, log)
        yield ServedPage(url, process, began)
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.unlink(missing_ok=True)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until somebody listens; no request is made, which would take its share of the processor."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"The page does not listen. {log.read_text(errors='replace')[-2000:]}")


def main(port: int) -> None:
    """Serve the page with the task that measures its loop, until the process is ended."""
    from starlette.routing import Route

    from core.settings import read_settings
    from ui.page.app import launch

    page, _ = launch(read_settings(), port=port, block=False)
    page.app.router.routes.insert(0, Route("/lag", LoopLag().tell))
    page.block_thread()


if __name__ == "__main__":
    main(int(sys.argv[1]))
