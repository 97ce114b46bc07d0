"""What kept answers are found by, beside what is asked."""

import pytest

import core.environment
from core.generation.fake import FakeGenerator
from core.values import DecodeOptions, Message
from lab.kept_answers import open_answers
from lab.lab import Lab


@pytest.mark.parametrize("change", ["gpu", "llguidance", "tokenizers"])
def test_answers_of_another_card_or_version_are_not_known(settings, monkeypatch, change):
    def ask():
        generator = open_answers(Lab(settings, generator=FakeGenerator()))
        list(generator.generate([[Message("user", "What?")]], adapter=None, options=DecodeOptions(), schema=None))
        return generator.served

    assert [ask(), ask()] == [0, 1]
    if change == "gpu":
        monkeypatch.setattr(core.environment, "_name_gpu", lambda: "Card B")
    else:
        old = core.environment.version
        monkeypatch.setattr(core.environment, "version", lambda name: "0.0" if name == change else old(name))
    assert [ask(), ask()] == [0, 1]
