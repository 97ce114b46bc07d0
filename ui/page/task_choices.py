"""The tasks that a page offers."""

from __future__ import annotations

import logging

from core.errors import LabError
from core.settings import Settings
from core.tasks.task import list_tasks, load_task

FIRST = "hiring-handbook"  # The quickest to train and to ask; `make demo` prepares it.

log = logging.getLogger(__name__)


def list_choices(settings: Settings) -> list[tuple[str, str]]:
    """Return (title, name) of every usable task, the demo's first; an unusable one is logged and left out."""
    choices = []
    for folder in list_tasks(settings):
        try:
            choices.append((load_task(folder, lenient=True).title, folder.name))
        except LabError as error:
            log.warning("Left out: %s", error)
    return sorted(choices, key=lambda choice: choice[1] != FIRST)
