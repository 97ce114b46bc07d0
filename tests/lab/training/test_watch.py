"""Training seen from the command line: its command, what is reused, what goes on, what Ctrl-C stops."""

import shutil
from dataclasses import asdict, replace

import psutil
import pytest

from core.jobs import CONFIG, STATUS, JobStatus
from core.storage import write_json
from core.tasks.task import load_task
from finetune.adapters.store import AdapterCard
from finetune.config import TrainConfig
from lab.lab import Lab
from lab.training.jobs import find_trained, train_arguments, watch_training


def test_a_command_names_a_task_so_that_it_is_found_again(task, settings, tmp_path):
    assert task.folder.parent.name == "tasks"
    assert train_arguments(task, TrainConfig(), settings)[1] == str(task.folder)
    own = load_task(shutil.copytree(task.folder, settings.folder("tasks") / task.name))
    assert train_arguments(own, TrainConfig(), settings)[1] == task.name
    assert train_arguments(task, TrainConfig(), settings)[1] == str(task.folder)


def test_an_adapter_of_another_instruction_or_schema_is_trained_anew(task, settings, monkeypatch):
    monkeypatch.setattr("lab.training.jobs.find_model", lambda settings: None)
    monkeypatch.setattr("lab.training.jobs.hash_weights", lambda folder: "w")
    about = {"instruction": task.instruction, "schema": dict(task.schema)}
    data, config = task.hash_split(task.train), asdict(TrainConfig())
    card = AdapterCard("a", task.name, "m", "w", data, config, {"cancelled": False}, "now", **about)
    monkeypatch.setattr("lab.training.jobs.list_adapters", lambda settings, task: [card])
    lab = Lab(settings)
    assert find_trained(lab, task, TrainConfig())["id"] == "a"
    assert find_trained(lab, replace(task, instruction="Say no."), TrainConfig()) is None
    assert find_trained(lab, replace(task, schema={"type": "object"}), TrainConfig()) is None


@pytest.mark.parametrize(
    ("state", "happens"), [("done", "started"), ("cancelled", "resumed"), ("failed", "resumed"), ("running", "followed")]
)
def test_a_training_that_was_stopped_goes_on_instead_of_another(task, settings, monkeypatch, state, happens):
    happened = []

    def start(settings, *, kind, task, arguments, basis):
        folder = settings.folder("jobs") / f"20260101-{len(happened):06}-train-0000"
        process = psutil.Process()
        write_json(folder / CONFIG, {"kind": kind, "command": ["ragft", *arguments], "basis": basis})
        write_json(folder / STATUS, asdict(JobStatus(state, process.pid, process.create_time())))
        happened.append("started")
        return folder

    def watch(task, go_on):
        return watch_training(settings, task, TrainConfig(), go_on=go_on)

    monkeypatch.setattr("lab.training.jobs.find_model", lambda settings: None)
    monkeypatch.setattr("lab.training.jobs.hash_weights", lambda folder: "w")
    monkeypatch.setattr("lab.training.jobs.start_job", start)
    monkeypatch.setattr("lab.training.jobs.resume_job", lambda _, folder: happened.append(f"resumed {folder.name}"))
    monkeypatch.setattr("lab.training.jobs.follow_job", lambda folder: JobStatus("done", result={"id": folder.name}))
    first = watch(task, go_on=True)
    write_json(settings.folder("jobs") / "20260102-000000-train-0000" / STATUS, {})  # Damaged, and newer.
    expected = {"started": ["started"], "resumed": [f"resumed {first['id']}"], "followed": []}[happens]
    assert (watch(task, go_on=True) == first) == (happens != "started")
    assert happened == ["started", *expected]
    watch(replace(task, instruction="Say no."), go_on=True)
    watch(task, go_on=False)
    monkeypatch.setattr("lab.training.jobs.hash_weights", lambda folder: "of another base")
    watch(task, go_on=True)
    assert happened == ["started", *expected, "started", "started", "started"]


@pytest.mark.parametrize(("state", "stops"), [("running", False), ("cancelled", True)])
def test_an_interrupt_stops_only_what_was_started_here(task, settings, monkeypatch, state, stops):
    cancelled = []

    def interrupt(folder):
        raise KeyboardInterrupt

    folder = settings.folder("jobs") / "20260101-000000-train-0000"
    monkeypatch.setattr("lab.training.jobs.find_model", lambda settings: None)
    monkeypatch.setattr("lab.training.jobs.hash_weights", lambda folder: "w")
    monkeypatch.setattr("lab.training.jobs._find_unfinished", lambda settings, basis: (folder, JobStatus(state)))
    monkeypatch.setattr("lab.training.jobs.resume_job", lambda settings, folder: None)
    monkeypatch.setattr("lab.training.jobs.follow_job", interrupt)
    monkeypatch.setattr("lab.training.jobs.cancel_job", cancelled.append)
    with pytest.raises(KeyboardInterrupt):
        watch_training(settings, task, TrainConfig(), go_on=True)
    assert cancelled == ([folder] if stops else [])
