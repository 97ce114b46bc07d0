"""What the cards say: what differs, what an answer is worth, each passage once, no name where names are hidden."""

import re
from dataclasses import replace

import pytest

from core.values import Evidence, Example, Generation, Hit, Passage, Prediction
from ui.page.compare.asking import Entry
from ui.page.compare.differences import describe_differences
from ui.page.compare.reading import collect_reading
from ui.page.compare.tab import STOPPED, Shown, stop_answers
from ui.page.compare.view import render_answers, write_link

TEXT = "# Pay rules\n\nThe walrus bonus is 40 euros and is paid in May."
PASSAGE = Passage("pay", "Pay rules", 0, len(TEXT), TEXT)
ITEM = Example(
    "x", "Bonus?", {"answer": "40 euros", "area": "pay", "sure": True}, evidence=(Evidence("pay", "bonus is 40 euros"),)
)


def entry(arm, value, *, hits=(), stage="strict", mode="free"):
    generation = Generation("{}", 1200, 9, 0.1, 1.5, "stop")
    found = tuple(Hit(passage, 0.9) for passage in hits)
    return Entry(arm, mode, "done", prediction=Prediction(arm, "x", found, generation, value, (), stage))


RIGHT = {"answer": "40 euros", "area": "pay", "sure": True}


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"A": {"x": "The  May."}, "B": {"x": "may"}}, "All say the same."),
        ({"A": {"x": "1"}, "B": {"x": "2"}, "C": {"x": "1"}}, "They differ in x. A and C: “1”; B: “2”."),
        ({"A": {"x": "1"}, "B": None, "C": {"x": "1"}}, "The others say the same. B gave no readable answer."),
        ({"A": {"x": None}, "B": {"x": "2"}}, "They differ in x. A: no value; B: “2”."),
        ({"A": {"x": "1"}, "B": None}, ""),
    ],
)
def test_the_sentence_names_what_differs(answers, sentence):
    assert describe_differences(answers, ["x"]) == sentence


@pytest.mark.parametrize(
    ("value", "stage", "word"),
    [
        (RIGHT, "strict", "right"),
        ({**RIGHT, "answer": "40 dollars"}, "strict", "partly right"),
        ({**RIGHT, "answer": "nothing"}, "strict", "wrong"),
        (None, "failed", "invalid"),
    ],
)
def test_an_answer_is_worth_a_shape_and_a_word(task, value, stage, word):
    html = render_answers(task, ITEM, [entry("base", value, stage=stage)])
    mark = re.search(r'<span class="mark [^>]*>.*?</span>\s*([^<]+)</span>', html)
    assert mark[1].startswith(word)
    assert html.count("<h3>Expected</h3>") == 1


def test_a_passage_stands_once_with_its_readers_and_the_words_that_support(task):
    other = Passage("time", "Time", 0, 5, "Noon.")
    cards = [("RAG", entry("rag", RIGHT, hits=[other, PASSAGE])), ("Both", entry("hybrid", RIGHT, hits=[PASSAGE]))]
    reading = collect_reading(task, ITEM, cards)
    assert [(item["number"], item["readers"]) for item in reading.passages] == [(1, ["RAG"]), (2, ["RAG", "Both"])]
    assert reading.passages[1]["evidence"]
    assert reading.used == [[1, 2], [2]]
    chip = next(chip for chip in reading.chips[1] if chip["name"] == "answer")
    shown = "".join(piece.text for piece in reading.passages[1]["pieces"])
    assert shown[chip["start"] : chip["end"]] == "40 euros"
    assert [piece.text for piece in reading.passages[1]["pieces"] if piece.marked] == ["40 euros"]


def test_hidden_names_hide_everything_that_tells_them(task):
    entries = [entry("rag", RIGHT, hits=[PASSAGE]), entry("base", None, stage="failed")]
    html = render_answers(task, ITEM, entries, names=["Answer A", "Answer B"])
    assert "Answer A" in html
    for told in ("RAG", "Base model", 'data-arm="rag"', "1.5 s", "walrus"):
        assert told not in html
    assert "walrus" in render_answers(task, ITEM, entries)


def test_both_ways_of_decoding_are_named_where_both_answer(task):
    html = render_answers(task, ITEM, [entry("base", RIGHT), entry("base", RIGHT, mode="constrained")])
    assert "Base model · free" in html
    assert "Base model · held to the schema" in html


def test_every_quote_of_a_document_marks_its_passage(task):
    first, second = Passage("pay", "Pay", 0, 9, "One fact."), Passage("pay", "Pay", 9, 20, "Another one.")
    item = replace(ITEM, evidence=(Evidence("pay", "One fact"), Evidence("pay", "Another one")))
    reading = collect_reading(task, item, [("RAG", entry("rag", RIGHT, hits=[first, second, PASSAGE]))])
    assert [passage["evidence"] for passage in reading.passages] == [True, True, False]


def test_a_stop_keeps_whole_answers_and_leaves_none_that_is_being_written(task):
    entries = (entry("base", RIGHT), Entry("rag", state="writing", text='{"ans'), Entry("qlora"))
    html, shown = stop_answers(Shown(task, ITEM, entries), blind=False)
    assert [one.state for one in shown.entries] == ["done", "refused", "refused"]
    assert html.count(STOPPED) == 2
    assert "aria-busy" not in html
    blind, _ = stop_answers(shown, blind=True)
    assert "skeleton" not in blind
    assert "Base model" not in blind
    assert stop_answers(None, blind=False)[1] is None


def test_answers_are_drawn_under_the_task_as_it_was_asked(task):
    changed = replace(task, primary_metric="area")
    html, _ = stop_answers(Shown(task, ITEM, (entry("base", RIGHT),)), blind=False)
    other, _ = stop_answers(Shown(changed, ITEM, (entry("base", RIGHT),)), blind=False)
    assert html != other, "the redrawn card follows the task that it holds, not today's"


def test_a_link_leads_back_to_the_question_and_tells_nothing_where_names_are_hidden(task):
    item = replace(task.test[0], input="Bonus & <more>?")
    html = render_answers(task, item, [entry("rag", RIGHT), entry("base", RIGHT)])
    assert "question=Bonus+%26+%3Cmore%3E%3F&amp;arms=rag%2Cbase&amp;decoding=free" in html
    assert f"item={task.test[0].id}&" in write_link(task, task.test[0], [entry("rag", RIGHT)])
    assert "href" not in render_answers(task, item, [entry("rag", RIGHT)], names=["Answer A"])
    assert "href" not in render_answers(task, item, [Entry("rag", state="writing")])
