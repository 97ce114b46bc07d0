"""Evaluate: run approaches over the test split, and read verdict, table and intervals."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.comparison.arms import MAIN_ARMS, list_arms
from core.comparison.runs import list_runs, load_run
from core.errors import LabError
from lab.jobs import start
from lab.judging import preview_comparison
from lab.lab import Lab
from lab.requests import CompareRequest
from ui.command import RUNNER
from ui.page.choices import DECODING
from ui.page.errors import explain
from ui.page.evaluate.plots import draw_contrasts
from ui.page.evaluate.view import render_summary
from ui.page.job_panel import build_job_panel
from ui.page.polling import EVERY
from ui.page.rendering import render_note


def build_evaluate_tab(page: gr.Blocks, tab: gr.Tab, lab: Lab, task: gr.Dropdown, job: gr.BrowserState) -> None:
    """Build the tab; `task` is the page's list of tasks, `job` remembers the browser's last comparison."""
    with gr.Row():
        arms = gr.CheckboxGroup(
            [(arm.title, arm.name) for arm in list_arms()], value=list(MAIN_ARMS), label="Approaches", scale=2, min_width=320
        )
        limit = gr.Slider(10, 300, value=72, step=1, label="Test questions", scale=1)
    mode = gr.Radio(DECODING, value="free", label="Decoding")
    plan = gr.HTML(padding=False)
    run_button = gr.Button("Run the comparison", variant="primary")
    panel = build_job_panel(page, tab, lab.settings, job, kind="compare")
    choices_now, damaged_now = _list_choices(lab)
    with gr.Row():
        run = gr.Dropdown(choices_now, value=None, label="Results of", scale=3)
        again = gr.Button("Refresh the list", scale=1)
    damaged = gr.HTML(render_note(damaged_now), visible=bool(damaged_now), padding=False)
    result = gr.HTML(render_note("Choose a run to see its verdict."), label="Result", padding=False)
    plot = gr.Plot(label="Paired differences with 95 % intervals", visible=False)

    @explain
    def begin(name: str, ticked: list[str], items: int, decoding: str) -> str:
        lab.task(name)
        if not ticked:
            raise LabError("No approach is chosen.", "Tick at least one.")
        chosen = tuple(arm.name for arm in list_arms() if arm.name in ticked)
        request = CompareRequest(name, arms=chosen, limit=int(items), mode=decoding)
        return start(lab.settings, request, runner=RUNNER).name

    @explain
    def show(name: str | None) -> tuple[Any, Any]:
        if not name:
            return render_note("No comparison has been run yet."), gr.Plot(visible=False)
        summary = load_run(lab.settings, name).summary
        figure = draw_contrasts(summary)
        return render_summary(summary), gr.Plot(figure, visible=figure is not None)

    def refresh(current: str | None) -> tuple[gr.Dropdown, gr.HTML]:
        runs, left_out = _list_choices(lab)
        names = [name for _, name in runs]
        chosen = current if current in names else next(iter(names), None)
        return gr.Dropdown(runs, value=chosen), gr.HTML(render_note(left_out), visible=bool(left_out))

    @explain
    def foresee(name: str | None, ticked: list[str], items: int) -> str:
        if not name or len(ticked) < 2:
            return render_note("Choose a task and at least two approaches.")
        return render_note(preview_comparison(lab, name, ticked, limit=int(items)).sentence)

    changes = [task.change, arms.change, limit.release, page.load]
    gr.on(changes, foresee, [task, arms, limit], plan, **EVERY)
    run_button.click(begin, [task, arms, limit, mode], panel.job, api_visibility="private")
    gr.on([again.click, page.load], refresh, run, [run, damaged], api_visibility="private")
    run.change(show, run, [result, plot], api_visibility="private")


def _list_choices(lab: Lab) -> tuple[list[tuple[str, str]], str]:
    """Return the runs to choose from as (label, id), and a sentence that names the damaged ones, empty where all are whole."""
    listing = list_runs(lab.settings)
    choices = [(f"{run.id} ({run.status})", run.id) for run in listing.whole if run.summary]
    return choices, f"Left out: {' '.join(listing.damaged)}" if listing.damaged else ""
