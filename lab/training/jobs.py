"""Trainings that exist already: an adapter of the same settings and data, a job that was stopped."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.generation.loading import hash_weights
from core.generation.models import find_model
from core.jobs import JobStatus, list_jobs, read_config, read_status
from core.settings import Settings
from core.tasks.task import Task
from finetune.adapters.card import AdapterCard
from finetune.adapters.fit import Need, find_misfits
from finetune.adapters.store import list_adapters
from finetune.config import TrainConfig, update_settings
from lab.jobs import describe_basis
from lab.requests import TrainRequest


def find_trained(settings: Settings, task: Task, config: TrainConfig) -> AdapterCard | None:
    """Return the card of an adapter made from the same data and settings that fits what it is trained for, if there is one."""
    need = Need(task, hash_weights(find_model(settings)), passages=config.prompts != "plain", shuffled=config.shuffle_labels)
    data = task.hash_split(task.train)
    for card in list_adapters(settings, task=task.name):
        same = {**asdict(TrainConfig()), **update_settings(card.config)} == asdict(config)
        if same and card.data == data and not find_misfits(card, need):
            return card
    return None


def list_learned(settings: Settings, task: Task) -> list[Any]:
    """Return what a training follows from beside its request: base, examples, instruction, schema."""
    return [hash_weights(find_model(settings)), task.hash_split(task.train), task.instruction, dict(task.schema)]


def find_unfinished(settings: Settings, request: TrainRequest, task: Task) -> tuple[Path, JobStatus] | None:
    """Return the newest job of the same request, data and base, unless it is done; a damaged job hides no other."""
    basis = describe_basis(request, list_learned(settings, task))
    for folder in list_jobs(settings):
        with suppress(LabError):
            if read_config(folder).basis == basis:
                status = read_status(folder)
                return None if status.state == "done" else (folder, status)
    return None
