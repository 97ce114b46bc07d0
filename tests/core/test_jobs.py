import json
import os
import signal
import sys
import time

import pytest

from core.errors import Cancelled, LabError
from core.jobs import (
    CANCEL,
    CONFIG,
    EVENTS,
    STATES,
    STATUS,
    JobConfig,
    _describe_force,
    cancel_job,
    count_before,
    find_job,
    list_configs,
    list_statuses,
    read_config,
    read_events,
    read_status,
    resume_job,
    start_job,
)
from core.progress import JobWriter
from core.storage import write_json


def wait_for(folder, condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = read_status(folder)
        if condition(status):
            return status
        time.sleep(0.05)
    raise AssertionError(f"still {status} after {seconds} s")


def test_a_job_is_carried_out_by_the_command_that_is_given(settings):
    config = JobConfig("sing", "none", request={"song": "la"}, environment={"TUNE": "slow"})
    code = "import os, pathlib, sys; pathlib.Path(sys.argv[1], 'sung').write_text(os.environ['TUNE'])"
    folder = start_job(settings, config, runner=(sys.executable, "-c", code))
    status = wait_for(folder, lambda s: not s.active)
    assert (folder / "sung").read_text() == "slow"
    assert status.state == "failed"  # The command did not say how it ended.
    stored = read_config(folder)
    assert (stored.kind, stored.task, dict(stored.request)) == ("sing", "none", {"song": "la"})
    assert stored.created > 0


def test_a_damaged_old_job_hides_no_other_and_stops_no_new_one(settings):
    jobs = settings.folder("jobs")
    for name, status in (("a", '{"state": "running", "pid": 1'), ("b", '{"state": 5}'), ("c", "[]"), ("d", "\x00")):
        (jobs / name).mkdir(parents=True)
        (jobs / name / STATUS).write_text(status)
        (jobs / name / CONFIG).write_text("{}")
    write_json(jobs / "e" / STATUS, {"state": "done", "step": 3, "of_tomorrow": [1]})
    write_json(jobs / "e" / CONFIG, {"kind": "train", "task": "t", "command": ["ragft"]})
    listing = list_statuses(settings)
    assert [(folder.name, status.step) for folder, status in listing.whole] == [("e", 3)]
    assert [sentence[0] for sentence in listing.damaged] == ["d", "c", "b", "a"]
    assert all(str(jobs) in sentence for sentence in listing.damaged)
    assert [folder.name for folder, _ in list_configs(settings, "train", "t")] == ["e"]
    assert read_status(jobs / "e").as_json()["of_tomorrow"] == [1]  # What a newer version wrote is kept.
    assert count_before(settings, jobs / "f") == 0
    (jobs / "f").mkdir()
    with JobWriter(jobs / "f").hold_device(settings):
        assert read_status(jobs / "f").state == "running"
    write_json(jobs / "e" / STATUS, {"state": "failed"})
    with pytest.raises(LabError, match="older version"):
        resume_job(settings, jobs / "e", runner=("true",))


def test_a_fresh_comparison_that_is_resumed_asks_only_what_is_left(settings):
    folder = settings.folder("jobs") / "j"
    folder.mkdir(parents=True)
    request = {"task": "t", "fresh": True, "of_tomorrow": 1}
    write_json(folder / CONFIG, JobConfig(kind="compare", task="t", request=request).as_json())
    write_json(folder / STATUS, {"state": "cancelled"})
    resume_job(settings, folder, runner=("true",))
    assert read_config(folder).request == {"task": "t", "fresh": False, "of_tomorrow": 1}


def test_a_killed_process_is_noticed_with_its_last_words(settings):
    folder = settings.folder("jobs") / "j"
    pid = os.fork()
    if pid == 0:
        folder.mkdir(parents=True)
        (folder / "log.txt").write_text("allocating a lot\n")
        JobWriter(folder).report(3, 10)
        time.sleep(60)
        os._exit(0)
    time.sleep(0.5)
    wait_for(folder, lambda s: s.step == 3)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    status = wait_for(folder, lambda s: not s.active, seconds=5)
    assert status.state == "failed"
    assert "allocating a lot" in status.message


def test_a_cancel_request_reaches_the_next_report(settings, tmp_path):
    folder = tmp_path / "j"
    folder.mkdir()
    writer = JobWriter(folder)
    writer.report(1, 5, loss=2.0)
    (folder / CANCEL).touch()
    with pytest.raises(Cancelled):
        writer.report(2, 5, loss=1.0)
    assert [event["step"] for event in read_events(folder)] == [1, 2]


def test_a_line_half_written_is_left_out(tmp_path):
    (tmp_path / EVENTS).write_text(json.dumps({"step": 1}) + "\n" + '{"step": 2, "lo')
    assert read_events(tmp_path) == [{"step": 1}]


@pytest.mark.parametrize("pid", [-5, 0, 2**70])
def test_a_number_that_no_process_has_is_a_process_that_is_gone(settings, pid):
    jobs = settings.folder("jobs")
    write_json(jobs / "a" / STATUS, {"state": "running", "pid": pid})
    write_json(jobs / "b" / STATUS, {"state": "starting"})
    write_json(jobs / "b" / "process.json", {"pid": pid})
    assert [status.state for _, status in list_statuses(settings).whole] == ["failed", "failed"]
    assert count_before(settings, jobs / "c") == 0


def test_damaged_events_hide_no_others(tmp_path):
    lines = ['{"step": 1, "loss": 2.5}', "[]", '{"step": "2"}', '{"loss": 1}', "\x00", "[" * 99_999, '{"step": 3, "kind": 5}']
    (tmp_path / EVENTS).write_bytes("\n".join([*lines, '{"step": 4, "new": {"a": [1]}}', ""]).encode() + b"\xff\n")
    assert read_events(tmp_path) == [{"step": 1, "loss": 2.5}, {"step": 4, "new": {"a": [1]}}]


def test_what_a_job_said_of_later_steps_before_it_began_again_does_not_count(tmp_path):
    rows = [{"kind": "restart", "step": 0}, *({"step": step, "loss": 1} for step in range(1, 11))]
    rows += [{"kind": "evaluation", "step": 8}, {"kind": "restart", "step": 4}, {"step": 5, "loss": 9}]
    (tmp_path / EVENTS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [(event["step"], event["loss"]) for event in read_events(tmp_path)] == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 9)]


def test_a_full_disk_costs_the_report_not_the_work(tmp_path, monkeypatch, caplog):
    def refuse(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    writer = JobWriter(tmp_path)
    monkeypatch.setattr("core.storage.tempfile.mkstemp", refuse)
    monkeypatch.setattr("core.progress._append", refuse)
    writer.report(1, 5, loss=2.0)
    writer.report(2, 5, loss=1.0)
    assert caplog.text.count("No space left") == 1
    (tmp_path / CANCEL).touch()
    with pytest.raises(Cancelled):
        writer.report(3, 5, loss=1.0)


@pytest.mark.parametrize("states", [False, True])
def test_a_stubborn_process_is_stopped_by_force(settings, states):
    folder = settings.folder("jobs") / "j"
    pid = os.fork()
    if pid == 0:
        folder.mkdir(parents=True)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        JobWriter(folder)
        time.sleep(60)
        os._exit(0)
    time.sleep(0.5)
    if states:
        (folder / STATES / "step-00000004").mkdir(parents=True)
    status = cancel_job(folder, patience=0.6)
    os.waitpid(pid, 0)
    assert status.state == "cancelled"
    assert ("jobs resume j" in status.message, "nothing of this job was kept" in status.message) == (states, not states)
    assert not read_status(folder).active


def test_a_comparison_stopped_by_force_has_its_answers(tmp_path):
    write_json(tmp_path / CONFIG, JobConfig("compare", "t").as_json())
    assert f"its answers are kept: `ragft jobs resume {tmp_path.name}`" in _describe_force(tmp_path)


def test_two_jobs_take_turns(settings, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    waiting = JobWriter(second)
    with JobWriter(first).hold_device(settings):
        assert read_status(first).state == "running"
        (second / CANCEL).touch()
        with pytest.raises(Cancelled), waiting.hold_device(settings):
            raise AssertionError("two jobs computed at once")
    assert read_status(second).state == "queued"


@pytest.mark.parametrize("name", ["nothing", "../jobs", "", ".", "..", "a\0b", "x" * 5000, ".hidden"])
def test_unknown_jobs_are_refused(settings, name):
    with pytest.raises(LabError, match="There is no job"):
        find_job(settings, name)
