"""What was deleted and can still come back: folders of the home, set aside together for a day."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import LabError
from core.settings import Settings
from core.storage import cannot_write, child, write_json
from core.stored import Listing, Stored, read_each, read_stored

FOLDER = "trash"  # Of the home.
ENTRY = "entry.json"
KEPT_SECONDS = 86_400.0  # A day: whoever deletes by mistake notices by then.


@dataclass(frozen=True, slots=True)
class TrashEntry(Stored):
    """A task that was deleted.

    Args:
        id: Name of its folder in the trash.
        task: The task's name.
        title: What people called it.
        deleted: When, in seconds since the epoch.
        parts: The folders that went, as paths below the home.
    """

    id: str
    task: str
    title: str
    deleted: float
    parts: tuple[str, ...]


def throw_away(settings: Settings, task: str, title: str, folders: Sequence[Path], *, now: float | None = None) -> TrashEntry:
    """Move a task's folders to the trash, all of them or none.

    Args:
        settings: Whose home.
        task: The task's name.
        title: What people call it.
        folders: Folders below the home; those that are not there are passed over.
        now: Seconds since the epoch.

    Raises:
        LabError: The disk refuses.
    """
    moment = time.time() if now is None else now
    stamp = datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d-%H%M%S")
    name = f"{stamp}-{task}-{secrets.token_hex(2)}"
    parts = tuple(folder.relative_to(settings.home).as_posix() for folder in folders if folder.is_dir())
    entry = TrashEntry(name, task, title, moment, parts)
    place = settings.folder(FOLDER) / name
    write_json(place / ENTRY, entry.as_json())  # First: what is cut off in the middle can still be put back.
    _move_all([(settings.home / part, place / "home" / part) for part in parts], unused=place)
    return entry


def restore(settings: Settings, entry_id: str) -> TrashEntry:
    """Put back what was deleted.

    Raises:
        LabError: There is no such entry any more, its name was taken meanwhile, or the disk refuses; nothing is changed.
    """
    entry = find_entry(settings, entry_id)
    place = settings.folder(FOLDER) / entry.id
    taken = [part for part in entry.parts if (settings.home / part).exists() and (place / "home" / part).exists()]
    if taken:
        raise LabError(f"There is a task {entry.task!r} again ({taken[0]}).", "Delete that one first; nothing was changed.")
    moves = [(place / "home" / part, settings.home / part) for part in entry.parts if (place / "home" / part).exists()]
    _move_all(moves, unused=None)
    shutil.rmtree(place, ignore_errors=True)
    return entry


def list_trash(settings: Settings) -> Listing[TrashEntry]:
    """Return what can be put back, the newest first, and name damaged entries."""
    folders = sorted(settings.folder(FOLDER).glob("[!.]*/"), reverse=True)
    return read_each(folders, lambda folder: read_stored(TrashEntry, folder / ENTRY))


def find_entry(settings: Settings, entry_id: str) -> TrashEntry:
    """Return an entry of the trash by its id.

    Raises:
        LabError: There is none, or it is damaged.
    """
    remedy = "What was deleted is kept for a day."
    folder = child(settings.folder(FOLDER), entry_id, what="deleted task", remedy=remedy)
    if not folder.is_dir():
        raise LabError(f"There is no deleted task {entry_id!r} any more.", remedy)
    return read_stored(TrashEntry, folder / ENTRY)


def remove_for_good(settings: Settings, entry_id: str) -> TrashEntry:
    """Remove an entry from the disk.

    Raises:
        LabError: There is none, or it is damaged.
    """
    entry = find_entry(settings, entry_id)
    shutil.rmtree(settings.folder(FOLDER) / entry.id, ignore_errors=True)
    return entry


def empty_trash(settings: Settings, *, older: float = KEPT_SECONDS, now: float | None = None) -> list[str]:
    """Remove what was deleted more than `older` seconds ago; returns the names of those tasks."""
    moment = time.time() if now is None else now
    gone = [entry for entry in list_trash(settings).whole if moment - entry.deleted >= older]
    for entry in gone:
        shutil.rmtree(settings.folder(FOLDER) / entry.id, ignore_errors=True)
    return [entry.task for entry in gone]


def _move_all(moves: Sequence[tuple[Path, Path]], *, unused: Path | None) -> None:
    """Move folders one after the other; where one cannot be moved, those before it go back and `unused` is removed.

    Raises:
        LabError: One cannot be moved.
    """
    done: list[tuple[Path, Path]] = []
    for source, target in moves:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, target)
        except OSError as error:
            for before, after in reversed(done):
                with suppress(OSError):
                    os.replace(after, before)
            if unused is not None:
                shutil.rmtree(unused, ignore_errors=True)
            raise cannot_write(target, error) from error
        done.append((source, target))
