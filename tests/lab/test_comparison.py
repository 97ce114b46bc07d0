"""A comparison that is stopped, fails or is repeated."""

import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace

import pytest

from benchmarks.kill_compare import SlowGenerator, compare_records, list_lines, read_run
from core.comparison.runs import list_runs, load_predictions
from core.errors import Cancelled, LabError
from core.generation.fake import FakeGenerator
from lab.comparison import compare_arms
from lab.kept_answers import FOLDER, forget_all
from lab.lab import Lab
from lab.plan import plan_comparison
from lab.requests import CompareRequest
from tests.conftest import row, write_task

ARMS = ("base", "zero_shot")
ITEMS = 12


class Counting(FakeGenerator):
    """Counts what it is asked."""

    def generate(self, prompts, **others):
        for answer in super().generate(prompts, **others):
            Counting.asked += 1
            yield answer


class BareLab(Lab):
    """Has a fake that answers and nothing that embeds, so that no example is copied as a baseline."""

    def load_embedder(self):
        raise LabError("Nothing is embedded here.")


class Stopping:
    """A watcher that stops after some reports."""

    def __init__(self, reports=10**9, error=Cancelled):
        self.left, self.error, self.said = reports, error, []

    def __call__(self, stage, step, total, note="", **metrics):
        self.left -= 1
        if self.left < 0:
            raise self.error

    def check(self):
        pass

    def record(self, event):
        pass

    def say(self, text):
        self.said.append(text)


@pytest.fixture
def task(tmp_path):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(10 + ITEMS)]
    return write_task(tmp_path / "tasks" / "bonuses", train=rows[:10], test=rows[10:])


@pytest.fixture
def lab(settings):
    Counting.asked = 0
    return BareLab(settings, generator=Counting())


def compare(lab, task, watcher=None, **more):
    return compare_arms(lab, CompareRequest(str(task), arms=ARMS, **more), watcher or Stopping())


def test_a_repeated_comparison_asks_nothing_and_ends_in_the_same_record(lab, task):
    watcher = Stopping()
    first, second = compare(lab, task), compare(lab, task, watcher)
    assert watcher.said[-1] == f"{2 * ITEMS} of {2 * ITEMS} answers were known from before (--fresh asks anew)."
    assert Counting.asked == 2 * ITEMS
    assert first.run.config["from_store"] == {"base": 0, "zero_shot": 0}
    assert second.run.config["from_store"] == {"base": ITEMS, "zero_shot": ITEMS}
    one, other = (read_run(comparison.folder) for comparison in (first, second))
    assert one["predictions"] == other["predictions"]
    assert set(compare_records(one, other)) <= {"/run/config/registration/looks", "/run/config/registration/sentence"}
    compare(lab, task, fresh=True)
    assert Counting.asked == 4 * ITEMS
    assert forget_all(lab.settings) > 0
    compare(lab, task)
    assert Counting.asked == 6 * ITEMS


@pytest.mark.parametrize("error", [Cancelled, KeyboardInterrupt])
def test_stopped_at_any_moment_it_goes_on_from_there(lab, task, tmp_path, monkeypatch, error):
    monkeypatch.setattr("lab.comparison.judge_answers", lambda *_: {})
    whole = compare(BareLab(replace(lab.settings, home=tmp_path / "whole"), generator=Counting()), task)
    Counting.asked = 0
    for reports in sorted(random.Random(0).sample(range(2 * ITEMS), 6)):
        watcher = Stopping(reports, error)
        with pytest.raises(error):
            compare(lab, task, watcher)
        assert Counting.asked == sum(path.read_text().count('"batch"') for path in (lab.settings.home / FOLDER).iterdir())
        assert watcher.said[-1].startswith(f"Stopped. {Counting.asked} answers are kept")
    for stored in list_runs(lab.settings).whole:
        assert stored.status == "cancelled"
        assert len(load_predictions(lab.settings, stored.id)) == ITEMS  # The arm that had finished.
    end = compare(lab, task)
    assert Counting.asked == 2 * ITEMS
    assert read_run(end.folder)["predictions"] == read_run(whole.folder)["predictions"]


def test_stopped_within_the_first_arm_no_empty_run_is_stored(lab, task):
    with pytest.raises(Cancelled):
        compare(lab, task, Stopping(3))
    assert not (lab.settings.home / "runs").exists()


def test_a_fault_in_judging_or_storing_loses_no_answer(lab, task, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("lab.comparison.judge_answers", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            compare(lab, task)
    with monkeypatch.context() as patch:
        patch.setattr(
            "core.comparison.runs.write_text", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        with pytest.raises(LabError, match="No space left"):
            compare(lab, task)
    assert list((lab.settings.home / "runs").iterdir()) == []
    assert compare(lab, task).run.config["from_store"] == {"base": ITEMS, "zero_shot": ITEMS}
    assert Counting.asked == 2 * ITEMS


def test_a_full_disk_ends_the_comparison_at_once(lab, task, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.comparison.answers.os.write", refuse)
    with pytest.raises(LabError, match="No space left on device. The answers before this one are kept"):
        compare(lab, task)
    assert Counting.asked == 1


def test_odd_answers_are_stored(lab, task):
    questions = [f"Question: How high is bonus {n}?" for n in range(10, 10 + ITEMS)]
    odd = [
        '{"answer": "\\ud800", "area": "pay", "sure": true}',
        '{"answer": %s}' % ("9" * 320),
        '"\\udfff',
        "\ud800",
        "[" * 5000,
    ]
    lab.generator = FakeGenerator({(None, question): text for question, text in zip(questions, odd, strict=False)})
    run = compare(lab, task).run
    texts = [prediction.generation.text for prediction in load_predictions(lab.settings, run.id)[: len(odd)]]
    assert texts == [*odd[:3], "\ufffd", odd[4]]
    assert compare(lab, task).run.config["from_store"] == {"base": ITEMS, "zero_shot": ITEMS}


def test_several_adapters_of_an_arm_answer_one_after_the_other(lab, task, monkeypatch, tmp_path):
    def plan(*arguments):
        made = plan_comparison(*arguments)
        for name in "ab":
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "manifest.json").write_text(name)
        base, other = made.arms
        return replace(made, arms=(base, *(replace(other, adapter=str(tmp_path / name)) for name in "ab")))

    monkeypatch.setattr("lab.comparison.plan_comparison", plan)
    monkeypatch.setattr("lab.comparison.judge_answers", lambda *_: {})
    found = [item for item in load_predictions(lab.settings, compare(lab, task).run.id) if item.arm == "zero_shot"]
    assert [item.adapter for item in found] == ["a"] * ITEMS + ["b"] * ITEMS
    assert [item.example for item in found[:ITEMS]] == [item.example for item in found[ITEMS:]]


def test_processes_that_are_killed_lose_nothing(lab, task, tmp_path):
    """Ten times, at random moments; the arithmetic of the judgement is no part of the children."""
    whole = compare(BareLab(replace(lab.settings, home=tmp_path / "whole"), generator=SlowGenerator()), task)
    lab.generator = SlowGenerator()
    draw, kept = random.Random(1), []
    for answers in sorted(draw.sample(range(2 * ITEMS - 1), 10)):
        child = multiprocessing.get_context("fork").Process(target=compare, args=(lab, task))
        child.start()
        while len(list_lines(lab.settings.home)) < answers:
            assert child.is_alive()
            time.sleep(0.001)
        time.sleep(draw.random() * 0.01)
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        kept.append(len(list_lines(lab.settings.home)))
    assert list_runs(lab.settings).whole == []
    end = compare(lab, task)
    assert list(compare_records(read_run(end.folder), read_run(whole.folder))) == []
    assert sum(end.run.config["from_store"].values()) == kept[-1] > kept[0]
    assert len(list_lines(lab.settings.home)) == 2 * ITEMS
