"""Runs opened to be looked at, and prompts rebuilt from what was recorded."""

from dataclasses import replace

import pytest
from run_files import answer_right, answer_wrong, store_run

from core.comparison.arms import ARMS, fit_arm
from core.comparison.pipeline import Tools, answer
from core.errors import LabError
from core.generation.fake import FakeGenerator
from core.tasks.loading import load_task
from core.values import Hit, Passage
from lab.items import MOST_BOARDS, RunShelf, rebuild_prompt
from lab.lab import Lab
from tests.conftest import row, write_task

TEXTS = {"base": answer_wrong, "rag": answer_right}
HIT = Hit(Passage("pay", "Pay rules", 0, 30, "The walrus bonus is 40 euros."), 1.0)


class Told(FakeGenerator):
    """Keeps what it was asked."""

    prompts = []

    def generate(self, prompts, **others):
        Told.prompts = [list(prompt) for prompt in prompts]
        return super().generate(prompts, **others)


class Finding:
    def search(self, queries, *, top_k):
        return [[HIT][:top_k] for _ in queries]


@pytest.fixture
def own(settings):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(30)]
    return load_task(write_task(settings.folder("tasks") / "bonuses", train=rows[:20], test=rows[20:]))


@pytest.fixture
def lab(settings):
    return Lab(settings, generator=Told())


def ask(task, name, item):
    """Answer as the pipeline does; returns the prediction with the prompt that was really sent."""
    ((_, prediction),) = answer(task, [item], fit_arm(ARMS[name], task), Tools(Told(), Finding()))
    return prediction, Told.prompts[0]


def test_who_opens_one_run_keeps_nobody_from_another(lab, settings, own, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    import lab.items as items

    begun, go_on, opened, counted = Event(), Event(), items._open_run, []

    def slowly(lab, run_id):
        counted.append(run_id)
        if run_id == "slow":
            begun.set()
            assert go_on.wait(10)
        return opened(lab, run_id)

    monkeypatch.setattr(items, "_open_run", slowly)
    for name in ("slow", "quick"):
        store_run(settings, own, name, TEXTS)
    shelf = RunShelf(lab)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(shelf.open, "slow") for _ in range(2)]
        assert begun.wait(10)
        assert shelf.open("quick").run.id == "quick"
        go_on.set()
        assert waiting[0].result(10) is waiting[1].result(10)
    assert counted.count("slow") == 1


def test_a_stored_run_is_marked_once(lab, settings, own):
    shelf = RunShelf(lab)
    for number in range(MOST_BOARDS + 1):
        store_run(settings, own, f"r{number}", TEXTS)
    first = shelf.open("r0")
    assert shelf.open("r0") is first
    assert first.pair == ("rag", "base")
    for number in range(MOST_BOARDS + 1):
        shelf.open(f"r{number}")
    assert shelf.open("r0") is not first
    with pytest.raises(LabError, match="There is no run"):
        shelf.open("gone")


@pytest.mark.parametrize("name", ["base", "rag", "zero_shot"])
def test_the_prompt_is_the_one_that_was_sent(lab, settings, own, name):
    store_run(settings, own, "r", {"base": answer_right, "rag": answer_right, "zero_shot": answer_right})
    prediction, sent = ask(own, name, own.test[0])
    opened = RunShelf(lab).open("r")
    rebuilt = rebuild_prompt(lab, opened, own.test[0], prediction)
    assert list(rebuilt.messages) == sent
    assert rebuilt.note == f"Rebuilt from the record; it has the {prediction.generation.prompt_tokens} tokens that were sent."
    assert ("walrus" in rebuilt.messages[-1].content) == (name == "rag")


def test_a_prompt_stays_when_the_task_changes(lab, settings, own):
    store_run(settings, own, "r", TEXTS)
    prediction, sent = ask(own, "base", own.test[0])
    settings_file = own.folder / "task.toml"
    settings_file.write_text(settings_file.read_text().replace('"Answer."', '"Answer twice."'))
    (own.folder / "train.jsonl").write_text("")
    assert list(rebuild_prompt(lab, RunShelf(lab).open("r"), own.test[0], prediction).messages) == sent


def test_what_may_differ_is_told(lab, settings, own):
    store_run(settings, own, "old", TEXTS, keep_paper=False, prompting=None)
    prediction, _ = ask(own, "base", own.test[0])
    longer = replace(prediction, generation=replace(prediction.generation, prompt_tokens=1000))
    opened = RunShelf(lab).open("old")
    note = rebuild_prompt(lab, opened, own.test[0], longer).note
    assert note.startswith("Not exactly what was sent: rebuilt it has ")
    assert "the run did not keep its instruction and schema" in note
    assert "the task's prompts show something else since" in note
    lab.generator = None
    assert "the model is not loaded here" in rebuild_prompt(lab, opened, own.test[0], prediction).note


def test_what_cannot_be_rebuilt_says_why(lab, settings, own):
    store_run(settings, own, "r", {"rag_examples": answer_right}, train_hash="another")
    opened = RunShelf(lab).open("r")
    prediction = opened.board.rows[0].cells["rag_examples"][0].prediction
    rebuilt = rebuild_prompt(lab, opened, own.test[0], prediction)
    assert rebuilt.messages == ()
    assert "training rows that were changed since" in rebuilt.note
    stranger = replace(prediction, arm="five_shots")
    assert "'five_shots'" in rebuild_prompt(lab, opened, own.test[0], stranger).note
