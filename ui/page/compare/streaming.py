"""Partial texts of a call that works in another thread, and its result; closing the iterator stops the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Event
from typing import TypeVar

from core.errors import Cancelled
from core.values import OnText

Result = TypeVar("Result")
POLL_SECONDS = 0.2  # Five texts a second read as flowing; each one draws all cards anew.


def stream(work: Callable[[OnText], Result]) -> Iterator[dict[int, str] | tuple[Result]]:
    """Yield the latest partial texts by index a few times a second, and at the end the result in a tuple.

    Args:
        work: Is given a function to call with (index, text so far); that raises `Cancelled` once the iterator
            has been closed, so the work ends at its next step.

    Raises:
        Exception: Whatever the work raised.
    """
    texts: SimpleQueue[tuple[int, str]] = SimpleQueue()
    stopped = Event()

    def tell(index: int, text: str) -> None:
        if stopped.is_set():
            raise Cancelled
        texts.put((index, text))

    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(copy_context().run, work, tell)  # It works for whoever asked.
        try:
            while not future.done():
                wait([future], timeout=POLL_SECONDS)
                latest = _take_latest(texts)
                if latest and not future.done():
                    yield latest
        finally:
            stopped.set()
        yield (future.result(),)


def _take_latest(texts: SimpleQueue[tuple[int, str]]) -> dict[int, str]:
    latest: dict[int, str] = {}
    while True:
        try:
            index, text = texts.get_nowait()
        except Empty:
            return latest
        latest[index] = text
