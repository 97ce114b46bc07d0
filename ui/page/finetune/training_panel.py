"""A training as any tab sees it: curves from the first step, answers, warnings; cancel and resume. Only files are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from core.errors import LabError
from core.jobs import cancel_job, find_job, resume_job
from core.settings import Settings
from lab.limits import check_queue
from lab.training.events import read_training_events
from ui.command import RUNNER
from ui.page.errors import explain
from ui.page.finetune.plots import draw_answers, draw_losses, list_evaluations, list_steps
from ui.page.finetune.view import render_samples, render_training
from ui.page.job_panel import choose_job, look_at
from ui.page.polling import BUSY_SECONDS, QUIET, poll_job
from ui.page.rendering import render_note

IDLE = "Nothing has been started yet. What you start goes on when this page is closed."
GONE = "The training that was shown here is gone or damaged."


@dataclass(frozen=True)
class TrainingPanel:
    """What others use of the panel. `seen` changes when something new is shown, `state` with the training's state."""

    job: gr.BrowserState
    seen: gr.State
    state: gr.State


class TrainingParts(NamedTuple):
    """What changes in the panel: its components, and in the same order what a look sends them."""

    status: Any
    cancel: Any
    resume: Any
    losses: Any
    answers: Any
    samples: Any
    seen: Any
    state: Any


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
    parts = TrainingParts(status, cancel, resume, losses, answers, samples, seen, state)

    def refresh(name: str | None, known: Any) -> TrainingParts:
        return _refresh(settings, name, known)

    @explain
    def stop(name: str | None) -> TrainingParts:
        if name:
            cancel_job(find_job(settings, name))
        return _refresh(settings, name, None)

    @explain
    def go_on(name: str | None) -> list[Any]:
        folder = find_job(settings, name or "")
        check_queue(settings)
        resume_job(settings, folder, runner=RUNNER)
        return [*_refresh(settings, name, None), gr.Timer(BUSY_SECONDS)]

    def attach(remembered: str | None, request: gr.Request) -> str | None:
        return choose_job(settings, "train", remembered, request.query_params.get("job"))

    page.load(attach, job, job, api_visibility="private")
    timer = poll_job(settings, job, refresh, known=[seen], outputs=parts, wake=[job.change, tab.select])
    cancel.click(stop, job, parts, **QUIET)
    resume.click(go_on, job, [*parts, timer], **QUIET)
    return TrainingPanel(job, seen, state)


def _refresh(settings: Settings, name: str | None, known: Any) -> TrainingParts:
    """Return what has changed since `known`, which is what the last look saw."""
    unchanged = TrainingParts(*[gr.skip() for _ in TrainingParts._fields])
    if not name:
        return unchanged
    try:
        folder, status, command = look_at(settings, name)
    except LabError as error:
        button, plot = gr.Button(visible=False), gr.Plot(visible=False)
        return TrainingParts(render_note(f"{GONE} {error}"), button, button, plot, plot, gr.HTML(visible=False), None, "")
    events = read_training_events(folder)
    now = [name, status.state, len(events), status.message, status.step]
    if known == now:
        return unchanged
    changed = unchanged._replace(
        status=render_training(status, name, command, events),
        cancel=gr.Button(visible=status.active),
        resume=gr.Button(visible=status.state in {"cancelled", "failed"}),
        seen=now,
        state=f"{name} {status.state}",
    )
    if known and known[0] == name and known[2] == len(events):
        return changed  # Drawing is what costs: it waits for a further step or answer.
    has_steps, has_answers = bool(list_steps(events)), bool(list_evaluations(events))
    return changed._replace(
        losses=gr.Plot(draw_losses(events), visible=True) if has_steps else gr.Plot(visible=False),
        answers=gr.Plot(draw_answers(events), visible=True) if has_answers else gr.Plot(visible=False),
        samples=gr.HTML(render_samples(events), visible=has_answers),
    )
