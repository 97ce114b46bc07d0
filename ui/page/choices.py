"""What the tabs let a person choose from: tasks, ways of decoding."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from core.settings import Settings
from core.tasks.folders import load_tasks

Choices = Sequence[tuple[str, str]]  # (label, value)
DECODING = [("Free", "free"), ("Held to the schema", "constrained"), ("Draft, then held", "think")]
FIRST = "hiring-handbook"  # The quickest to train and to ask; `make demo` prepares it.

log = logging.getLogger(__name__)


def list_choices(settings: Settings) -> list[tuple[str, str]]:
    """Return (title, name) of every usable task, the demo's first; an unusable one is logged and left out."""
    listing = load_tasks(settings)
    for sentence in listing.damaged:
        log.warning("Left out: %s", sentence)
    choices = [(task.title, task.name) for task in listing.whole]
    return sorted(choices, key=lambda choice: choice[1] != FIRST)
