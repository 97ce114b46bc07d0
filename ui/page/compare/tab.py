"""Compare: one question, several approaches, answers side by side as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import gradio as gr
from markupsafe import Markup

from core.comparison.arms import ARMS, MAIN_ARMS, list_arms
from core.errors import LabError
from core.tasks.task import Task
from core.values import DecodeOptions, Example, OnText, Prediction
from finetune.adapters.fit import NoFit
from finetune.config import PROMPTS, QUESTIONS
from lab.answering import answer_items, choose_options, describe_constraint
from lab.lab import Lab
from lab.search import judge_hits
from ui.page.choices import DECODING
from ui.page.compare.streaming import stream
from ui.page.compare.view import render_partial, render_prediction
from ui.page.errors import explain
from ui.page.polling import EVERY
from ui.page.rendering import render_card, render_cards, render_note

SHOWN_ITEMS = 300  # Of a task's test questions; a longer list is no help to choose from.


def build_compare_tab(lab: Lab, task: gr.Dropdown) -> None:
    """Build the tab; `task` is the page's list of tasks."""
    with gr.Row():
        arms = gr.CheckboxGroup(
            [(arm.title, arm.name) for arm in list_arms()], value=list(MAIN_ARMS), label="Approaches", scale=2, min_width=320
        )
        mode = gr.Radio(DECODING, value="free", label="Decoding", scale=1, min_width=280)
    item = gr.Dropdown(_list_items(lab, task.value), value=None, label="Take a test question (its expected answer is known)")
    question = gr.Textbox(label="Question", placeholder="Ask anything about the task's documents", lines=2)
    with gr.Row():
        ask = gr.Button("Answer", variant="primary")
        stop = gr.Button("Stop")
    answers = gr.HTML(render_note("Choose a test question or type one, then press Answer."), label="Answers", padding=False)

    def list_items(name: str) -> gr.Dropdown:
        return gr.Dropdown(_list_items(lab, name), value=None)

    @explain
    def take_item(name: str, example_id: str | None) -> str:
        example = _find_item(lab, name, example_id)
        return example.input if example else ""

    # The names of these parameters are those of the public API.
    @explain
    def answer(name: str, wanted: list[str], text: str, identity: str | None, decoding: str = "free") -> Iterator[str]:
        """Answer a question with several approaches; yields HTML as the answers come."""
        if not text.strip():
            raise LabError("There is no question.", "Type one or take a test question.")
        if not wanted:
            raise LabError("No approach is chosen.", "Tick at least one.")
        task, example = lab.task(name or ""), _find_item(lab, name, identity)
        if example is None or example.input.strip() != text.strip():
            example = Example("question", text.strip())
        yield from _answer(lab, task, example, [arm.name for arm in list_arms() if arm.name in wanted], decoding)

    task.change(list_items, task, item, **EVERY)
    item.input(take_item, [task, item], question, api_visibility="private")
    running = gr.on(
        [ask.click, question.submit], answer, [task, arms, question, item, mode], answers,
        api_name="answer", concurrency_id="model", concurrency_limit=1, show_progress="minimal",
    )  # fmt: skip
    stop.click(lambda: render_note("Stopped."), None, answers, cancels=[running], api_visibility="private")


def _answer(lab: Lab, task: Task, item: Example, arms: list[str], mode: str) -> Iterator[str]:
    """Yield the cards of all arms, each time that something was added to one of them."""
    bodies = dict.fromkeys(arms, render_note("Waiting"))
    for arm in bodies:
        bodies[arm] = render_note("Working (the first answer also loads the model)")
        yield _render(bodies)
        try:
            options = choose_options(lab, task, mode=mode)
            for part in stream(partial(_answer_one, lab, task, item, arm, options)):
                if isinstance(part, str):
                    bodies[arm] = render_partial(part)
                    yield _render(bodies)
                else:
                    bodies[arm] = render_prediction(task, item, part[0], judge_hits(lab, task, item.input, part[0].hits))
            if reason := describe_constraint(lab, task, mode):
                bodies[arm] += render_note(reason)
        except NoFit as error:
            bodies[arm] = render_note(f"Not run. {error} Or on this page: {_name_fields(error.need.kind)}")
        except LabError as error:
            bodies[arm] = render_note(f"Not run. {error}")
        yield _render(bodies)


def _name_fields(kind: str) -> str:
    """Say where on the page an adapter of a kind is made."""
    return f"tab Fine-tune, More settings, {QUESTIONS['prompts'].title}: {PROMPTS[kind]}."


def _answer_one(lab: Lab, task: Task, item: Example, arm: str, options: DecodeOptions, on_text: OnText) -> Prediction:
    return next(answer_items(lab, task, [item], ARMS[arm], options=options, on_text=on_text))[1]


def _render(bodies: Mapping[str, str]) -> Markup:
    return render_cards(render_card(ARMS[arm].title, body) for arm, body in bodies.items())


def _list_items(lab: Lab, name: str | None) -> list[tuple[str, str]]:
    if not name:
        return []
    try:
        return [(f"{item.slice or 'test'}: {item.input}", item.id) for item in lab.task(name).test[:SHOWN_ITEMS]]
    except LabError as error:
        gr.Warning(str(error))
        return []


def _find_item(lab: Lab, name: str, example_id: str | None) -> Example | None:
    if not example_id:
        return None
    return next((item for item in lab.task(name).test if item.id == example_id), None)
