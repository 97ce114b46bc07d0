"""Find a learning rate: a short job with three of them, its curves, and a button that takes the best."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.errors import LabError
from core.jobs import cancel_job, find_job, read_events, read_status, start_job
from core.settings import Settings
from lab.lab import Lab
from lab.training.probe import check_plan, probe_arguments
from ui.page.finetune.form import Form, read_form
from ui.page.finetune.plots import draw_probe
from ui.page.finetune.view import render_probe
from ui.page.job_panel import choose_job
from ui.page.polling import poll_job

ABOUT = "Begins this training with three learning rates, a few steps each from the same start, and shows which learns fastest."


def build_probe(page: gr.Blocks, tab: gr.Tab, lab: Lab, task: gr.Dropdown, form: Form, job: gr.BrowserState) -> None:
    """Build the helper beside the form; `job` remembers the browser's last probe."""
    settings = lab.settings
    seen = gr.State(None)
    with gr.Accordion("Which learning rate?", open=False) as section:
        gr.Markdown(ABOUT)
        with gr.Row():
            start = gr.Button("Find a learning rate", min_width=160)
            cancel = gr.Button("Cancel the search", visible=False, min_width=120)
            take = gr.Button("Use it", visible=False, variant="primary", min_width=120)
        said = gr.HTML("", label="Suggestion", padding=False, visible=False)
        curves = gr.Plot(label="First losses", visible=False)
    outputs = [said, curves, cancel, take, seen]

    def begin(name: str, *values: Any) -> tuple[str, gr.Accordion]:
        try:
            config = read_form(values)
            check_plan(lab.task(name), config)
            arguments = probe_arguments(name, config)
            return start_job(settings, kind="probe", task=name, arguments=arguments).name, gr.Accordion(open=True)
        except LabError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def refresh(name: str | None, known: Any) -> list[Any]:
        return _refresh(settings, name, known)

    def stop(name: str | None) -> list[Any]:
        if name:
            cancel_job(find_job(settings, name))
        return _refresh(settings, name, None)

    def use(name: str | None) -> float:
        return float(read_status(find_job(settings, name or "")).result["suggestion"])

    def attach(remembered: str | None, request: gr.Request) -> str | None:
        return choose_job(settings, "probe", remembered, request.query_params.get("job"))

    page.load(attach, job, job, api_visibility="private")
    start.click(begin, [task, *form.fields], [job, section], api_visibility="private")
    poll_job(settings, job, refresh, known=[seen], outputs=outputs, wake=[job.change, tab.select, section.expand])
    cancel.click(stop, job, outputs, api_visibility="private")
    take.click(use, job, form.rate, api_visibility="private")


def _refresh(settings: Settings, name: str | None, known: Any) -> list[Any]:
    """Return what has changed since `known`, which is what the last look saw."""
    skipped = [gr.skip()] * 5
    if not name:
        return skipped
    try:
        folder = find_job(settings, name)
    except LabError:
        return [gr.HTML(visible=False), gr.Plot(visible=False), gr.Button(visible=False), gr.Button(visible=False), None]
    status, events = read_status(folder), read_events(folder)
    now = [name, status.state, status.message, len(events)]
    if known == now:
        return skipped
    best = status.result.get("suggestion")
    return [
        gr.HTML(render_probe(status, status.result), visible=True),
        gr.Plot(draw_probe(events), visible=True) if events else gr.Plot(visible=False),
        gr.Button(visible=status.active),
        gr.Button(f"Use {best:g}", visible=True) if best else gr.Button(visible=False),
        now,
    ]
