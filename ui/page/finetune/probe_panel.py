"""Find a learning rate: a short job with three of them, its curves, and a button that takes the best."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from core.errors import LabError
from core.jobs import cancel_job, find_job, read_status
from core.settings import Settings
from core.tasks.folders import name_task
from lab.jobs import start
from lab.lab import Lab
from lab.requests import ProbeRequest
from lab.training.events import read_training_events
from lab.training.probe import check_plan
from ui.command import RUNNER
from ui.page.errors import explain
from ui.page.finetune.form import Form, read_form
from ui.page.finetune.plots import draw_probe
from ui.page.finetune.view import render_probe
from ui.page.job_panel import choose_job, look_at
from ui.page.polling import poll_job

ABOUT = "Begins this training with three learning rates, a few steps each from the same start, and shows which learns fastest."


class ProbeParts(NamedTuple):
    """What changes in the panel: its components, and in the same order what a look sends them."""

    said: Any
    curves: Any
    cancel: Any
    take: Any
    seen: Any


def build_probe(page: gr.Blocks, tab: gr.Tab, lab: Lab, task: gr.Dropdown, form: Form, job: gr.BrowserState) -> None:
    """Build the helper beside the form; `job` remembers the browser's last probe."""
    settings = lab.settings
    seen = gr.State(None)
    with gr.Accordion("Which learning rate?", open=False) as section:
        gr.Markdown(ABOUT)
        with gr.Row():
            find = gr.Button("Find a learning rate", min_width=160)
            cancel = gr.Button("Cancel the search", visible=False, min_width=120)
            take = gr.Button("Use it", visible=False, variant="primary", min_width=120)
        said = gr.HTML("", label="Suggestion", padding=False, visible=False)
        curves = gr.Plot(label="First losses", visible=False)
    parts = ProbeParts(said, curves, cancel, take, seen)

    @explain
    def begin(name: str, *values: Any) -> tuple[str, gr.Accordion]:
        config = read_form(values)
        loaded = lab.task(name)
        check_plan(loaded, config)
        request = ProbeRequest(name_task(loaded, settings), config)
        return start(settings, request, runner=RUNNER).name, gr.Accordion(open=True)

    def refresh(name: str | None, known: Any) -> ProbeParts:
        return _refresh(settings, name, known)

    @explain
    def stop(name: str | None) -> ProbeParts:
        if name:
            cancel_job(find_job(settings, name))
        return _refresh(settings, name, None)

    @explain
    def use(name: str | None) -> float:
        return float(read_status(find_job(settings, name or "")).result["suggestion"])

    def attach(remembered: str | None, request: gr.Request) -> str | None:
        return choose_job(settings, "probe", remembered, request.query_params.get("job"))

    page.load(attach, job, job, api_visibility="private")
    find.click(begin, [task, *form.fields], [job, section], api_visibility="private")
    poll_job(settings, job, refresh, known=[seen], outputs=parts, wake=[job.change, tab.select, section.expand])
    cancel.click(stop, job, parts, api_visibility="private")
    take.click(use, job, form.rate, api_visibility="private")


def _refresh(settings: Settings, name: str | None, known: Any) -> ProbeParts:
    """Return what has changed since `known`, which is what the last look saw."""
    unchanged = ProbeParts(*[gr.skip() for _ in ProbeParts._fields])
    if not name:
        return unchanged
    try:
        folder, status, _ = look_at(settings, name)
    except LabError:
        button = gr.Button(visible=False)
        return ProbeParts(gr.HTML(visible=False), gr.Plot(visible=False), button, button, None)
    events = read_training_events(folder)
    now = [name, status.state, status.message, len(events)]
    if known == now:
        return unchanged
    best = status.result.get("suggestion")
    return ProbeParts(
        said=gr.HTML(render_probe(status, status.result), visible=True),
        curves=gr.Plot(draw_probe(events), visible=True) if events else gr.Plot(visible=False),
        cancel=gr.Button(visible=status.active),
        take=gr.Button(f"Use {best:g}", visible=True) if best else gr.Button(visible=False),
        seen=now,
    )
