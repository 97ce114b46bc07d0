"""Loading beside the page: who waits is told, who comes meanwhile waits, what failed is a sentence and tried again."""

import threading

import pytest

from core.errors import LabError
from core.generation.fake import FakeGenerator
from lab.lab import Lab
from lab.loading import LoadWatch, describe_load, load_in_background, wait_for_model


@pytest.fixture
def lab(settings, monkeypatch):
    """A lab whose model is loaded when `release` is set."""
    folder = settings.folder("models") / "one"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    lab = Lab(settings.at_model("one"), embedder=object())
    lab.loads, lab.release = [], threading.Event()

    def load(folder, *, storage):
        lab.loads.append(folder.name)
        assert lab.release.wait(5)
        return FakeGenerator({})

    monkeypatch.setattr("core.generation.decoder.load_generator", load)
    monkeypatch.setattr("core.generation.models.fetch_model", lambda settings, notify: None)
    monkeypatch.setattr("lab.loading.TELL_SECONDS", 0.01)
    return lab


def test_a_question_waits_with_words_and_the_model_is_loaded_once(lab):
    assert describe_load(lab)[0] == "absent"
    told = wait_for_model(lab)
    assert "model is loading, 0 s so far" in next(told)
    other = wait_for_model(lab.at_model())  # Another question of another view.
    assert "is loading" in next(other)
    lab.release.set()
    assert all("is loading" in sentence for sentence in [*told, *other])
    assert describe_load(lab) == ("ready", "The model is ready.")
    assert list(wait_for_model(lab)) == []
    lab.load_generator()
    assert lab.loads == ["one"]


def test_a_failed_load_is_a_sentence_and_is_tried_again(lab, monkeypatch):
    def refuse(folder, *, storage):
        raise LabError("The weights are cut off.", "Fetch them again.")

    lab.release.set()
    with monkeypatch.context() as broken:
        broken.setattr("core.generation.decoder.load_generator", refuse)
        load_in_background(lab).join(5)
        assert describe_load(lab) == ("failed", "The model is not loaded. The weights are cut off. Fetch them again.")
    load_in_background(lab).join(5)
    assert describe_load(lab)[0] == "ready"


def test_a_bug_while_loading_ends_the_waiting_too(lab, monkeypatch):
    monkeypatch.setattr("core.generation.decoder.load_generator", lambda folder, *, storage: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        lab.load_generator()
    assert describe_load(lab)[0] == "failed"


def test_a_model_that_is_freed_is_not_said_to_be_ready(lab):
    lab.release.set()
    lab.load_generator()
    lab.slot.free()
    assert describe_load(lab)[0] == "absent"


def test_of_two_who_ask_at_once_one_loads():
    watch, began, release, made = LoadWatch(), threading.Event(), threading.Event(), []

    def load():
        began.set()
        assert release.wait(5)
        made.append(object())
        return made[0]

    got = []
    threads = [
        threading.Thread(target=lambda: got.append(watch.load_once(lambda: made[0] if made else None, load))) for _ in "ab"
    ]
    threads[0].start()
    assert began.wait(5)
    threads[1].start()
    assert watch.stage == "loading"
    release.set()
    for thread in threads:
        thread.join(5)
    assert got == [made[0], made[0]]
    assert (len(made), watch.stage) == (1, "ready")
