"""Looking at a job's files again and again: often while it is active, seldom while there is nothing to see.

An open page must cost next to nothing: on a small machine its ticks are taken from the training that it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from core.errors import LabError
from core.jobs import find_job, read_status
from core.settings import Settings

BUSY_SECONDS = 1.5  # While it runs: a look reads files only, so it may be often.
IDLE_SECONDS = 15.0  # Not never: a job may be resumed from another tab or the command line.
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Where an event has several handlers, at most one is `always_last` (Gradio's default for `change`): the page sends the whole
# event again for a handler that it put off, so two of them put each other off without end, 27 requests a second. The others
# take every call, one after the other: the last answer is that of the last call.
EVERY: dict[str, Any] = {**QUIET, "trigger_mode": "multiple", "concurrency_limit": 1}


def poll_job(
    settings: Settings,
    job: gr.BrowserState,
    look: Callable[..., Sequence[Any]],
    *,
    known: Sequence[gr.State] = (),
    outputs: Sequence[gr.components.Component],
    wake: Sequence[Any],
) -> gr.Timer:
    """Fill `outputs` with `look(name of the job, *known)` at intervals, and with nothing known at each event of `wake`.

    Returns the timer: an event that starts the job anew sets it to `BUSY_SECONDS`.
    """
    timer = gr.Timer(IDLE_SECONDS)

    def follow(name: str | None, *values: Any) -> list[Any]:
        interval = choose_interval(settings, name)  # Before the look: a job that ends in between is looked at once more soon.
        return [*look(name, *values), gr.Timer(interval)]

    def look_anew(name: str | None) -> list[Any]:
        return follow(name, *[None] * len(known))

    every = [*outputs, timer]
    timer.tick(follow, [job, *known], every, concurrency_limit=None, **QUIET)
    # A tab that is opened late has not drawn what was sent before.
    gr.on(wake, look_anew, job, every, **EVERY)
    return timer


def choose_interval(settings: Settings, name: str | None) -> float:
    """Return the seconds until the next look at a job."""
    try:
        active = name is not None and read_status(find_job(settings, name)).active
    except LabError:
        active = False
    return BUSY_SECONDS if active else IDLE_SECONDS
