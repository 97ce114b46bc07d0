"""One question of the chosen task on its way: both searches, the joined list, the passages, the prompt, the answer."""

from __future__ import annotations

from functools import partial

import gradio as gr
from markupsafe import Markup

from core.answers.writing import serialize
from core.errors import LabError
from core.values import Prediction
from lab.lab import Lab
from lab.learn.rag_steps import RagSteps, answer_question, follow_question, list_questions
from ui.page.errors import explain
from ui.page.lanes import ANSWERS, SEARCHES
from ui.page.markup import render
from ui.page.polling import EVERY
from ui.page.rendering import render_note

HINT = "Choose a question, or write one, and follow it. The search needs the task's index; the answer needs the model."
LONGEST = 2_000  # Characters of a question.


def build_rag_panel(tab: gr.Tab, lab: Lab, task: gr.Dropdown) -> None:
    """Build the question and what becomes of it."""
    question = gr.Dropdown([], label="A question of the chosen task, or your own", allow_custom_value=True)
    with gr.Row():
        follow = gr.Button("Follow it", variant="primary")
        ask = gr.Button("Let the model answer")
    steps = gr.HTML(render_note(HINT), label="Steps", padding=False)
    answer = gr.HTML("", label="Answer", padding=False)

    def offer(name: str | None, given: str | None) -> tuple[object, Markup, str]:
        questions = find_questions(lab, name)
        kept = given if given in questions else (questions[0] if questions else "")
        return gr.Dropdown(questions, value=kept), render_note(HINT), ""

    @explain
    def walk(name: str | None, text: str | None) -> tuple[Markup, str]:
        return render_steps(lab, name, text or ""), ""

    @explain
    def reply(name: str | None, text: str | None) -> tuple[Markup, Markup]:
        loaded = lab.task(name or "")
        shown = render_steps(lab, name, text or "")
        prediction = answer_question(lab, loaded, _trim(text or ""))
        return shown, render_answer(
            prediction, serialize(prediction.value, loaded.schema) if prediction.value is not None else ""
        )

    tab.select(partial(offer_questions, lab), [task, question], question, **EVERY)
    task.change(offer, [task, question], [question, steps, answer], **EVERY)
    follow.click(walk, [task, question], [steps, answer], api_visibility="private", **SEARCHES)
    ask.click(reply, [task, question], [steps, answer], api_visibility="private", **ANSWERS)


def offer_questions(lab: Lab, name: str | None, given: str | None) -> gr.Dropdown:
    """Return the list of questions when the tab is opened: what was typed or chosen before stays, else the first one."""
    questions = find_questions(lab, name)
    return gr.Dropdown(questions, value=given or (questions[0] if questions else ""), allow_custom_value=True)


def find_questions(lab: Lab, name: str | None) -> list[str]:
    """Return questions of a task to begin with; none where it cannot be read."""
    if not name:
        return []
    try:
        return list(list_questions(lab.task(name)))
    except LabError:
        return []


def render_steps(lab: Lab, name: str | None, text: str) -> Markup:
    """Show a question's way up to its prompt; where the index is absent, how it is made.

    Raises:
        LabError: There is no such task, or the question is empty.
    """
    question = _trim(text)
    task = lab.task(name or "")
    if not lab.library.has_index(task):
        return render("learn/rag_missing", task=task.title, name=task.name)
    return draw_steps(follow_question(lab, task, question))


def draw_steps(steps: RagSteps) -> Markup:
    """Lay the steps out."""
    rows = [
        {
            "rank": rank,
            "title": hit.passage.title or hit.passage.document,
            "place": hit.passage.place,
            "dense": _write(hit.ranks.get("dense"), hit.scores.get("dense")),
            "bm25": _write(hit.ranks.get("bm25"), hit.scores.get("bm25")),
            "score": f"{hit.score:.3f}",
            "shown": rank <= steps.shown,
        }
        for rank, hit in enumerate(steps.hits, start=1)
    ]
    return render("learn/rag", steps=steps, rows=rows, passages=steps.hits[: steps.shown])


def render_answer(prediction: Prediction, written: str) -> Markup:
    """Show the model's answer, and what the prompt took."""
    generation = prediction.generation
    return render(
        "learn/rag_answer",
        written=written or generation.text,
        readable=bool(written),
        issues=[issue.message for issue in prediction.issues],
        prompt=f"{generation.prompt_tokens:,}",
        new=generation.new_tokens,
        seconds=f"{generation.latency_seconds:.1f}",
        dropped=prediction.dropped_passages,
    )


def _write(rank: int | None, score: float | None) -> str:
    return "not among the first 50" if rank is None or score is None else f"{rank}. ({score:.3f})"


def _trim(text: str) -> str:
    question = text.strip()
    if not question or len(question) > LONGEST:
        raise LabError(f"The question has {len(question):,} characters.", f"Give 1 to {LONGEST:,}.")
    return question
