"""Evaluate without a browser: which run is shown, what is said of it, how a comparison that runs is seen."""

import json
import shutil
from dataclasses import replace

import gradio as gr
import pytest

from core.comparison import bundled_runs, runs
from core.comparison.arms import MAIN_ARMS
from core.comparison.bundled_runs import bundle_run
from core.errors import LabError
from core.progress import JobWriter
from core.storage import write_json
from lab.items import RunShelf
from lab.lab import Lab
from lab.partial import PartialArm, write_partial
from lab.requests import CompareRequest
from tests.conftest import row, write_task
from tests.run_files import answer_right, answer_wrong, store_run
from ui.page.evaluate.progress import look_at_comparison
from ui.page.evaluate.result_panel import Results
from ui.page.evaluate.run_choice import offer_runs
from ui.page.evaluate.start_panel import group_arms, read_form
from ui.page.evaluate.tab import RunChooser
from ui.page.evaluate.view import count_decided, render_tables, render_verdict

RUN = "20260101-000000-bonuses-aaaa"
NEWER = "20260202-000000-bonuses-bbbb"
OTHER = "20260101-000000-others-cccc"


def write_bonuses(folder):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(20)]
    return write_task(folder, train=rows[:10], test=rows[10:])


@pytest.fixture
def lab(settings):
    for name in ("bonuses", "others"):
        write_bonuses(settings.folder("tasks") / name)
    return Lab(settings)


@pytest.fixture
def run(lab):
    return store(lab, RUN)


def store(lab, run_id, **config):
    """Store a run in which the base model is right on half of the items, and without examples on none."""

    def half(item):
        return answer_right(item) if int(item.id[2:]) % 2 else answer_wrong(item)

    task = lab.task(run_id.split("-")[2])
    return store_run(lab.settings, task, run_id, {"base": half, "zero_shot": answer_wrong}, **config)


def chosen(outputs):
    """The run that the chooser's answer shows, and whether the form is open."""
    return outputs[0].value, outputs[2].open


# Which run is shown


def test_the_newest_run_of_the_task_is_shown_first(lab, run):
    newer = store(lab, NEWER).id
    store(lab, OTHER)
    choice = offer_runs(lab.settings, "bonuses")
    assert choice.chosen == newer
    assert [name for _, name in choice.choices] == [newer, run.id]
    assert offer_runs(lab.settings, "bonuses", run.id).chosen == run.id, "what is shown stays shown"
    assert offer_runs(lab.settings, None).chosen is None


def test_the_form_is_open_where_there_is_nothing_to_show(lab):
    chooser = RunChooser(lab)
    assert chosen(chooser.open_first("bonuses", None)) == (None, True)
    run = store(lab, RUN)
    assert chosen(chooser.open_first("bonuses", None)) == (run.id, False)


def test_the_run_of_the_address_is_shown_and_stays_when_the_task_follows(lab, run):
    other = store(lab, OTHER)
    chooser = RunChooser(lab)
    outputs = chooser.open_first("others", run.id)
    assert chosen(outputs) == (run.id, False)
    assert outputs[3] == "bonuses"
    assert chooser.follow_task("others", None, None)[0] == gr.skip(), "the address was not read yet"
    assert chooser.follow_task("bonuses", run.id, "bonuses")[0] == gr.skip()
    assert chosen(chooser.follow_task("others", run.id, "bonuses")) == (other.id, False)


def test_a_comparison_that_ends_is_shown_unless_another_task_is_looked_at(lab, run):
    newer = store(lab, NEWER).id
    chooser = RunChooser(lab)
    assert chosen(chooser.show_ended("bonuses", newer)) == (newer, False)
    assert chooser.show_ended("others", newer)[0] == gr.skip()
    assert chooser.show_ended("bonuses", None)[0] == gr.skip()


def test_a_first_visit_sees_the_stored_run_marked_as_such(lab, run, tmp_path, monkeypatch):
    bundled = tmp_path / "bundled"
    write_bonuses(bundled / "bonuses")
    for module in (bundled_runs, runs):
        monkeypatch.setattr(module, "BUNDLED_TASKS", bundled)
    bundle_run(lab.settings, run.id, tasks=bundled)
    visitor = Lab(replace(lab.settings, home=tmp_path / "visitor"))
    choice = offer_runs(visitor.settings, "bonuses")
    assert choice.chosen == run.id
    assert choice.choices[0][0].startswith("Stored demo run, made on")
    assert choice.choices[0][0].endswith("with fake")
    html = str(Results(visitor, RunShelf(visitor)).show(run.id)[0])
    assert "Stored demo run, made on" in html
    assert "of 10 items" in html, "its answers open item by item"


def test_damaged_runs_are_named_and_hide_no_other(lab, run):
    other = store(lab, NEWER).id
    (lab.settings.folder("runs") / other / "run.json").write_text("{")
    choice = offer_runs(lab.settings, "bonuses")
    assert choice.chosen == run.id
    assert other in choice.damaged


# What is said of it


def test_a_run_fills_every_part(lab, run):
    verdict, gallery, first, second, pair, tables = Results(lab, RunShelf(lab)).show(run.id)
    assert run.summary["verdict"]["sentence"] in str(verdict)
    assert gallery.count("<svg") >= 5
    assert {first.value, second.value} == {"base", "zero_shot"}
    assert "<svg" in pair
    assert "Approaches" in tables


def test_the_card_counts_the_items_that_decided(lab, run):
    results = Results(lab, RunShelf(lab))
    decided = count_decided(run.summary, results._open(run)[0])
    assert (decided.better, decided.worse, decided.equal) == (5, 0, 5)
    assert [filter for _, filter in decided.links] == ["pair:base,zero_shot;sort:gained"]  # Nothing was lost.
    assert "of 10 items" in str(results.show(run.id)[0])


def test_an_approach_is_not_compared_with_itself(lab, run):
    assert "two different" in Results(lab, RunShelf(lab)).show_pair(run.id, "base", "base")
    assert "<svg" in Results(lab, RunShelf(lab)).show_pair(run.id, "zero_shot", "base")


def test_numbers_stay_where_the_items_cannot_be_opened(lab, run):
    """An older run without its paper, whose task was removed since."""
    old = store(lab, NEWER, keep_paper=False).id
    shutil.rmtree(lab.settings.folder("tasks") / "bonuses")
    verdict, gallery, first, *_ = Results(lab, RunShelf(lab)).show(old)
    assert run.summary["verdict"]["sentence"] in str(verdict)
    assert "stored without its items" in str(verdict)
    assert "<svg" in gallery
    assert first.value is None


def test_a_run_stopped_at_once_says_so(lab, run):
    html = render_verdict(replace(run, summary={}))
    assert "stopped before any arm had finished" in html
    assert "stopped before" not in render_tables({})


def test_nothing_is_shown_without_a_run_and_an_unknown_one_is_a_sentence(lab):
    assert "No comparison of this task yet" in str(Results(lab, RunShelf(lab)).show(None)[0])
    with pytest.raises(gr.Error, match="There is no run"):
        Results(lab, RunShelf(lab)).show("20200101-000000-bonuses-0001")


# How one is started, and seen while it runs


def test_approaches_are_grouped_and_each_stands_once():
    four, others, controls = group_arms()
    assert [name for _, name in four] == list(MAIN_ARMS)
    assert {"zero_shot", "rag_examples"} <= {name for _, name in others}
    assert "oracle" in {name for _, name in controls}
    names = [name for group in (four, others, controls) for _, name in group]
    assert len(names) == len(set(names))


def test_the_form_is_read_into_a_request(lab):
    request = read_form(lab, "bonuses", ["oracle", "base"], 72.0, "think", ["a-1", "a-2"], 3.0)
    assert request == CompareRequest("bonuses", ("base", "oracle"), 72, adapters=("a-1", "a-2"), mode="think", shot_draws=3)
    with pytest.raises(LabError, match="No approach"):
        read_form(lab, "bonuses", [], 72, "free", [], 1)
    with pytest.raises(LabError, match="There is no task"):
        read_form(lab, None, ["base"], 72, "free", [], 1)


@pytest.fixture
def job(settings):
    folder = settings.folder("jobs") / "20260101-000000-compare-abcd"
    request = CompareRequest("bonuses", arms=("base", "rag"))
    write_json(
        folder / "config.json", {"kind": "compare", "task": "bonuses", "request": json.loads(json.dumps(request.as_json()))}
    )
    return JobWriter(folder), folder.name


def test_marks_so_far_are_shown_while_it_runs(settings, job):
    writer, name = job
    writer.report(0, 20, "answers RAG, round 1 of 2")
    writer.record(write_partial(5, PartialArm("rag", 5, 10, 0.4)))
    shown, cancel, seen, ended = look_at_comparison(settings, name, None)
    assert "RAG answers, round 1 of 2" in shown.value
    assert "5 of 10" in shown.value
    assert "0.40" in shown.value
    assert "no verdict before" in shown.value
    assert (cancel.visible, seen, ended) == (True, name, gr.skip())


def test_its_run_is_told_once_where_it_was_seen_running(settings, job):
    writer, name = job
    writer.end("done", "The comparison is ready.", run_id="r-1")
    shown, cancel, seen, ended = look_at_comparison(settings, name, name)
    assert (shown.visible, cancel.visible, seen, ended) == (False, False, None, "r-1")
    assert look_at_comparison(settings, name, None)[3] == gr.skip(), "an old one changes nothing"


def test_one_that_failed_says_why_and_a_lost_one_too(settings, job):
    writer, name = job
    writer.end("failed", "No arm could answer.")
    shown = look_at_comparison(settings, name, name)[0]
    assert shown.visible
    assert "No arm could answer." in shown.value
    assert "gone or damaged" in look_at_comparison(settings, "none", "none")[0].value
    assert look_at_comparison(settings, None, None)[0].visible is False
