"""A comparison over several models: a run for each, linked, computed anew from what is stored."""

import json
import shutil
from dataclasses import dataclass, replace

import pytest

from core.comparison.answers import AnswerNotKept
from core.comparison.runs import RECORD, list_runs, load_run
from core.errors import Cancelled, LabError
from core.generation.fake import FakeGenerator
from core.progress import Watcher
from core.storage import write_json, write_manifest
from lab.lab import Lab
from lab.ladder import climb, list_ladders, load_ladder, open_ladder
from lab.requests import CompareRequest
from tests.conftest import row, write_task


@dataclass(frozen=True)
class Named(FakeGenerator):
    """A fake that is called as its folder; the one of the folder `good` knows all answers."""

    name: str = ""
    storage: str = ""

    @property
    def description(self):
        return {
            "model": self.name, "weights": self.name, "storage": self.storage, "dtype": "none", "device": "none",
            "parameters": {"small": 10, "good": 90}[self.name],
        }  # fmt: skip

    def _answer(self, adapter, prompt):
        number = prompt.rsplit(" ", 1)[-1].rstrip("?")
        value = {"answer": f"answer {number}" if self.name == "good" else "no", "area": "pay", "sure": True}
        return json.dumps(value)


class Quiet(Watcher):
    def __init__(self, stop_after=10**9):
        self.said, self.left = [], stop_after

    def __call__(self, stage, step, total, note="", **metrics):
        self.left -= 1
        if self.left < 0:
            raise Cancelled

    def check(self):
        pass

    def record(self, event):
        pass

    def say(self, text):
        self.said.append(text)


@pytest.fixture
def lab(settings, monkeypatch, embedder):
    for name in ("small", "good"):
        folder = settings.folder("models") / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
    monkeypatch.setattr(
        "core.generation.decoder.load_generator", lambda folder, *, storage: Named(name=folder.name, storage=storage)
    )
    return Lab(settings, embedder=embedder)


@pytest.fixture
def folder(tmp_path):
    rows = [row(number, f"Question {number}?", f"answer {number}", "pay") for number in range(12)]
    return write_task(tmp_path / "tasks" / "asked", train=[row(99, "Other 99?", "x", "pay")], test=rows)


def ask(folder, *models, storage=""):
    return [CompareRequest(str(folder), ("base", "zero_shot"), model=name, storage=storage) for name in models]


def test_each_model_is_a_run_and_the_ladder_is_computed_from_them(lab, folder):
    record = climb(lab, ask(folder, "good", "small"), Quiet())
    assert load_ladder(lab.settings, record.id) == record
    assert [item.id for item in list_ladders(lab.settings).whole] == [record.id]
    assert len(list_runs(lab.settings).whole) == 2
    ladder = open_ladder(lab, record)
    assert [rung.name for rung in ladder.rungs] == [
        "small/nf4/base", "small/nf4/zero_shot", "good/nf4/base", "good/nf4/zero_shot",
    ]  # fmt: skip
    assert [rung.mark.mean for rung in ladder.rungs] == [0, 0, 1, 1]
    assert all(rung.memory_mib > 0 for rung in ladder.rungs)
    assert "is beaten by good" in ladder.sentence
    assert ladder.contrasts[0].difference == -1
    named = open_ladder(lab, record, a="good/nf4/base", b="small/nf4/base")
    assert named.contrasts[0].difference == 1


def test_what_cannot_be_compared_is_named_and_the_others_go_on(lab, folder):
    record = climb(lab, ask(folder, "small", "nobody/nothing"), Quiet())
    assert len(record.runs) == 1
    assert "ragft models fetch nobody/nothing" in record.failed[0]
    assert any("nobody/nothing" in note for note in open_ladder(lab, record).notes)
    with pytest.raises(LabError, match="No model could be compared"):
        climb(lab, ask(folder, "nobody/nothing"), Quiet())


def test_a_run_that_is_gone_is_named_and_all_gone_is_a_sentence(lab, folder):
    record = climb(lab, ask(folder, "small", "good"), Quiet())
    shutil.rmtree(lab.settings.folder("runs") / record.runs[0])
    ladder = open_ladder(lab, record)
    assert any(record.runs[0] in note for note in ladder.notes)
    assert {rung.model for rung in ladder.rungs} == {"good"}
    shutil.rmtree(lab.settings.folder("runs") / record.runs[1])
    with pytest.raises(LabError, match="No run of the ladder"):
        open_ladder(lab, record)


def test_a_stamped_run_is_noted_and_beats_nobody(lab, folder):
    record = climb(lab, ask(folder, "small", "good"), Quiet())
    run = load_run(lab.settings, record.runs[1])
    place = lab.settings.folder("runs") / run.id
    stamped = {**run.summary, "leakage": "LEAKED: 12 of 12 test items were seen by a-1."}
    write_json(place / RECORD, replace(run, summary=stamped).as_json())
    write_manifest(place)
    ladder = open_ladder(lab, record)
    assert f"{run.id}: LEAKED: 12 of 12 test items were seen by a-1." in ladder.notes
    assert "neither is said to be better" in ladder.sentence


def test_a_disk_that_refuses_ends_the_ladder(lab, folder, monkeypatch):
    asked = []

    def refuse(lab, request, watcher):
        asked.append(request.model)
        raise AnswerNotKept("No space left on device.", "Make room.")

    monkeypatch.setattr("lab.ladder.compare_arms", refuse)
    with pytest.raises(AnswerNotKept, match="No space left"):
        climb(lab, ask(folder, "small", "good"), Quiet())
    assert asked == ["small"]


def test_stopped_it_leaves_the_finished_runs(lab, folder):
    with pytest.raises(Cancelled):
        climb(lab, ask(folder, "small", "good"), Quiet(stop_after=40))
    assert list_ladders(lab.settings).whole == []


def test_answers_of_one_model_or_storage_are_none_of_another(lab, folder):
    """The key of a kept answer holds weights and storage."""
    climb(lab, [*ask(folder, "small", "good"), *ask(folder, "good", storage="bf16")], Quiet())
    served = [sum(run.config["from_store"].values()) for run in list_runs(lab.settings).whole]
    assert served == [0, 0, 0]
    again = climb(lab, ask(folder, "good"), Quiet())
    (run,) = [run for run in list_runs(lab.settings).whole if run.id == again.runs[0]]
    assert sum(run.config["from_store"].values()) == 24
