"""Passages as HTML: support of values, hits side by side, the place in the document, the verdict. Everything escaped."""

import re

import pytest

from core.comparison.arms import ARMS
from core.comparison.pipeline import Tools, answer
from core.generation.fake import FakeGenerator
from core.values import Document, Example, Hit, Passage
from lab.provenance import describe_support
from retrieval.evidence.abstention import EvidenceVerdict
from ui.page.compare.asking import Entry
from ui.page.compare.view import render_answers, render_prediction
from ui.page.passages import render_columns, render_hits, render_verdict

TEXT = "# Pay rules\n\n## Bonus\nThe walrus bonus is 40 euros & is paid in <May>.\n\nNobody else gets one."
START = TEXT.index("The walrus")
END = TEXT.index("\n\nNobody")
PASSAGE = Passage("pay", "Pay rules", START, END, TEXT[START:END], "Bonus <1>")
HIT = Hit(PASSAGE, 0.9, {"dense": 1, "bm25": 2}, {"dense": 0.71, "bm25": 3.5})


class OneHit:
    """A retriever that always finds the same."""

    def search(self, queries, *, top_k):
        return [[HIT]] * len(queries)


def predict(task, text, arm="rag", question="How high is the bonus?"):
    generator = FakeGenerator({(None, f"Question: {question}"): text})
    item = Example("x", question)
    return item, next(answer(task, [item], ARMS[arm], Tools(generator, OneHit())))[1]


def visible(html):
    return re.sub(r"<[^>]+>", "", html).strip()


def test_each_value_is_supported_or_unsupported(task):
    item, prediction = predict(task, '{"answer": "40 euros", "area": "pay", "sure": true}')
    html = render_prediction(task, item, prediction)
    assert html.count("answer ← passage 1") == 1
    assert "in no passage" not in html
    assert "Pay rules" in html
    assert "Bonus &lt;1&gt;" in html
    assert "<mark>40 euros</mark>" in html
    assert "area ←" not in html  # No text need hold a choice.
    item, prediction = predict(task, '{"answer": "90 euros", "area": "pay", "sure": true}')
    html = render_prediction(task, item, prediction)
    assert html.count("answer: in no passage") == 1
    assert "answer ←" not in html


def test_support_as_json_carries_the_quote_and_true_offsets(task):
    _, prediction = predict(task, '{"answer": "paid in <May>", "area": "pay", "sure": true}')
    support = describe_support(task, prediction, None)
    assert [row["pointer"] for row in support] == ["/answer", "/area", "/sure"]
    first = support[0]
    assert (first["status"], first["document"], first["place"]) == ("supported", "pay", "Bonus <1>")
    assert TEXT[first["start"] : first["end"]] == first["quote"] == "paid in <May>"


@pytest.mark.parametrize(("arm", "text"), [("base", '{"answer": "40 euros", "area": "pay", "sure": true}'), ("rag", "no JSON")])
def test_without_passages_or_a_value_nothing_is_said_of_support(task, arm, text):
    item, prediction = predict(task, text, arm)
    assert describe_support(task, prediction, None) == []
    html = render_prediction(task, item, prediction)
    assert "answer ←" not in html
    assert "in no passage" not in html


def test_no_support_is_claimed_where_the_search_found_nothing_relevant(task):
    item, prediction = predict(task, '{"answer": "40 euros", "area": "pay", "sure": true}')
    doubt = EvidenceVerdict(True, "Nothing relevant was found.", 0.2, 0.4, 0.1)
    assert describe_support(task, prediction, doubt) == []
    html = render_answers(task, item, [Entry(prediction.arm, state="done", prediction=prediction, verdict=doubt)])
    assert "answer ←" not in html
    assert "Nothing relevant was found." in html
    sure = EvidenceVerdict(False, "The nearest passage scores 0.6.", 0.6, 0.4, 0.8)
    assert describe_support(task, prediction, sure) == describe_support(task, prediction, None)


def test_what_had_no_room_and_a_doubtful_search_are_said():
    doubt = EvidenceVerdict(True, "Nothing relevant was found. <b>", 0.2, 0.4, 0.1)
    html = render_hits([HIT], "bonus", dropped=2, verdict=doubt)
    assert "2 more had no room in the prompt." in html
    named = render_hits([HIT], "bonus", dropped=3, documents=["pay", "time <1>", "pay"])
    assert "3 more had no room in the prompt: pay, time &lt;1&gt;." in named
    assert "Nothing relevant was found. &lt;b&gt;" in html
    sure = render_hits([HIT], "bonus", verdict=EvidenceVerdict(False, "Found.", 0.8, 0.4, 0.9))
    assert "Found." not in sure
    assert "room" not in sure


def test_columns_show_rank_scores_place_words_and_the_document():
    html = render_columns({"dense": "No <vectors>.", "bm25": [], "hybrid": [HIT]}, "walrus", {"pay": document()}.get)
    text = visible(html)
    assert "No &lt;vectors&gt;." in html
    assert "Nothing found." in html
    assert "Dense #1 0.71 · BM25 #2 3.50" in text
    assert "pay · Bonus &lt;1&gt;" in html
    assert "<mark>walrus</mark>" in html
    assert "&lt;May&gt;" in html
    assert "<May>" not in html
    assert f"characters {START} to {END} of {len(TEXT)}" in text
    source = html[html.index('class="source"') :]
    assert "<mark>The walrus bonus is 40 euros &amp; is paid in &lt;May&gt;.</mark>" in source
    assert "Nobody else gets one." in source
    assert "## Bonus" in source


def test_a_long_document_is_cut_at_words_around_the_passage():
    text = "alpha " * 400 + "needle here. " + "omega " * 400
    start = text.index("needle")
    passage = Passage("long", "Long", start, start + 12, text[start : start + 12])
    html = render_columns({"bm25": [Hit(passage, 1.0)]}, "needle", lambda identity: Document(identity, "Long", text))
    source = visible(html[html.index('class="source">') + 15 :])
    assert source.startswith(("…  alpha", "… alpha"))
    assert source.rstrip().endswith("…")
    assert set(re.findall(r"\w+", source)) == {"alpha", "needle", "here", "omega"}
    assert len(source) < 1100


def test_the_verdict_names_score_threshold_and_reason():
    html = render_verdict(EvidenceVerdict(True, "Too <far>.", 0.31, 0.4, 0.2))
    assert "Nothing relevant found" in html
    assert "Too &lt;far&gt;." in html
    assert 'aria-label="evidence 31 %, threshold 40 %"' in html
    assert "Something relevant was found" in render_verdict(EvidenceVerdict(False, "", 1.4, 0.4, 0.2))


def document():
    return Document("pay", "Pay rules", TEXT, origin="pay.md")


def test_what_title_and_place_say_is_not_said_again():
    text = "# Pay rules\n\n## Bonus\nThe walrus bonus."
    hit = Hit(Passage("pay", "Pay rules", 0, len(text), text, "Pay rules > Bonus"), 4.0, {"bm25": 1}, {"bm25": 4.0})
    shown = visible(render_columns({"bm25": [hit]}, "", lambda identity: None))
    assert shown == "BM251 Pay rulespay · BonusBM25 #1 4.00The walrus bonus."
    heading = Hit(Passage("pay", "Pay rules", 0, 11, "# Pay rules"), 1.0)
    assert "# Pay rules" in visible(render_columns({"bm25": [heading]}, "", lambda identity: None))
