"""What the tabs let a person choose from: tasks, ways of decoding."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.settings import Settings
from core.stored import read_each
from core.tasks.folders import list_tasks, stamp_task
from core.tasks.loading import read_title

Choices = Sequence[tuple[str, str]]  # (label, value)
DECODING = [("Free", "free"), ("Held to the schema", "constrained"), ("Draft, then held", "think")]
FIRST = "hiring-handbook"  # The quickest to train and to ask; `make demo` prepares it.

log = logging.getLogger(__name__)


def list_choices(settings: Settings) -> list[tuple[str, str]]:
    """Return (title, name) of every usable task, the demo's first; an unusable one is logged and left out."""
    listing = read_each(list_tasks(settings), lambda folder: _read_title(folder, stamp_task(folder)))
    for sentence in listing.damaged:
        log.warning("Left out: %s", sentence)
    return sorted(listing.whole, key=lambda choice: choice[1] != FIRST)


@lru_cache(maxsize=256)
def _read_title(folder: Path, stamp: Any) -> tuple[str, str]:
    """Return a task's title and name; `stamp` makes a task whose files have changed be read anew."""
    return read_title(folder), folder.name
