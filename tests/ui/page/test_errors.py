"""The page's edge: which errors become a message box."""

import inspect

import gradio as gr
import pytest

from core.errors import LabError
from ui.page.errors import explain


def test_what_a_person_must_mend_is_a_sentence():
    @explain
    def handler(name):
        raise LabError(f"There is no {name}.", "Choose another.")

    with pytest.raises(gr.Error, match="There is no task. Choose another."):
        handler("task")


def test_a_stream_is_explained_after_its_first_parts():
    @explain
    def handler():
        yield "first"
        raise LabError("The model is gone.")

    parts = handler()
    assert next(parts) == "first"
    with pytest.raises(gr.Error, match="The model is gone"):
        next(parts)


def test_a_bug_of_ours_keeps_its_type():
    @explain
    def handler():
        return {}["absent"]

    with pytest.raises(KeyError):
        handler()


def test_gradio_sees_the_handlers_own_parameters():
    @explain
    def handler(name, progress=None):
        return name

    assert list(inspect.signature(handler).parameters) == ["name", "progress"]
    assert handler("a", progress=1) == "a"
