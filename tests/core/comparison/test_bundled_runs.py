"""Runs that come with the bundled tasks: made small, found by id, never mistaken for a person's own."""

from dataclasses import replace

import pytest

from core.comparison import bundled_runs, runs
from core.comparison.bundled_runs import bundle_run, find_bundled, load_bundled
from core.comparison.runs import Run, list_runs, load_paper, load_predictions, load_run, save_run
from core.errors import LabError
from core.values import Generation, Issue, Prediction
from tests.conftest import row, write_task

ID = "20260101-000000-bonus-abcd"


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    folder = tmp_path / "bundled"
    write_task(folder / "bonus", train=[row(1, "a?", "b", "pay")], test=[row(2, "c?", "d", "pay")])
    for module in (bundled_runs, runs):
        monkeypatch.setattr(module, "BUNDLED_TASKS", folder)
    return folder


@pytest.fixture
def run(settings):
    """A stored run of one answer."""
    generation = Generation("{}", 5, 2, 0.1, 0.2, "stop")
    answers = [
        Prediction("base", "x-2", (), generation, {"answer": None}, (Issue("/a", "type", "é"),), "strict"),
        Prediction("rag", "x-2", (), generation, None, (), "failed", dropped_passages=2),
    ]
    run = Run(ID, "bonus", "ok", "2026-01-01T00:00:00+00:00", {"seed": 0}, {"cores": 2}, {"arms": {}})
    save_run(settings, run, {"base": answers[:1], "rag": answers[1:]}, "<p>report</p>" * 1000)
    return run


def test_a_bundled_run_reads_as_it_was_and_leaves_its_report(settings, tasks, run):
    answers = load_predictions(settings, ID)
    folder = bundle_run(settings, ID, tasks=tasks)
    elsewhere = replace(settings, home=settings.home.with_name("empty"))
    assert folder == tasks / "bonus" / "run"
    assert load_run(elsewhere, ID) == load_run(settings, ID) == load_bundled(elsewhere, "bonus")
    assert load_predictions(elsewhere, ID) == answers
    assert load_paper(elsewhere, ID) is None
    assert not (folder / "report.html").exists()
    assert list_runs(elsewhere).whole == [], "it is nobody's own"


def test_a_second_bundle_takes_the_place_of_the_first(settings, tasks, run):
    bundle_run(settings, ID, tasks=tasks)
    second = replace(run, id=f"{ID[:-1]}e")
    save_run(settings, second, {"base": []}, "")
    bundle_run(settings, second.id, tasks=tasks)
    assert load_bundled(settings, "bonus").id == second.id


def test_an_own_task_of_the_same_name_hides_it(settings, tasks, run):
    bundle_run(settings, ID, tasks=tasks)
    assert find_bundled(settings, "bonus") is not None
    assert find_bundled(settings, "other") is None
    write_task(settings.folder("tasks") / "bonus", train=[], test=[])
    assert find_bundled(settings, "bonus") is None


def test_what_cannot_be_bundled_is_said(settings, tasks, run, monkeypatch):
    with pytest.raises(LabError, match="There is no run"):
        bundle_run(settings, "20260101-000000-bonus-ffff", tasks=tasks)
    stopped = replace(run, id=f"{ID}c", status="cancelled")
    save_run(settings, stopped, {}, "")
    with pytest.raises(LabError, match="is cancelled"):
        bundle_run(settings, stopped.id, tasks=tasks)
    foreign = replace(run, id=f"{ID}f", task="mine")
    save_run(settings, foreign, {}, "")
    with pytest.raises(LabError, match="no bundled task"):
        bundle_run(settings, foreign.id, tasks=tasks)
    monkeypatch.setattr(bundled_runs, "LARGEST", 10)
    with pytest.raises(LabError, match="at most"):
        bundle_run(settings, ID, tasks=tasks)
    assert not (tasks / "bonus" / "run").exists()


def test_a_damaged_one_is_a_sentence(settings, tasks, run):
    folder = bundle_run(settings, ID, tasks=tasks)
    (folder / "run.json").write_text("{")
    with pytest.raises(LabError, match="damaged"):
        load_bundled(settings, "bonus")
