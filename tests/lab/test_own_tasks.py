"""A person's own tasks: another title, deleted, put back; others' tasks are left alone."""

import json
import sys
import time
import tomllib

import pytest

from core.errors import LabError
from core.jobs import CONFIG, STATUS, JobConfig, JobStatus
from core.settings import read_settings
from core.storage import write_json
from core.tasks.loading import load_task
from lab.own_tasks import delete_task, describe_belongings, find_own, rename_task, restore_task, tell_belongings
from tests.conftest import row, write_task
from ui.cli.main import main

TUNED = "\n[tuned]\nmargin = 0.5 # of old\n"


@pytest.fixture
def own(settings):
    train = [row(1, "q", "a", "pay"), row(3, "s", "a", "pay")]
    folder = settings.folder("tasks") / "mine"
    return write_task(folder, train=train, test=[row(2, "r", "a", "pay")], toml="# kept\n")


def test_only_the_title_changes(settings, own):
    (own / "task.toml").write_text((own / "task.toml").read_text() + TUNED)
    before = tomllib.loads((own / "task.toml").read_text())
    assert rename_task(settings, "mine", '  Sorting  "mail" \\ ') == 'Sorting "mail" \\'
    assert tomllib.loads((own / "task.toml").read_text()) == {**before, "title": 'Sorting "mail" \\'}
    assert "# kept" in (own / "task.toml").read_text()
    for wrong in ("", "  ", "x" * 121, "a\0b"):
        with pytest.raises(LabError, match="no title"):
            rename_task(settings, "mine", wrong)


def test_what_hangs_on_a_task_is_said_with_what_becomes_of_it(settings, own):
    (settings.folder("indexes") / "mine").mkdir(parents=True)
    found = describe_belongings(settings, "mine")
    assert (found.examples, found.documents, found.indexed, found.adapters, found.runs) == (3, 2, True, 0, 0)
    goes, stays = tell_belongings(found)
    assert "3 examples, 2 documents and its index" in goes
    assert "No adapter" in stays


def test_a_task_goes_with_its_index_and_comes_back_with_it(settings, own):
    index = settings.folder("indexes") / "mine.examples"
    index.mkdir(parents=True)
    delete_task(settings, "mine")
    assert not own.exists()
    assert not index.exists()
    with pytest.raises(LabError, match="no task 'mine'"):
        find_own(settings, "mine", "deleted")
    restore_task(settings, "mine")
    assert index.is_dir()
    assert len(load_task(own).train) == 2
    with pytest.raises(LabError, match="In the trash: nothing"):
        restore_task(settings, "mine")


def test_a_damaged_task_can_be_deleted_too(settings, own):
    (own / "task.toml").write_text("title = ")
    assert delete_task(settings, "mine").title == "mine"


def test_a_task_that_a_job_works_on_is_not_deleted(settings, own):
    folder = settings.folder("jobs") / "20260101-000000-train-aaaa"
    write_json(folder / CONFIG, JobConfig("train", "mine").as_json())
    write_json(folder / STATUS, JobStatus("starting", heartbeat=time.time()).as_json())
    with pytest.raises(LabError, match="A job works on mine"):
        delete_task(settings, "mine")
    assert own.is_dir()


def test_bundled_and_foreign_tasks_are_left_alone(settings, task_folder):
    for act in (lambda name: rename_task(settings, name, "x"), lambda name: delete_task(settings, name)):
        with pytest.raises(LabError, match="comes with the lab"):
            act("ml-interview")
        with pytest.raises(LabError, match="outside the lab"):
            act(str(task_folder))


def test_the_command_line_renames_deletes_lists_and_restores(monkeypatch, capsys):
    write_task(read_settings().folder("tasks") / "mine", train=[row(1, "q", "a", "pay")], test=[row(2, "r", "a", "pay")])

    def run(*words, code=0):
        monkeypatch.setattr(sys, "argv", ["ragft", *words, "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == code, said.err
        return json.loads(said.out) if code == 0 else said.err

    assert run("rename-task", "mine", "Sorting mail")["title"] == "Sorting mail"
    assert "not confirmed" in run("delete-task", "mine", code=2)
    assert run("delete-task", "mine", "--yes")["deleted"]
    assert [entry["title"] for entry in run("restore-task")] == ["Sorting mail"]
    assert run("restore-task", "mine")["restored"]
    assert "comes with the lab" in run("delete-task", "ml-interview", "--yes", code=2)
