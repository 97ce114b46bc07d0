"""A run asked again gives the same answers, or it is said which differ and what may be why."""

import shutil
from dataclasses import replace

import pytest
from adapter_files import fake_adapter

from core.comparison.runs import load_run
from core.errors import LabError
from core.generation.fake import FakeGenerator
from lab.comparison import compare_arms
from lab.lab import Lab
from lab.requests import CompareRequest
from lab.rerun import plan_rerun, rebuild_request, rerun
from tests.conftest import row, write_task
from tests.lab.test_unfinished import Watcher

ROWS = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(16)]


class Newer(FakeGenerator):
    """The same fake after a change of its weights."""

    @property
    def description(self):
        return {**super().description, "weights": "newer"}


@pytest.fixture
def lab(settings, embedder):
    write_task(settings.folder("tasks") / "tiny", train=ROWS[:8], test=ROWS[8:])
    return Lab(settings, generator=FakeGenerator(), embedder=embedder)


def compare(lab, *arms, **more):
    return compare_arms(lab, CompareRequest("tiny", arms=arms, **more), Watcher()).run


def test_a_rerun_is_identical_and_a_run_of_its_own(lab, settings):
    run = compare(lab, "zero_shot", "base", limit=5, seed=3, shot_draws=2)
    found = rerun(lab, run.id, Watcher())
    assert found.identical
    assert (found.compared, found.settings) == (15, ())
    assert found.describe() == "All 15 answers are the same, to the letter."
    again = load_run(settings, found.again)
    assert again.id != run.id
    assert again.config["from_store"] == {"zero_shot": 0, "base": 0}
    assert again.config["items"] == run.config["items"]


def test_answers_that_differ_are_named_with_what_may_be_why(lab):
    run = compare(lab, "zero_shot", "base")
    lab.generator = Newer({(None, "Question: How high is bonus 9?"): "another"})
    found = rerun(lab, run.id, Watcher())
    assert not found.identical
    assert [(one.arm, one.item, one.after) for one in found.changed] == [
        ("zero_shot", "x-9", "another"),
        ("base", "x-9", "another"),
    ]
    assert found.describe().startswith("2 of 16 answers differ. The first: Base model, no examples on x-9: ")
    assert "What may be why: generator.weights was none, is newer." in found.describe()


def test_without_a_setting_that_differs_rounding_may_be_why(lab):
    run = compare(lab, "base")
    lab.generator = FakeGenerator({(None, "Question: How high is bonus 9?"): "x" * 300})
    assert "No setting differs: where answers are not computed in float32" in rerun(lab, run.id, Watcher()).describe()


def test_an_adapter_that_is_gone_is_said_and_the_others_are_repeated(lab, settings):
    fake_adapter(settings, "20260101-first", weights="none")
    run = compare(lab, "base", "qlora")
    assert run.summary["arms"]["qlora"]["status"] == "ok"
    request, notes = plan_rerun(lab, run)
    assert (request.arms, request.adapters, request.fresh, notes) == (("base", "qlora"), ("20260101-first",), True, [])
    fake_adapter(settings, "20260202-newer", weights="none")
    assert rerun(lab, run.id, Watcher()).identical
    shutil.rmtree(settings.folder("adapters") / "20260101-first")
    found = rerun(lab, run.id, Watcher())
    assert (found.identical, found.changed, found.compared) == (False, (), 8)
    assert found.notes == ("QLoRA is not repeated: its adapter 20260101-first is gone.",)
    alone = replace(run, config={**run.config, "arms": {"qlora": run.config["arms"]["qlora"]}})
    with pytest.raises(LabError, match="cannot be repeated. QLoRA is not repeated: its adapter"):
        plan_rerun(lab, alone)


def test_a_task_that_changed_is_refused_before_anything_is_asked(lab, settings):
    run = compare(lab, "base")
    folder = settings.folder("tasks") / "tiny"
    shutil.rmtree(folder)
    write_task(folder, train=ROWS[:8], test=ROWS[9:])
    with pytest.raises(
        LabError, match=r"would ask 7 items, and 1 of the run's 8 are not among them as they were \(first: 'x-8'\)"
    ):
        rerun(lab, run.id, Watcher())
    shutil.rmtree(folder)
    with pytest.raises(LabError, match="no task"):
        rerun(lab, run.id, Watcher())


def test_a_run_that_kept_no_request_is_rebuilt_as_far_as_it_tells(lab):
    run = compare(lab, "base", "zero_shot", limit=5, seed=3, shot_draws=2)
    older = replace(run, config={name: value for name, value in run.config.items() if name != "request"})
    assert plan_rerun(lab, older)[0] == replace(plan_rerun(lab, run)[0])
    for config in ({}, {**older.config, "decoding": 3}, {**older.config, "arms": []}):
        with pytest.raises(LabError, match="does not say what it was asked"):
            rebuild_request(replace(older, config=config))
