"""Interview me: a question, one's own answer, what its words cover for certain, and what a small model thinks of it."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import Markup

from lab.lab import Lab
from lab.learn.interview import (
    GRADING,
    LONGEST_ANSWER,
    POOLS,
    Grade,
    choose_arm,
    cover,
    find_next,
    find_question,
    grade,
    list_arms,
    list_questions,
)
from ui.page.errors import explain
from ui.page.learn.live import LIVE
from ui.page.markup import render
from ui.page.polling import EVERY, QUIET
from ui.page.rendering import render_note

HINT = "Answer in your own words, as you would speak. What a good answer says is shown after you have answered."
FIRST = "fine-tune-or-rag"  # Of the questions with a rubric; the one that this lab is about.


def build_interview_panel(tab: gr.Tab, lab: Lab) -> None:
    """Build the question, the answer and both judgements."""
    with gr.Row():
        pool = gr.Radio(
            [(title, name) for name, title in POOLS.items()], value=GRADING, label="Kind of question", min_width=280
        )
        following = gr.Button("Next question", min_width=140)
    question = gr.Dropdown(list_choices(GRADING), value=FIRST, label="Question", filterable=True)
    asked = gr.HTML(render_asked(GRADING, FIRST), label="The question in full", padding=False)
    said = gr.Textbox("", label="Your answer", lines=5, max_lines=12, max_length=LONGEST_ANSWER)
    with gr.Row():
        check = gr.Button("Check my words", variant="primary")
        arm = gr.Dropdown(list_arms(), value="rag", label="Graded by", min_width=180)
        ask = gr.Button("Ask the model's opinion")
    words = gr.HTML(render_note(HINT), label="Points", padding=False)
    opinion = gr.HTML("", label="Opinion", padding=False)
    cleared = [words, opinion]

    def change(name: str) -> tuple[Any, str, Markup, str]:
        choices = list_choices(name)
        return gr.Dropdown(choices, value=choices[0][1]), "", render_note(HINT), ""

    @explain
    def count(name: str, which: str, text: str) -> Markup:
        return render_words(name, which, text)

    @explain
    def judge(name: str, which: str, text: str, by: str) -> tuple[Markup, Markup]:
        return render_words(name, which, text), render_grade(grade(lab, find_question(name, which), text, arm=by))

    touched = gr.State(False)  # What the person chose stays when the tab is opened again.
    arm.input(lambda: True, None, touched, **QUIET)
    tab.select(lambda chosen: gr.skip() if chosen else choose_arm(lab), touched, arm, **EVERY)
    pool.change(change, pool, [question, said, *cleared], **LIVE)
    following.click(find_next, [pool, question], question, **QUIET)
    question.input(lambda: ("", render_note(HINT), ""), None, [said, *cleared], **EVERY)
    following.click(lambda: ("", render_note(HINT), ""), None, [said, *cleared], **EVERY)
    question.change(explain(render_asked), [pool, question], asked, **EVERY)  # A list cuts long ones off on a phone.
    check.click(count, [pool, question, said], words, **QUIET)
    ask.click(
        judge, [pool, question, said, arm], cleared, api_visibility="private", concurrency_id="model", concurrency_limit=1
    )


def list_choices(pool: str) -> list[tuple[str, str]]:
    """Return (question, id) of a pool."""
    return [(question.text, question.id) for question in list_questions(pool)]


def render_asked(pool: str, which: str) -> Markup:
    """Show a question in full.

    Raises:
        LabError: There is no such question.
    """
    return render("learn/asked", question=find_question(pool, which))


def render_words(pool: str, which: str, said: str) -> Markup:
    """Show which points an answer's words cover, and where each is written.

    Raises:
        LabError: There is no such question.
    """
    question = find_question(pool, which)
    points = cover(question, said)
    weight = sum(point.point.weight for point in points)
    got = sum(point.point.weight * point.share for point in points)
    return render(
        "learn/words",
        question=question,
        points=points,
        percent=f"{got / weight:.0%}" if weight else "0%",
        empty=not said.strip(),
        task=pool,
    )


def render_grade(given: Grade) -> Markup:
    """Show a model's grade of an answer as the opinion that it is."""
    values = given.values
    return render(
        "learn/grade",
        grade=given,
        score=values.get("score"),
        verdict=values.get("verdict"),
        covered=_list(values.get("covered")),
        missing=_list(values.get("missing")),
        follow_up=values.get("follow_up"),
        text=given.prediction.generation.text,
        seconds=f"{given.prediction.generation.latency_seconds:.1f}",
        shown=[hit.passage.text for hit in given.prediction.hits],
    )


def _list(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
