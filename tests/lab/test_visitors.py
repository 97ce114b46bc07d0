"""A visitor's view of the lab: their own things and what is offered, never another's; what becomes of it."""

import os
import shutil
import time
from dataclasses import replace

import pytest

from core.comparison.runs import list_runs, load_run
from core.errors import LabError
from core.generation.fake import FakeGenerator
from core.jobs import CANCEL, JobStatus, find_job
from core.settings import Settings
from core.storage import write_json
from core.tasks.folders import find_task, list_tasks
from finetune.adapters.store import delete_adapter, find_folder, list_adapters, read_selected, select_adapter
from lab.lab import Lab
from lab.search import SearchOptions, search_task
from lab.visitors import SEEN, make_secret, mark_seen, remove_idle, remove_visitor
from tests.adapter_files import fake_adapter
from tests.conftest import row, write_task
from tests.run_files import answer_right, answer_wrong, store_run


@pytest.fixture
def host(tmp_path, embedder):
    rows = [row(number, f"Question {number}?", "40 euros", "pay") for number in range(4)]
    write_task(tmp_path / "home" / "tasks" / "offered", train=rows, test=rows[:2])
    lab = Lab(Settings(home=tmp_path / "home", hosted=True), FakeGenerator({}), embedder)
    lab.library.update(lab.task("offered"))
    return lab


@pytest.fixture
def two(host):
    return host.for_visitor("cookie:a"), host.for_visitor("cookie:b")


def names(lab):
    return {folder.name for folder in list_tasks(lab.settings)}


def test_a_secret_is_not_guessed_and_not_kept(host):
    secrets = {make_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(len(secret) == 32 for secret in secrets)
    assert not any(secret in str(host.for_visitor(f"cookie:{secret}").settings.home) for secret in secrets)
    # One secret under two kinds of key is two visitors.
    assert host.for_visitor("cookie:x").settings.home != host.for_visitor("session:x").settings.home


def test_a_task_of_one_is_unknown_to_the_other_by_name_and_by_path(two):
    mine, theirs = two
    folder = write_task(
        mine.settings.folder("tasks") / "mine", train=[row(1, "A?", "b", "pay")], test=[row(2, "C?", "d", "pay")]
    )
    assert names(mine) - names(theirs) == {"mine"}
    assert "offered" in names(theirs)
    for name in ("mine", str(folder), f"../{folder.parent.parent.name}/tasks/mine", str(folder.resolve()), ".", ""):
        with pytest.raises(LabError, match="There is no task"):
            find_task(name, theirs.settings)


def test_an_offered_index_is_searched_by_all_and_changed_by_none(host, two, tmp_path):
    mine, theirs = two
    before = host.library.load_index(host.task("offered"))
    assert theirs.library.load_index(theirs.task("offered")) is before  # Open once.
    (tmp_path / "added.md").write_text("# Added\n\nThe quokka sings.\n")
    mine.library.update(mine.task("offered"), add=[tmp_path / "added.md"])
    options = SearchOptions(k=9)

    def find(lab):
        return [hit.passage.document for hit in search_task(lab, lab.task("offered"), "quokka bonus", options).hits["hybrid"]]

    assert "added" in find(mine)
    assert {"pay", "time"} <= set(find(mine))
    assert "added" not in find(theirs)
    assert "added" not in find(host)
    assert not (host.task("offered").folder / "documents" / "added.md").exists()
    mine.library.remove(mine.task("offered"), ["added"])
    assert "added" not in find(mine)
    with pytest.raises(LabError, match="cannot be deleted"):
        mine.library.remove(mine.task("offered"), ["pay"])


def test_runs_and_adapters_of_the_host_are_offered_and_stay(host, two):
    mine, theirs = two
    store_run(host.settings, host.task("offered"), "20260101-run-host", {"base": answer_wrong, "rag": answer_right})
    store_run(mine.settings, mine.task("offered"), "20260102-run-mine", {"base": answer_wrong, "rag": answer_right})
    assert [run.id for run in list_runs(mine.settings).whole] == ["20260102-run-mine", "20260101-run-host"]
    assert [run.id for run in list_runs(theirs.settings).whole] == ["20260101-run-host"]
    with pytest.raises(LabError, match="There is no run"):
        load_run(theirs.settings, "20260102-run-mine")
    kept = fake_adapter(host.settings, "20260101-host", task="offered")
    fake_adapter(mine.settings, "20260102-mine", task="offered")
    assert [card.id for card in list_adapters(theirs.settings)] == ["20260101-host"]
    assert {card.id for card in list_adapters(mine.settings)} == {"20260101-host", "20260102-mine"}
    with pytest.raises(LabError, match="There is no adapter"):
        find_folder(theirs.settings, "20260102-mine")
    with pytest.raises(LabError, match="comes with this page"):
        delete_adapter(theirs.settings, "20260101-host")
    assert kept.is_dir()
    select_adapter(theirs.settings, "20260101-host")
    assert read_selected(host.settings) == {}


def test_a_job_is_found_and_cancelled_by_its_owner_alone(two):
    mine, theirs = two
    folder = mine.settings.folder("jobs") / "20260101-index-a"
    write_json(folder / "status.json", JobStatus("running", os.getpid(), heartbeat=time.time()).as_json())
    assert find_job(mine.settings, folder.name) == folder
    for name in (folder.name, f"../../{mine.settings.home.name}/jobs/{folder.name}", str(folder)):
        with pytest.raises(LabError, match="There is no job"):
            find_job(theirs.settings, name)
    assert not (folder / CANCEL).exists()


def test_the_model_is_nobodys_to_choose(two):
    with pytest.raises(LabError, match="answers all its visitors"):
        two[0].choose_model("another")


def test_a_home_that_is_removed_while_its_page_is_open_is_a_sentence_and_comes_again(two):
    mine, _ = two
    folder = write_task(
        mine.settings.folder("tasks") / "mine", train=[row(1, "A?", "b", "pay")], test=[row(2, "C?", "d", "pay")]
    )
    mine.task("mine")
    shutil.rmtree(mine.settings.home)
    with pytest.raises(LabError, match="There is no task 'mine'"):
        mine.task("mine")
    assert mine.task("offered").train
    assert list_runs(mine.settings).whole == []
    write_task(folder, train=[row(1, "A?", "b", "pay")], test=[row(2, "C?", "d", "pay")])
    assert mine.task("mine").train


def test_idle_homes_go_and_those_in_use_stay(host, two):
    mine, theirs = two
    third = host.for_visitor("cookie:c")
    for lab in (mine, theirs, third):
        (lab.settings.home / "tasks").mkdir(parents=True)
        mark_seen(lab.settings)
    old = time.time() - 25 * 3600
    for lab in (mine, third):
        os.utime(lab.settings.home / SEEN, (old, old))
    job = third.settings.folder("jobs") / "20260101-index-a"
    write_json(job / "status.json", JobStatus("starting", heartbeat=time.time()).as_json())
    assert remove_idle(host.settings) == [mine.settings.home]
    assert not mine.settings.home.exists()
    assert theirs.settings.home.is_dir()
    assert third.settings.home.is_dir()
    assert (host.settings.home / "tasks" / "offered").is_dir()


def test_one_may_remove_all_of_ones_own_and_nobody_a_host(host, two):
    mine, theirs = two
    for lab in two:
        (lab.settings.home / "tasks").mkdir(parents=True)
    remove_visitor(mine.settings)
    remove_visitor(mine.settings)  # Nothing is left: that is no error.
    assert (mine.settings.home.exists(), theirs.settings.home.exists()) == (False, True)
    for settings in (host.settings, replace(host.settings, hosted=False)):
        with pytest.raises(LabError, match="no visitor's"):
            remove_visitor(settings)
    assert host.settings.home.is_dir()
