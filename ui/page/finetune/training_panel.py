"""A training as any tab sees it: curves from the first step, answers, warnings; cancel and resume. Only files are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.errors import LabError
from core.jobs import CONFIG, cancel_job, find_job, read_events, read_status, resume_job
from core.settings import Settings
from core.storage import read_json
from ui.page.finetune.plots import draw_answers, draw_losses, list_evaluations, list_steps
from ui.page.finetune.view import render_samples, render_training
from ui.page.job_panel import choose_job
from ui.page.polling import BUSY_SECONDS, QUIET, poll_job
from ui.page.rendering import render_note

IDLE = "Nothing has been started yet. What you start goes on when this page is closed."
GONE = "The training that was shown here is gone."


@dataclass(frozen=True)
class TrainingPanel:
    """What others use of the panel. `seen` changes when something new is shown, `state` with the training's state."""

    job: gr.BrowserState
    seen: gr.State
    state: gr.State


def build_training_panel(page: gr.Blocks, tab: gr.Tab, settings: Settings, job: gr.BrowserState) -> TrainingPanel:
    """Build the panel; `job` holds the id of the training that it shows."""
    seen, state = gr.State(None), gr.State("")
    status = gr.HTML(render_note(IDLE), label="Status", padding=False)
    with gr.Row():
        cancel = gr.Button("Cancel (keeps what was learned)", visible=False)
        resume = gr.Button("Resume", visible=False)
    with gr.Row():
        with gr.Column(min_width=300):
            losses = gr.Plot(label="Loss", visible=False)
        with gr.Column(min_width=300):
            answers = gr.Plot(label="Held-out answers", visible=False)
    samples = gr.HTML("", label="Answers", padding=False, visible=False)
    outputs = [status, cancel, resume, losses, answers, samples, seen, state]

    def refresh(name: str | None, known: Any) -> list[Any]:
        return _refresh(settings, name, known)

    def stop(name: str | None) -> list[Any]:
        if name:
            cancel_job(find_job(settings, name))
        return _refresh(settings, name, None)

    def go_on(name: str | None) -> list[Any]:
        try:
            resume_job(settings, find_job(settings, name or ""))
        except LabError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return [*_refresh(settings, name, None), gr.Timer(BUSY_SECONDS)]

    def attach(remembered: str | None, request: gr.Request) -> str | None:
        return choose_job(settings, "train", remembered, request.query_params.get("job"))

    page.load(attach, job, job, api_visibility="private")
    timer = poll_job(settings, job, refresh, known=[seen], outputs=outputs, wake=[job.change, tab.select])
    cancel.click(stop, job, outputs, **QUIET)
    resume.click(go_on, job, [*outputs, timer], **QUIET)
    return TrainingPanel(job, seen, state)


def _refresh(settings: Settings, name: str | None, known: Any) -> list[Any]:
    """Return what has changed since `known`, which is what the last look saw."""
    skipped = [gr.skip()] * 8
    if not name:
        return skipped
    try:
        folder = find_job(settings, name)
    except LabError:
        hidden = [gr.Button(visible=False)] * 2 + [gr.Plot(visible=False)] * 2
        return [render_note(GONE), *hidden, gr.HTML(visible=False), None, ""]
    status, events = read_status(folder), read_events(folder)
    now = [name, status.state, len(events), status.message, status.step]
    if known == now:
        return skipped
    state = f"{name} {status.state}"
    shown: list[Any] = [
        render_training(status, name, read_json(folder / CONFIG)["command"], events),
        gr.Button(visible=status.active),
        gr.Button(visible=status.state in {"cancelled", "failed"}),
    ]
    if known and known[0] == name and known[2] == len(events):
        return [*shown, *[gr.skip()] * 3, now, state]
    has_steps, has_answers = bool(list_steps(events)), bool(list_evaluations(events))
    return [
        *shown,
        gr.Plot(draw_losses(events), visible=True) if has_steps else gr.Plot(visible=False),
        gr.Plot(draw_answers(events), visible=True) if has_answers else gr.Plot(visible=False),
        gr.HTML(render_samples(events), visible=has_answers),
        now,
        state,
    ]
