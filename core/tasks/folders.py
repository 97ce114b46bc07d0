"""Where tasks lie: bundled ones, a person's own, and what a name or a path stands for."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

from core.errors import LabError
from core.settings import BUNDLED_TASKS, Settings
from core.storage import SHOWN_NAME
from core.stored import Listing, read_each
from core.tasks.loading import load_task
from core.tasks.task import Task

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")  # Fits every file system and a URL as it is.


def list_tasks(settings: Settings) -> list[Path]:
    """Return the folders of all tasks: the person's own first hide bundled ones of the same name."""
    folders: dict[str, Path] = {}
    for parent in (BUNDLED_TASKS, *reversed(settings.places("tasks"))):
        for path in sorted(parent.glob("*/task.toml")):
            folders[path.parent.name] = path.parent
    return list(folders.values())


def owns(settings: Settings, folder: Path) -> bool:
    """Whether a task's folder may be written: a visitor's own only; on one's own machine every one that did not come with it."""
    folder = folder.resolve()
    return (
        folder.is_relative_to(settings.home.resolve())
        if settings.shared is not None
        else not folder.is_relative_to(BUNDLED_TASKS)
    )


def load_tasks(settings: Settings) -> Listing[Task]:
    """Load every task, bad rows left out; a damaged task is named and the others are returned."""
    return read_each(list_tasks(settings), partial(load_task, lenient=True))


def stamp_task(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when a file of a task does: names, times and sizes of those that `load_task` reads."""
    files = [folder / name for name in ("schema.json", "task.toml", "test.jsonl", "train.jsonl")]
    found = [(path.name, path.stat()) for path in files if path.is_file()]
    return tuple((name, status.st_mtime_ns, status.st_size) for name, status in found)


def place_task(tasks: Path, name: str) -> Path:
    """Return where a new task of this name goes.

    Raises:
        LabError: The name is no name, or is taken.
    """
    if not NAME.fullmatch(name):
        raise LabError(f"{name[:SHOWN_NAME]!r} is no name for a task.", "Use small letters, digits and hyphens, at most 64.")
    if (tasks / name).exists() or (BUNDLED_TASKS / name).exists():
        raise LabError(f"There is a task {name!r} already.", "Choose another name; nothing was changed.")
    return tasks / name


def name_task(task: Task, settings: Settings) -> str:
    """Return what commands call a task: its name where that leads to its folder, else the path."""
    try:
        by_name = find_task(task.name, settings).samefile(task.folder)
    except (LabError, OSError):  # No such name, or the folder is gone by now.
        by_name = False
    return task.name if by_name else str(task.folder.resolve())


def find_task(name: str, settings: Settings) -> Path:
    """Resolve a task's name or path to its folder.

    Raises:
        LabError: There is no such task; the known names are listed.
    """
    folders = {path.name: path for path in list_tasks(settings)}
    if name in folders:
        return folders[name]
    if settings.shared is not None:  # A path would lead to what is another visitor's.
        raise LabError(f"There is no task {name[:SHOWN_NAME]!r}.", f"Known tasks: {', '.join(folders) or 'none'}.")
    path = Path(os.path.expanduser(name))
    # `os.path` answers no where `Path` raises: a name may be longer than a path can be, or hold a NUL byte.
    if name and os.path.isfile(path / "task.toml"):
        return path.resolve()
    if name and os.path.isdir(path):
        raise LabError(f"{path} is no task: it has no task.toml.", "See tasks/README.md for the form of a task folder.")
    raise LabError(
        f"There is no task {name[:SHOWN_NAME]!r}.", f"Known tasks: {', '.join(folders) or 'none'}; or give a folder."
    )
