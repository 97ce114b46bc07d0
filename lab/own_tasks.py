"""A person's own tasks after they are made: renamed, deleted, put back; and what hangs on each."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.comparison.runs import list_runs
from core.errors import LabError
from core.jobs import list_statuses, read_config
from core.settings import Settings
from core.storage import SHOWN_NAME
from core.tasks.folders import find_task, list_tasks
from core.tasks.loading import read_title
from core.tasks.settings_file import FILE, write_settings
from core.tasks.trash import TrashEntry, empty_trash, list_trash, restore, throw_away
from finetune.adapters.store import list_adapters

LONGEST_TITLE = 120  # Characters.


@dataclass(frozen=True, slots=True)
class Belongings:
    """What hangs on a task.

    Args:
        examples: How many rows of training and test it has.
        documents: How many files of documents lie in its folder.
        indexed: Whether there is an index of its documents or examples.
        adapters: How many adapters were trained for it.
        runs: How many comparisons were made with it.
        active: Ids of jobs that work on it now.
    """

    examples: int
    documents: int
    indexed: bool
    adapters: int
    runs: int
    active: tuple[str, ...] = ()


def list_own(settings: Settings) -> list[Path]:
    """Return the folders of the tasks that a person made or took in."""
    return [folder for folder in list_tasks(settings) if is_own(settings, folder)]


def is_own(settings: Settings, folder: Path) -> bool:
    """Say whether a task lies among a person's own; bundled ones and folders elsewhere do not."""
    return folder.resolve().parent == settings.folder("tasks").resolve()


def find_own(settings: Settings, name: str, verb: str) -> Path:
    """Return the folder of a task of a person's own.

    Args:
        settings: Whose home.
        name: The task's name.
        verb: What is to be done with it, for the error: `renamed`, `deleted`.

    Raises:
        LabError: There is no such task, or it is not theirs.
    """
    folder = find_task(name, settings)
    if is_own(settings, folder):
        return folder
    if folder.name == name:  # Found by its name, among those that everybody has; other folders are given as paths.
        raise LabError(
            f"{folder.name} comes with the lab and cannot be {verb}.",
            "Export it and take it in under another name to have one of your own.",
        )
    raise LabError(f"{folder} is a folder of yours outside the lab and is not {verb} by it.", "Change it where it lies.")


def rename_task(settings: Settings, name: str, title: str) -> str:
    """Give a task another title; returns it. Its name, which indexes, adapters and runs know it by, stays.

    Raises:
        LabError: The title is empty or too long, or the task is not the person's own.
    """
    folder = find_own(settings, name, "renamed")
    wanted = " ".join(title.split())
    if not wanted or len(wanted) > LONGEST_TITLE or not wanted.isprintable():
        raise LabError(f"{wanted[:SHOWN_NAME]!r} is no title.", f"Use 1 to {LONGEST_TITLE} characters that can be printed.")
    try:
        present = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LabError(f"Cannot read {folder / FILE}: {error}.") from error
    tuned = present.get("tuned", {})
    write_settings(folder, {"title": wanted}, tuned=tuned if isinstance(tuned, dict) else {})
    return wanted


def describe_belongings(settings: Settings, name: str) -> Belongings:
    """Say what hangs on a task. Reads lists only; a damaged row counts like any other.

    Raises:
        LabError: There is no such task.
    """
    folder = find_task(name, settings)
    documents = [path for path in (folder / "documents").rglob("*") if path.is_file() and not path.name.startswith(".")]
    return Belongings(
        examples=sum(_count_lines(folder / f"{split}.jsonl") for split in ("train", "test")),
        documents=len(documents),
        indexed=any(place.is_dir() for place in _list_indexes(settings, folder.name)),
        adapters=len(list_adapters(settings, task=folder.name)),
        runs=sum(run.task == folder.name for run in list_runs(settings).whole),
        active=tuple(_list_active(settings, folder.name)),
    )


def tell_belongings(found: Belongings) -> list[str]:
    """Return what hangs on a task in sentences, and what becomes of it when the task is deleted."""
    goes = [f"{found.examples:,} examples"]
    goes += [_count(found.documents, "document")] if found.documents else []
    goes += ["its index"] if found.indexed else []
    stays = [_count(found.adapters, "adapter")] if found.adapters else []
    stays += [f"{_count(found.runs, 'comparison')} with all answers"] if found.runs else []
    told = [f"Goes to the trash for a day, then for good: {_join(goes)}."]
    if stays:
        told.append(f"Stays and can be opened as before: {_join(stays)}.")
    else:
        told.append("No adapter was trained for it and no comparison was made with it.")
    if found.active:
        told.append(f"A job works on it now ({found.active[0]}): cancel it or wait for its end first.")
    return told


def delete_task(settings: Settings, name: str) -> TrashEntry:
    """Move a task with its documents and index to the trash, where it stays a day. Adapters and runs stay where they are.

    What is older than a day in the trash goes for good.

    Raises:
        LabError: The task is not the person's own, a job works on it, or the disk refuses.
    """
    folder = find_own(settings, name, "deleted")
    if active := _list_active(settings, folder.name):
        raise LabError(
            f"A job works on {folder.name} now ({active[0]}).", "Wait for its end or cancel it; nothing was deleted."
        )
    empty_trash(settings)
    try:
        title = read_title(folder)
    except LabError:  # A damaged task can be deleted too.
        title = folder.name
    return throw_away(
        settings, folder.name, title, [settings.folder("tasks") / folder.name, *_list_indexes(settings, folder.name)]
    )


def restore_task(settings: Settings, name: str) -> TrashEntry:
    """Put the task back that was deleted last under this name, or the entry of this id.

    Raises:
        LabError: Nothing of this name is in the trash, or its name was taken meanwhile.
    """
    entries = list_trash(settings).whole
    found = next((entry for entry in entries if name in (entry.id, entry.task)), None)
    if found is None:
        known = ", ".join(dict.fromkeys(entry.task for entry in entries)) or "nothing"
        raise LabError(f"There is no deleted task {name[:SHOWN_NAME]!r}.", f"In the trash: {known}; it is kept for a day.")
    return restore(settings, found.id)


def _list_indexes(settings: Settings, name: str) -> list[Path]:
    return [settings.folder("indexes") / name, settings.folder("indexes") / f"{name}.examples"]


def _count_lines(path: Path) -> int:
    with suppress(OSError):
        return sum(1 for line in path.read_bytes().splitlines() if line.strip())
    return 0


def _list_active(settings: Settings, name: str) -> list[str]:
    """Return the ids of jobs that work on a task now."""
    active = []
    for folder, status in list_statuses(settings).whole:
        if status.active:
            with suppress(LabError):  # Whose a damaged job is cannot be read.
                if read_config(folder).task == name:
                    active.append(folder.name)
    return active


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
