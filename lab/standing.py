"""How a task stands: documents, index, adapters, the last verdict, and the next sensible step. Loads no model."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

from core.comparison.arms import MAIN_ARMS, list_arms
from core.comparison.runs import Run, list_runs
from core.errors import LabError
from core.generation.loading import hash_weights
from core.generation.models import find_model
from core.tasks.task import Task
from finetune.adapters.fit import Need, find_misfits
from finetune.adapters.store import list_adapters
from lab.lab import Lab

IndexState = Literal["ready", "stale", "none", "no documents"]
Step = Literal["index", "update", "train", "compare", "read"]


@dataclass(frozen=True, slots=True)
class TaskStanding:
    """What a task has and what it lacks.

    Args:
        documents: How many documents there are on the disk.
        index: `stale` where documents were added, changed or removed since.
        adapters: How many adapters fit an approach.
        run: The newest comparison with a verdict, None without one.
        step: What is sensible to do next.
    """

    documents: int
    index: IndexState
    adapters: int
    run: Run | None
    step: Step


def describe_standing(lab: Lab, task: Task) -> TaskStanding:
    """Say how a task stands. Hashes its documents' files and reads cards and records; nothing is loaded."""
    documents, index = _look_at_index(lab, task)
    adapters = _count_adapters(lab, task)
    run = next((run for run in list_runs(lab.settings).whole if run.task == task.name and run.summary.get("verdict")), None)
    return TaskStanding(documents, index, adapters, run, _choose_step(index, adapters, run))


def list_fitting_arms(documents: int) -> tuple[list[str], list[str]]:
    """Return the arms that a task can have, and those of them that are ticked at first.

    Without documents nothing can be retrieved but its own training examples: they take the place of retrieval.

    Args:
        documents: How many documents the task has.
    """
    offered = [arm.name for arm in list_arms() if not arm.is_control and (documents or not arm.top_k)]
    if documents:
        return offered, [name for name in offered if name in MAIN_ARMS]
    return offered, [name for name in offered if name in ("base", "rag_examples", "qlora")]


def _choose_step(index: IndexState, adapters: int, run: Run | None) -> Step:
    """Return the first step that was not taken, in the order in which they build on each other."""
    if index == "none":
        return "index"
    if index == "stale":
        return "update"
    if not adapters:
        return "train"
    return "read" if run is not None else "compare"


def _look_at_index(lab: Lab, task: Task) -> tuple[int, IndexState]:
    """Return the number of documents and the state of the index; one that cannot be read is none."""
    from retrieval.index.versions import find_versions

    indexed: Mapping[str, Any] = {}
    version = next(find_versions(lab.library.index_folder(task)), None)
    if version is not None:
        indexed = _list_indexed(version)
    files = {file.id: (file.sha256, file.name) for file in lab.library.list_files(task, indexed)}
    if not files and not indexed:
        return 0, "no documents"
    if not indexed:
        return len(files), "none"
    known = {name: (document.sha256, document.origin) for name, document in indexed.items()}
    return len(files), "ready" if files == known else "stale"


def _list_indexed(version: Any) -> Mapping[str, Any]:
    from retrieval.index.passage_store import STORE, PassageStore

    try:
        with closing(PassageStore(version.folder / STORE)) as store:
            return {name: found for name, found in store.list_documents().items() if name not in version.removed}
    except (sqlite3.Error, OSError):
        return {}


def _count_adapters(lab: Lab, task: Task) -> int:
    """Return how many adapters fit an approach of the present model."""
    cards = list_adapters(lab.settings, task=task.name)
    if not cards:
        return 0
    try:
        weights = hash_weights(find_model(lab.settings))
    except LabError:  # Without a model nothing answers, and that is said where something is asked.
        return 0
    needs = [Need(task, weights, passages) for passages in (False, True)]
    return sum(any(not find_misfits(card, need) for need in needs) for card in cards)
