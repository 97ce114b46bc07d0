"""Fine-tune: look at the data, choose settings and see their cost, train and watch, compare what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from core.errors import LabError
from core.tasks.folders import name_task
from lab.jobs import start
from lab.lab import Lab
from lab.requests import TrainRequest
from lab.training.costs import Costs
from lab.training.preflight import require_go, run_preflight
from ui.command import RUNNER
from ui.page.errors import explain
from ui.page.finetune.form import SIZED, Form, build_form, read_form
from ui.page.finetune.history_panel import build_history
from ui.page.finetune.preflight_view import render_preflight
from ui.page.finetune.probe_panel import build_probe
from ui.page.finetune.training_panel import build_training_panel
from ui.page.finetune.view import render_cost
from ui.page.polling import EVERY, QUIET
from ui.page.rendering import render_note


def build_finetune_tab(
    page: gr.Blocks, tab: gr.Tab, lab: Lab, task: gr.Dropdown, job: gr.BrowserState, probe: gr.BrowserState
) -> tuple[Any, Form]:
    """Build the tab; `task` is the page's list of tasks, `job` and `probe` remember the browser's last training and probe.

    Returns the event after which there may be another adapter, and the form.
    """
    costs = Costs(lab)
    gr.Markdown("## 1 · Data\nThe examples that are learned. A check takes seconds and loads no model.")
    check = gr.Button("Check before training", min_width=160)
    report = gr.HTML("", label="Check", padding=False, visible=False)
    gr.Markdown("## 2 · Settings and what they cost")
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            form = build_form()
            build_probe(page, tab, lab, task, form, probe)
        with gr.Column(scale=1, min_width=320):
            cost = gr.HTML(render_note("Computing what these settings cost"), label="Cost", padding=False)
    gr.Markdown("## 3 · Train and watch")
    start_button = gr.Button("Start fine-tuning", variant="primary")
    panel = build_training_panel(page, tab, lab.settings, job)
    gr.Markdown("## 4 · Results")
    build_history(tab, lab, task, form, [panel.state.change, panel.job.change])

    @explain
    def inspect(name: str, *values: Any) -> gr.HTML:
        return gr.HTML(render_preflight(run_preflight(lab, name, read_form(values))), visible=True)

    def begin(name: str, *values: Any) -> str:
        return begin_training(lab, name, values)

    given = [task, *form.fields]
    check.click(inspect, given, report, api_visibility="private")
    task.change(lambda: gr.HTML("", visible=False), None, report, **EVERY)
    start_button.click(begin, given, panel.job, api_visibility="private")
    _show_costs(tab, costs, task, form, cost)
    return panel.state.change, form


@explain
def begin_training(lab: Lab, name: str, values: Sequence[Any]) -> str:
    """Start the training that the form's values describe, unless the preflight refuses it; returns its job's id."""
    config = read_form(values)
    request = TrainRequest(name_task(lab.task(name), lab.settings), config)
    require_go(run_preflight(lab, name, config))
    return start(lab.settings, request, runner=RUNNER).name


def _show_costs(tab: gr.Tab, costs: Costs, task: gr.Dropdown, form: Form, cost: gr.HTML) -> None:
    """Keep the cost true to the form; the model's size gives the starting values when the tab is first opened."""
    started = gr.State(False)

    def estimate(name: str | None, *values: Any) -> str:
        if not name:
            return render_note("Choose a task to see what its training costs.")
        try:
            return render_cost(costs.estimate(name, read_form(values)))
        except LabError as error:
            return render_note(str(error))

    def prepare(done: bool) -> list[Any]:
        try:
            preset = None if done else costs.choose_preset()
        except LabError:  # The cost says what is missing.
            preset = None
        return [True, *(getattr(preset, name) if preset else gr.skip() for name in SIZED)]

    given = [task, *form.fields]
    ready = tab.select(prepare, started, [started, *form.sized], **QUIET)
    ready.then(estimate, given, cost, **QUIET)
    changes = [component.change for component in given]
    gr.on(changes, estimate, given, cost, trigger_mode="always_last", concurrency_limit=None, **QUIET)
