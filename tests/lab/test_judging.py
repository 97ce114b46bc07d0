"""What is written down before, how often items were looked at, and what joins the judgement."""

from dataclasses import replace
from shutil import rmtree

import pytest

from core.comparison.runs import save_run
from core.errors import Cancelled
from core.generation.fake import FakeGenerator
from lab.comparison import compare_arms
from lab.judging import REGISTERED, preview_comparison
from lab.lab import Lab
from lab.requests import CompareRequest
from tests.conftest import HashingEmbedder, row, write_task

ARMS = ("base", "zero_shot")


class Quiet:
    """Watches without a word."""

    def __call__(self, stage, step, total, note=""):
        """Take note of nothing."""

    def record(self, event):
        """Take note of nothing."""

    def say(self, text):
        """Take note of nothing."""


@pytest.fixture
def lab(settings):
    return Lab(settings, generator=FakeGenerator({}), embedder=HashingEmbedder())


@pytest.fixture
def folder(tmp_path):
    rows = [row(n, f"How high is bonus number {n} of {n * 7}?", f"{n} euros", "pay") for n in range(30)]
    return write_task(tmp_path / "tasks" / "bonuses", train=rows[:10], test=rows[10:])


def compare(lab, folder, *, watcher=None, arms=ARMS, **more):
    return compare_arms(lab, CompareRequest(str(folder), arms=arms, **more), watcher or Quiet())


def test_the_run_keeps_what_was_written_down(lab, folder):
    run = compare(lab, folder).run
    kept = run.config["registration"]
    assert (kept["items"], list(kept["arms"]), kept["looks"], kept["metric"]) == (20, list(ARMS), 0, "answer")
    assert list(lab.settings.folder(REGISTERED).iterdir()) == [], "once the run keeps it, it is kept there"


def test_only_other_comparisons_of_these_items_are_looks(lab, folder):
    compare(lab, folder)
    assert compare(lab, folder).run.config["registration"]["looks"] == 0, "the same comparison again is the same look"
    assert compare(lab, folder, arms=("base", "rag_examples")).run.config["registration"]["looks"] == 1
    assert preview_comparison(lab, str(folder), ARMS, limit=None).looks == 2
    (folder / "test.jsonl").write_text((folder / "test.jsonl").read_text().replace("bonus", "premium"))
    assert preview_comparison(lab, str(folder), ARMS, limit=None).looks == 0, "other questions under the same ids"


class Stopping(Quiet):
    """Stops a comparison in its second arm."""

    def __call__(self, stage, step, total, note=""):
        if step == 25:
            raise Cancelled("Stopped.")


def test_a_stopped_comparison_goes_on_with_what_was_written_down(lab, folder):
    with pytest.raises(Cancelled):
        compare(lab, folder, watcher=Stopping())
    (kept,) = lab.settings.folder(REGISTERED).iterdir()
    kept.write_text(kept.read_text().replace('"looks": 0', '"looks": 7'))
    registration = compare(lab, folder).run.config["registration"]
    assert registration["looks"] == 7


def test_a_stopped_run_whose_marks_were_seen_is_a_look(lab, folder):
    comparison = compare(lab, folder)
    rmtree(comparison.folder)
    save_run(lab.settings, replace(comparison.run, status="cancelled"), {}, "")
    assert preview_comparison(lab, str(folder), ARMS, limit=None).looks == 1


def test_the_spread_of_another_metric_is_not_used(lab, folder):
    compare(lab, folder, arms=("base", "zero_shot", "rag_examples"))
    toml = folder / "task.toml"
    toml.write_text(toml.read_text().replace('primary_metric = "answer"', 'primary_metric = "area"'))
    assert preview_comparison(lab, str(folder), ARMS, limit=None).spread_source == ""


def test_the_baselines_stand_beside_the_arms_and_in_the_verdict(lab, folder):
    summary = compare(lab, folder).run.summary
    assert {name: arm["status"] for name, arm in summary["arms"].items()} == {
        "majority": "baseline", "nearest": "baseline", "sentence": "baseline", "base": "ok", "zero_shot": "ok",
    }  # fmt: skip
    assert summary["verdict"]["arm"] not in ARMS, "arms that answer nothing are never recommended"


def test_answers_that_the_engine_did_not_hold_to_their_end_are_counted_in_the_run(settings, folder):
    class LettingGo(FakeGenerator):
        def generate(self, prompts, **more):
            for index, given in super().generate(prompts, **more):
                yield index, replace(given, let_go=index % 2 == 0)

    lab = Lab(settings, generator=LettingGo({}), embedder=HashingEmbedder())
    notes = compare(lab, folder, arms=("base", "zero_shot")).run.summary["notes"]
    assert any("gave up in 10 of 20 of Base model, 10 of 20 of Base model, no examples" in note for note in notes), notes
