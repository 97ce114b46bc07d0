"""Six questions, a recommendation in words with its reasons, and what one's own runs say."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from lab.lab import Lab
from lab.learn.choice import QUESTIONS, recommend
from lab.learn.evidence import count_runs, find_evidence
from ui.page.errors import explain
from ui.page.learn.live import LIVE
from ui.page.markup import render
from ui.page.polling import EVERY
from ui.page.rendering import render_note


def build_choice_panel(tab: gr.Tab, lab: Lab, task: gr.Dropdown) -> None:
    """Build the questions and both answers."""
    firsts = [leanings[0].answer for leanings in QUESTIONS.values()]
    with gr.Row(elem_classes="learn-questions"):
        answers = [
            gr.Radio([leaning.answer for leaning in leanings], value=first, label=question, min_width=260)
            for (question, leanings), first in zip(QUESTIONS.items(), firsts, strict=True)
        ]
    advice = gr.HTML(render_choice(*firsts), label="Recommendation", padding=False)
    own = gr.HTML(render_note("Your own runs are read when the tab is opened."), label="Your own runs", padding=False)
    gr.on([answer.change for answer in answers], explain(render_choice), answers, advice, **LIVE)

    @explain
    def read(name: str | None) -> Markup:
        return render_evidence(lab, name)

    gr.on([tab.select, task.change], read, task, own, **EVERY)


def render_choice(*answers: str) -> Markup:
    """Show what six answers come to.

    Raises:
        LabError: One is no answer to its question.
    """
    return render("learn/choice", advice=recommend(answers))


def render_evidence(lab: Lab, task: str | None) -> Markup:
    """Show what the stored runs on this machine say."""
    evidence = find_evidence(lab.settings, task)
    return render("learn/evidence", evidence=evidence, counts=count_runs(evidence), task=task)
