"""Interview me: which points an answer's words cover, and how a model's grade of it is asked for."""

import json

import pytest

from core.errors import LabError
from core.generation.fake import FakeGenerator
from core.values import Example
from lab.lab import Lab
from lab.learn.interview import ARTICLES, GRADING, _read_row, cover, find_next, find_question, grade, list_questions
from lab.learn.rag_steps import follow_question
from ui.page.learn.interview_panel import render_grade, render_words
from ui.page.learn.rag_panel import draw_steps, render_steps

GRADE = {"score": 2, "verdict": "PLOVER", "covered": ["preference pairs"], "missing": ["reference model"], "follow_up": "Why?"}


def make_question(points, accept=None):
    return _read_row(
        Example("q", "How much?", {"answer": "x", "key_points": points, "topic": "rag"}, accept={"key_points": accept or {}})
    )


def test_key_points_are_counted_as_the_exam_counts_words():
    question = make_question(["92%", "32 tokens"], {"32 tokens": ["short texts"]})
    assert [item.state for item in cover(question, "They got back 92 percent of texts, short ones.")] == ["covered", "covered"]
    assert [item.state for item in cover(question, "92% of 32 tokens")] == ["covered", "covered"]
    assert [item.state for item in cover(question, "About 93%")] == ["not said", "not said"]
    assert [item.share for item in cover(question, "")] == [0, 0]
    half = cover(make_question(["whole coverage"]), "it has coverage")[0]
    assert (half.state, half.missing) == ("partly", ("whole",))


def test_a_rubric_is_read_with_weights_and_what_has_to_be_said():
    questions = list_questions(GRADING)
    assert len(questions) == 124
    for question in questions:
        assert 3 <= len(question.points) <= 4
        assert all(point.ask and point.wordings[0] != point.name for point in question.points)
    dpo = find_question(GRADING, "dpo-vs-rlhf")
    said = cover(dpo, dpo.points[0].wordings[0])
    assert said[0].share == 1
    assert said[1].share < 1
    with pytest.raises(LabError, match="no question 'nothing'"):
        find_question(GRADING, "nothing")


def test_questions_follow_each_other_round_and_round():
    names = [question.id for question in list_questions(GRADING)]
    assert find_next(GRADING, names[0]) == names[1]
    assert find_next(GRADING, names[-1]) == names[0]
    assert find_next(GRADING, None) == names[0]
    with pytest.raises(LabError, match="no questions called"):
        list_questions("none")


def test_the_model_grades_with_the_rubric_in_its_prompt(settings, monkeypatch):
    asked = []

    class Grader(FakeGenerator):
        def generate(self, prompts, **options):
            asked.extend(prompts)
            return super().generate(prompts, **options)

        def _answer(self, adapter, prompt):
            return json.dumps(GRADE)

    lab = Lab(settings, generator=Grader(context_tokens=100_000))
    question = find_question(GRADING, "dpo-vs-rlhf")
    given = grade(lab, question, "It needs pairs.", arm="rag")
    assert given.values == GRADE
    assert given.meaning == "a third or more covered"
    prompt = asked[-1][-1].content
    assert "- preference pairs (weight 2)" in prompt
    assert "Candidate: It needs pairs." in prompt
    html = render_grade(given)
    assert "small model" in html
    assert "PLOVER" in html
    assert "no rubric" in render_grade(grade(lab, question, "It needs pairs.", arm="base"))
    with pytest.raises(LabError, match="no adapter"):
        grade(lab, question, "It needs pairs.", arm="qlora")
    for said in ("", "x" * 2000):
        with pytest.raises(LabError, match="characters"):
            grade(lab, question, said, arm="rag")


def test_words_are_shown_with_their_source_and_escaped():
    html = render_words(GRADING, "dpo-vs-rlhf", "<script>alert(1)</script>")
    assert "<script>" not in html
    assert "What has to be said" in html
    assert "dpo-vs-rlhf" in html
    assert "not answered yet" in render_words(GRADING, "dpo-vs-rlhf", " ")


def test_a_question_goes_from_search_to_prompt(settings, task, embedder):
    lab = Lab(settings, embedder=embedder)
    lab.library.update(task)
    steps = follow_question(lab, task, "How high is the walrus bonus?")
    assert steps.hits[0].passage.document == "pay"
    assert "walrus bonus is 40 euros" in steps.messages[-1].content
    assert steps.messages[-1].content.endswith("How high is the walrus bonus?")
    html = draw_steps(steps)
    assert "in the prompt" in html
    assert "1. (" in html


def test_without_an_index_the_page_says_how_to_build_it(settings, task_folder):
    html = render_steps(Lab(settings), str(task_folder), "How high?")
    assert "ragft index tiny" in html
    assert ARTICLES != GRADING
