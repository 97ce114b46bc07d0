"""The page's own logic, without a browser."""

from collections import Counter
from html import unescape

import pytest

from core.comparison.arms import ARMS
from core.comparison.pipeline import Tools, answer
from core.generation.fake import FakeGenerator
from core.values import Example
from lab.lab import Lab
from ui.page.app import build_page
from ui.page.compare.view import render_prediction
from ui.page.passages import split_marked


def test_texts_of_models_and_users_are_escaped(task):
    evil = '{"answer": "<script>alert(1)</script>", "area": "<b>"}'
    item = Example("x", "<img src=x>", {"answer": "<i>", "area": "pay", "sure": True})
    generator = FakeGenerator({(None, "Question: <img src=x>"): evil})
    _, prediction = next(answer(task, [item], ARMS["base"], Tools(generator)))
    html = render_prediction(task, item, prediction)
    assert "<script>" not in html
    assert "<img" not in html
    assert "invalid" in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("hostile", ["{{ 7*7 }}", "{% raw %}", "[/b]", "&amp;"])
def test_texts_that_look_like_markup_are_shown_as_written(task, hostile):
    item = Example("x", "asked", {"answer": hostile, "area": "pay", "sure": True})
    generator = FakeGenerator({(None, "Question: asked"): f'{{"answer": "{hostile}"}}'})
    _, prediction = next(answer(task, [item], ARMS["base"], Tools(generator)))
    html = render_prediction(task, item, prediction)
    assert hostile in unescape(html)


def test_highlighting_marks_shared_words_only():
    pieces = split_marked("The bonus & <b>\nnext", "How high are bonuses? bonus")
    assert [piece.text for piece in pieces if piece.marked] == ["bonus"]
    assert "".join(piece.text for piece in pieces) == "The bonus & <b>\nnext"
    assert [piece.text for piece in pieces if piece.line] == ["\n"]


def test_no_event_has_two_handlers_that_put_each_other_off(settings):
    """See `ui.page.polling.EVERY`: Gradio sends the whole event again for a handler that it deferred."""
    deferring = Counter()
    for handler in build_page(Lab(settings)).fns.values():
        deferring.update(event for event in handler.targets if handler.trigger_mode == "always_last")
    assert len(deferring) > 10
    assert set(deferring.values()) == {1}
