"""Texts of models, documents and people are shown as written by every view, whatever language they look like."""

from html import unescape
from types import SimpleNamespace

import pytest

from core.jobs import JobStatus
from core.values import Document, Example, Generation, Hit, Issue, Passage, Prediction
from lab.documents import Holding, Holdings
from retrieval.evidence.abstention import EvidenceVerdict
from ui.page.compare.asking import Entry
from ui.page.compare.view import render_answers
from ui.page.documents.quality_panel import render_quality
from ui.page.documents.view import render_problems, render_state
from ui.page.passages import render_hits, render_search
from ui.page.rendering import render_card, render_cards, render_note, render_status
from ui.page.task.view import render_report

HOSTILE = ["<script>alert(1)</script>", "\"'><img src=x>", "{{ 7*7 }}", "{% raw %}", "[/b]", "&amp;"]
INTERVAL = {"mean": 0.5, "low": 0.4, "high": 0.6}


def hits(text):
    return [Hit(Passage(text, text, 0, len(text), text, f"{text} > {text}"), 0.9, {"dense": 1}, {"dense": 0.9})]


def verdict(text):
    return EvidenceVerdict(True, text, 0.2, 0.4, 0.1)


def holdings(text):
    listed = Holding(text, text, text, 1, 1, "", True, "in the index")
    return Holdings([listed], 1, [text], 0, [(text, text)], (text,), indexed=True, stale=False)


def quality(text):
    recall = dict.fromkeys(("1", "3", "10"), INTERVAL)
    return {text: {"questions": 7, "recall": recall, "mrr@10": INTERVAL, "ndcg@10": INTERVAL}}


def report(text):
    counts = dict.fromkeys(("train", "test", "invalid", "duplicates_train", "duplicates_test"), 1)
    lists = dict.fromkeys(("problems", "notes", "same_everywhere", "too_long", "document_leaks"), [text])
    pairs = [{"train_text": text, "test_text": text}]
    return {**counts, **lists, "overlap_examples": pairs, "tokens": None, "balance": {text: {text: 2}}, "usable": False}


def render_hostile_answers(text):
    """Cards in every state, with a hostile text wherever one can stand."""
    task = SimpleNamespace(name="t", schema={"properties": {"answer": {"type": "string"}}}, primary_metric="answer", test=())
    item = Example("x", text, {"answer": text})
    generation = Generation(text, 1, 1, 0.1, 0.1, "stop", draft=text)
    done = Prediction("rag", "x", tuple(hits(text)), generation, {"answer": text}, (Issue("", "", text),), "strict", 1, (text,))
    states = [("waiting", {}), ("writing", {"text": text}), ("refused", {"note": text}), ("done", {"prediction": done})]
    entries = [Entry("rag", state=state, **more) for state, more in states]
    return render_answers(task, item, entries, origin=text)


VIEWS = {
    "note": render_note,
    "card": lambda text: render_card(text, text),
    "cards": lambda text: render_cards([text]),
    "status": lambda text: render_status(JobStatus("running", message=text), text, ["ragft"]),
    "answers": render_hostile_answers,
    "hits": lambda text: render_hits(hits(text), text, dropped=1, documents=[text], verdict=verdict(text)),
    "search": lambda text: render_search(
        verdict(text), {"dense": text, "hybrid": hits(text)}, text, lambda name: Document(name, text, text, origin=text)
    ),
    "state": lambda text: render_state(holdings(text)),
    "problems": lambda text: render_problems(holdings(text)),
    "quality": lambda text: render_quality(quality(text)),
    "report": lambda text: render_report(report(text)),
}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_texts_as_written(view, text):
    html = VIEWS[view](text)
    assert text in unescape(html)
    assert "<script" not in html
    assert "<img" not in html
    assert "49" not in html
    assert "&amp;amp;" in html or text != "&amp;"
