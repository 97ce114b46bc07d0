"""Compare where no adapter fits: the approach says why it did not answer, and how one is made on the page too."""

import pytest
from adapter_files import fake_adapter

from core.generation.fake import FakeGenerator
from core.values import Example
from finetune.config import PROMPTS, QUESTIONS
from lab.lab import Lab
from ui.page.compare.tab import _answer


@pytest.fixture
def lab(settings, embedder):
    return Lab(settings, generator=FakeGenerator({}), embedder=embedder)


def ask(lab, task, arm):
    *_, last = _answer(lab, task, Example("question", "Bonus?"), [arm], "free")
    return str(last)


@pytest.mark.parametrize(("arm", "kind", "trained"), [("hybrid", "passages", "plain"), ("qlora", "plain", "passages")])
def test_an_arm_that_no_adapter_fits_says_how_one_is_made(lab, settings, task, arm, kind, trained):
    fake_adapter(settings, "a1", weights="none", config={"prompts": trained})
    shown = ask(lab, task, arm)
    assert "Not run. No adapter fits" in shown
    assert "the adapter a1 was trained with" in shown
    assert "ragft train" in shown
    assert f"{QUESTIONS['prompts'].title}: {PROMPTS[kind]}" in shown
    fake_adapter(settings, "a2", weights="none", config={"prompts": "mixed"})
    lab.library.update(task)
    assert "Not run" not in ask(lab, task, arm)
