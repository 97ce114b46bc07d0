"""The page's own logic, without a browser."""

from collections import Counter

import pytest

from core.comparison.arms import ARMS
from core.comparison.pipeline import answer
from core.generation.fake import FakeGenerator
from core.settings import Settings
from core.values import Example
from lab.lab import Lab
from ui.page.app import build_page
from ui.page.passages_view import highlight
from ui.page.rendering import render_prediction


def test_texts_of_models_and_users_are_escaped(task):
    evil = '{"answer": "<script>alert(1)</script>", "area": "<b>"}'
    item = Example("x", "<img src=x>", {"answer": "<i>", "area": "pay", "sure": True})
    generator = FakeGenerator({(None, "Question: <img src=x>"): evil})
    _, prediction = next(answer(task, [item], ARMS["base"], generator=generator))
    html = render_prediction(task, item, prediction)
    assert "<script>" not in html
    assert "<img" not in html
    assert "FAIL" in html
    assert "&lt;script&gt;" in html


def test_highlighting_marks_shared_words_only():
    assert highlight("The bonus & <b>", "How high are bonuses? bonus") == "The <mark>bonus</mark> &amp; &lt;b&gt;"


@pytest.mark.parametrize("name", ["answer", "search"])
def test_public_endpoints_are_named(settings, name):
    page = build_page(Lab(Settings(home=settings.home)))
    public = {fn.api_name for fn in page.fns.values() if fn.api_visibility == "public"}
    assert name in public
    assert public <= {"answer", "search"}


def test_no_event_has_two_handlers_that_put_each_other_off(settings):
    """See `ui.page.polling.EVERY`: Gradio sends the whole event again for a handler that it deferred."""
    deferring = Counter()
    for handler in build_page(Lab(settings)).fns.values():
        deferring.update(event for event in handler.targets if handler.trigger_mode == "always_last")
    assert len(deferring) > 10
    assert set(deferring.values()) == {1}
