"""A training seen from the command line: what goes on, what Ctrl-C stops."""

from dataclasses import asdict, replace

import psutil
import pytest

from core.jobs import CONFIG, STATUS, JobConfig, JobStatus
from core.storage import write_json
from lab.jobs import describe_basis
from lab.requests import TrainRequest
from ui.cli.watch import watch_training


@pytest.mark.parametrize(
    ("state", "happens"), [("done", "started"), ("cancelled", "resumed"), ("failed", "resumed"), ("running", "followed")]
)
def test_a_training_that_was_stopped_goes_on_instead_of_another(task, settings, monkeypatch, state, happens):
    happened = []

    def start(settings, request, *, runner, follows):
        folder = settings.folder("jobs") / f"20260101-{len(happened):06}-train-0000"
        process = psutil.Process()
        config = JobConfig("train", request.task, request=request.as_json(), basis=describe_basis(request, follows))
        write_json(folder / CONFIG, config.as_json())
        write_json(folder / STATUS, asdict(JobStatus(state, process.pid, process.create_time())))
        happened.append("started")
        return folder

    def watch(task, go_on):
        return watch_training(settings, task, TrainRequest(task.name), go_on=go_on)

    monkeypatch.setattr("lab.training.jobs.find_model", lambda settings: None)
    monkeypatch.setattr("lab.training.jobs.hash_weights", lambda folder: "w")
    monkeypatch.setattr("ui.cli.watch.start", start)
    monkeypatch.setattr("ui.cli.watch.resume_job", lambda _, folder, runner: happened.append(f"resumed {folder.name}"))
    monkeypatch.setattr("ui.cli.watch.follow_job", lambda folder: JobStatus("done", result={"id": folder.name}))
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
    monkeypatch.setattr("ui.cli.watch.find_unfinished", lambda settings, request, task: (folder, JobStatus(state)))
    monkeypatch.setattr("ui.cli.watch.resume_job", lambda settings, folder, runner: None)
    monkeypatch.setattr("ui.cli.watch.follow_job", interrupt)
    monkeypatch.setattr("ui.cli.watch.cancel_job", cancelled.append)
    with pytest.raises(KeyboardInterrupt):
        watch_training(settings, task, TrainRequest(task.name), go_on=True)
    assert cancelled == ([folder] if stops else [])
