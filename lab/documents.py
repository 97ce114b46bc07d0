"""What the page says about a task's documents: each with its counts and state, what was left out and why, the index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.errors import LabError
from core.jobs import JobStatus, list_configs, read_status
from core.settings import Settings
from core.stored import read_each
from core.tasks.task import Task
from core.values import Document
from lab.lab import Lab

HoldingState = Literal["in the index", "changed since", "not in the index", "its file is gone"]
LARGEST_LIST = 500


@dataclass(frozen=True, slots=True)
class Holding:
    """One document. Counts are 0 while it is not in the index; `parts` says how many pages or rows, where it has any."""

    id: str
    title: str
    origin: str
    words: int
    passages: int
    parts: str
    own: bool
    state: HoldingState


@dataclass(frozen=True)
class Holdings:
    """The documents of a task.

    Args:
        documents: At most 500, by id.
        count: How many there are.
        own: Ids of those that a person added: they may be deleted.
        waiting: How many the next indexing will read, or take out.
        problems: (file, reason) of what the last indexing left out.
        notes: What a person must know of the index, none at all included.
        indexed: Whether there is an index that answers.
        stale: Whether only words are searched until it is brought up to date.
    """

    documents: list[Holding]
    count: int
    own: list[str]
    waiting: int
    problems: list[tuple[str, str]]
    notes: tuple[str, ...]
    indexed: bool
    stale: bool


def list_holdings(lab: Lab, task: Task) -> Holdings:
    """List a task's documents, on the disk and in the index. Hashes the files; opens the index."""
    index, notes = _open(lab, task)
    versions = index.list_documents() if index is not None else {}
    files = {file.id: file for file in lab.library.list_files(task, versions)}
    own = lab.library.choose_own(task, files.values())
    names = sorted(files.keys() | versions.keys())
    states = {name: _compare(files.get(name), versions.get(name)) for name in names}
    return Holdings(
        documents=[
            _describe(name, files.get(name), index, own=name in own, state=states[name]) for name in names[:LARGEST_LIST]
        ],
        count=len(names),
        own=sorted(own),
        waiting=sum(state != "in the index" for state in states.values()),
        problems=find_problems(lab.settings, task),
        notes=notes,
        indexed=index is not None,
        stale=index is not None and index.stale,
    )


def find_problems(settings: Settings, task: Task) -> list[tuple[str, str]]:
    """Return (file, reason) of what the task's last finished indexing job left out."""
    for _, status in _list_indexings(settings, task):
        if status.state == "done":
            return [(str(item["path"]), str(item["reason"])) for item in status.result.get("problems", [])]
    return []


def check_idle(settings: Settings, task: Task) -> None:
    """Refuse to change an index that a job is about to change.

    Raises:
        LabError: There is such a job.
    """
    if any(status.active for _, status in _list_indexings(settings, task)):
        raise LabError(f"The documents of {task.name} are just being indexed.", "Wait for the end of it, or cancel it.")


def _list_indexings(settings: Settings, task: Task) -> list[tuple[Path, JobStatus]]:
    """Return the readable indexing jobs of a task, newest first; a damaged one hides no other."""
    folders = [folder for folder, _ in list_configs(settings, "index", task.name)]
    return read_each(folders, lambda folder: (folder, read_status(folder))).whole


def _open(lab: Lab, task: Task) -> tuple[Any, tuple[str, ...]]:
    try:
        index = lab.library.load_index(task)
    except LabError as error:
        return None, (str(error),)
    return index, index.notes


def _compare(file: Any, version: Any) -> HoldingState:
    if version is None:
        return "not in the index"
    if file is None:
        return "its file is gone"
    return "in the index" if (file.sha256, file.name) == (version.sha256, version.origin) else "changed since"


def _describe(name: str, file: Any, index: Any, *, own: bool, state: HoldingState) -> Holding:
    document: Document | None = index.load_document(name) if index is not None else None
    if document is None:
        return Holding(name, "", file.name, 0, 0, "", own, state)
    return Holding(
        id=name,
        title=document.title,
        origin=document.origin or name,
        words=len(document.text.split()),
        passages=len(index.select([name])),
        parts=_count_parts(document),
        own=own,
        state=state,
    )


def _count_parts(document: Document) -> str:
    """Say how many pages or rows a document has; empty for kinds that have neither."""
    if not document.pages:
        return ""
    unit = "page" if document.origin.lower().endswith(".pdf") else "row"
    return f"{len(document.pages)} {unit}{'s' if len(document.pages) > 1 else ''}"
