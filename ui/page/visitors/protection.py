"""What stands around the page where strangers share it: the gate before its server, and the removal of what is idle."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Thread
from typing import Any

from core.settings import Settings
from lab.lab import Lab
from lab.limits import HOSTED
from lab.visitors import remove_idle
from ui.page.visitors.door import find_door
from ui.page.visitors.gate import VisitorGate, read_hosts
from ui.page.visitors.offers import sweep_idle

SWEEP_SECONDS = 600.0  # Between two looks at who was not here for a day.
log = logging.getLogger(__name__)


def protect(lab: Lab, options: Mapping[str, Any]) -> tuple[dict[str, Any], int | None]:
    """Return what the server is started with, and how many events may wait; on one's own machine what was given.

    Args:
        lab: What the page is built over.
        options: The usual.
    """
    door = find_door(lab)
    if door is None:
        return dict(options), None
    from gradio.utils import get_upload_folder
    from starlette.middleware import Middleware

    cache = Path(get_upload_folder())
    remove_regularly(door.host.settings, cache)
    gate = Middleware(VisitorGate, claims=door.claims, cache=cache, hosts=read_hosts())
    return {**options, "app_kwargs": {**options.get("app_kwargs", {}), "middleware": [gate]}}, HOSTED.events


def remove_regularly(settings: Settings, cache: Path, *, every: float = SWEEP_SECONDS, stop: Event | None = None) -> Thread:
    """Remove what idle visitors have, now and again, for as long as the process lives; returns the thread that does it."""
    ended = stop or Event()

    def sweep() -> None:
        while True:
            for home in remove_idle(settings):
                log.info("Removed what an idle visitor had: %s", home.name[:8])
            sweep_idle(cache)
            if ended.wait(every):
                return

    thread = Thread(target=sweep, name="remove-idle", daemon=True)
    thread.start()
    return thread
