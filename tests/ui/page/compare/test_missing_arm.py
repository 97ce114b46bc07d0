"""Compare where something is lacking: the approach says why it did not answer, and a button provides it."""

import pytest
from adapter_files import fake_adapter

from core.generation.fake import FakeGenerator
from core.values import Example
from lab.lab import Lab
from ui.page.compare.asking import Entry, ask
from ui.page.compare.tab import Shown, _offer


@pytest.fixture
def lab(settings, embedder):
    return Lab(settings, generator=FakeGenerator({}), embedder=embedder)


def answer(lab, task, *arms):
    item = Example("question", "Bonus?")
    *_, last = ask(lab, task, item, [Entry(arm) for arm in arms])
    return last, _offer(Shown(task, item, tuple(last)))


@pytest.mark.parametrize(("arm", "kind", "trained"), [("hybrid", "passages", "plain"), ("qlora", "plain", "passages")])
def test_an_arm_that_no_adapter_fits_offers_the_training_that_it_needs(lab, settings, task, arm, kind, trained):
    fake_adapter(settings, "a1", weights="none", config={"prompts": trained})
    lab.library.update(task)
    (entry,), (index, train, wanted) = answer(lab, task, arm)
    assert entry.state == "refused"
    assert "the adapter a1 was trained with" in entry.note
    assert (entry.lacks, entry.kind, wanted) == ("adapter", kind, kind)
    assert (index.visible, train.visible) == (False, True)
    fake_adapter(settings, "a2", weights="none", config={"prompts": "mixed"})
    (entry,), (_, train, _) = answer(lab, task, arm)
    assert entry.state == "done"
    assert train.visible is False


def test_one_training_serves_both_kinds_of_prompts(lab, task):
    lab.library.update(task)
    entries, (_, _, wanted) = answer(lab, task, "qlora", "hybrid")
    assert [entry.state for entry in entries] == ["refused", "refused"]
    assert wanted == "mixed"


def test_without_an_index_retrieval_offers_to_build_it_and_the_others_answer(lab, task):
    (base, rag), (index, train, _) = answer(lab, task, "base", "rag")
    assert (base.state, rag.state, rag.lacks) == ("done", "refused", "index")
    assert (index.visible, train.visible) == (True, False)
