"""Compare asks approaches with the same adapter in one batch; what one cannot do costs the others nothing."""

import pytest
from adapter_files import fake_adapter

from core.errors import LabError
from core.generation.fake import FakeGenerator
from core.values import Example
from lab.lab import Lab
from ui.page.compare.asking import Entry, ask


class CountingGenerator(FakeGenerator):
    """Remembers how many prompts each call brought, and with which adapter."""

    def __init__(self):
        super().__init__({})
        self.calls = []

    def generate(self, prompts, *, adapter, **more):
        self.calls.append((len(prompts), adapter is not None))
        return super().generate(prompts, adapter=adapter, **more)


@pytest.fixture
def lab(settings, embedder, task):
    lab = Lab(settings, generator=CountingGenerator(), embedder=embedder)
    lab.library.update(task)
    fake_adapter(settings, "a1", weights="none", config={"prompts": "mixed"})
    return lab


def run(lab, task, *entries):
    *_, last = ask(lab, task, Example("question", "Bonus?"), entries)
    return last


def test_four_approaches_are_two_batches(lab, task):
    entries = run(lab, task, *map(Entry, ("base", "rag", "qlora", "hybrid")))
    assert [entry.state for entry in entries] == ["done"] * 4
    assert [entry.prediction.arm for entry in entries] == ["base", "rag", "qlora", "hybrid"]
    assert lab.generator.calls == [(2, False), (2, True)]
    assert {entry.beside for entry in entries} == {1}


def test_each_decoding_is_a_batch_of_its_own(lab, task):
    entries = run(lab, task, Entry("base"), Entry("rag", mode="constrained"), Entry("rag"))
    assert [(entry.arm, entry.mode, entry.state) for entry in entries] == [
        ("base", "free", "done"), ("rag", "constrained", "done"), ("rag", "free", "done"),
    ]  # fmt: skip
    assert lab.generator.calls == [(2, False), (1, False)]


def test_answers_are_those_that_each_gives_alone(lab, task):
    together = run(lab, task, Entry("base"), Entry("rag"))
    alone = [run(lab, task, Entry(arm))[0] for arm in ("base", "rag")]
    for one, other in zip(together, alone, strict=True):
        assert one.prediction.value == other.prediction.value
        assert one.prediction.hits == other.prediction.hits
        assert one.prediction.generation.prompt_tokens == other.prediction.generation.prompt_tokens


def test_who_cannot_answer_costs_the_others_nothing(lab, task, monkeypatch):
    from lab import answering

    gather = answering.gather_tools

    def refuse(lab, task, arm, items, **more):
        if arm.name == "rag":
            raise LabError("The index is damaged.")
        return gather(lab, task, arm, items, **more)

    monkeypatch.setattr(answering, "gather_tools", refuse)
    base, rag = run(lab, task, Entry("base"), Entry("rag"))
    assert (base.state, rag.state, rag.note) == ("done", "refused", "The index is damaged.")
