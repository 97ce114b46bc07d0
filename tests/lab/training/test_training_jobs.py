"""Trainings that exist already: what is reused, how a request names its task."""

import shutil
from dataclasses import asdict, replace

from core.tasks.folders import name_task
from core.tasks.loading import load_task
from finetune.adapters.card import AdapterCard, describe_prompts
from finetune.config import TrainConfig
from lab.training.jobs import find_trained


def test_a_request_names_a_task_so_that_it_is_found_again(task, settings):
    assert task.folder.parent.name == "tasks"
    assert name_task(task, settings) == str(task.folder)
    own = load_task(shutil.copytree(task.folder, settings.folder("tasks") / task.name))
    assert name_task(own, settings) == task.name
    assert name_task(task, settings) == str(task.folder)


def test_an_adapter_of_another_instruction_or_schema_is_trained_anew(task, settings, monkeypatch):
    monkeypatch.setattr("lab.training.jobs.find_model", lambda settings: None)
    monkeypatch.setattr("lab.training.jobs.hash_weights", lambda folder: "w")
    about = {"instruction": task.instruction, "schema": dict(task.schema), "prompting": {"input_label": task.input_label}}
    data, config = task.hash_split(task.train), asdict(TrainConfig())
    card = AdapterCard("a", task.name, "m", "w", data, config, {"cancelled": False}, "now", **about)
    monkeypatch.setattr("lab.training.jobs.list_adapters", lambda settings, task: [card])
    assert find_trained(settings, task, TrainConfig()).id == "a"
    assert find_trained(settings, replace(task, instruction="Say no."), TrainConfig()) is None
    assert find_trained(settings, replace(task, schema={"type": "object"}), TrainConfig()) is None
    assert find_trained(settings, replace(task, input_label="Case"), TrainConfig()) is None
    card = replace(card, prompting={})
    assert find_trained(settings, task, TrainConfig()) is None  # It does not say how the input was called.


def test_an_adapter_of_other_prompts_is_trained_anew(task, settings, monkeypatch):
    monkeypatch.setattr("lab.training.jobs.find_model", lambda settings: None)
    monkeypatch.setattr("lab.training.jobs.hash_weights", lambda folder: "w")
    config = TrainConfig(prompts="mixed")
    about = {"instruction": task.instruction, "schema": dict(task.schema), "prompting": describe_prompts(task, passages=True)}
    card = AdapterCard("a", task.name, "m", "w", task.hash_split(task.train), asdict(config), {}, "now", **about)
    monkeypatch.setattr("lab.training.jobs.list_adapters", lambda settings, task: [card])
    assert find_trained(settings, task, config).id == "a"
    assert find_trained(settings, task, replace(config, prompts="passages")) is None
    assert find_trained(settings, replace(task, prompting=replace(task.prompting, passages=5)), config) is None
