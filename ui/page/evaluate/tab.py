"""Evaluate: run approaches over the test split, and read verdict, table and intervals."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.comparison.arms import MAIN_ARMS, list_arms
from core.comparison.runs import list_runs, load_run
from core.errors import LabError
from core.evaluation.statistics import EQUIVALENCE_MARGIN
from lab.jobs import CompareRequest, start
from lab.lab import Lab
from ui.command import RUNNER
from ui.page.compare.tab import DECODING, Choices
from ui.page.job_panel import build_job_panel
from ui.page.rendering import render_note, render_summary


def build_evaluate_tab(page: gr.Blocks, tab: gr.Tab, lab: Lab, choices: Choices, job: gr.BrowserState) -> gr.Dropdown:
    """Build the tab; returns its list of tasks."""
    first = choices[0][1] if choices else None
    with gr.Row():
        task = gr.Dropdown(list(choices), value=first, label="Task", scale=1, min_width=280)
        arms = gr.CheckboxGroup(
            [(arm.title, arm.name) for arm in list_arms()], value=list(MAIN_ARMS), label="Approaches", scale=2, min_width=320
        )
        limit = gr.Slider(10, 300, value=72, step=1, label="Test questions", scale=1)
    mode = gr.Radio(DECODING, value="free", label="Decoding")
    run_button = gr.Button("Run the comparison", variant="primary")
    panel = build_job_panel(page, tab, lab.settings, job, kind="compare")
    with gr.Row():
        run = gr.Dropdown(_list_choices(lab), value=None, label="Results of", scale=3)
        again = gr.Button("Refresh the list", scale=1)
    result = gr.HTML(render_note("Choose a run to see its verdict."), label="Result", padding=False)
    plot = gr.Plot(label="Paired differences with 95 % intervals", visible=False)

    def begin(name: str, wanted: list[str], items: int, decoding: str) -> str:
        try:
            lab.task(name)
            if not wanted:
                raise LabError("No approach is chosen.", "Tick at least one.")
            chosen = tuple(arm.name for arm in list_arms() if arm.name in wanted)
            request = CompareRequest(name, arms=chosen, limit=int(items), mode=decoding)
            return start(lab.settings, request, runner=RUNNER).name
        except LabError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def show(name: str | None) -> tuple[Any, Any]:
        return _show_run(lab, name)

    def refresh(current: str | None) -> gr.Dropdown:
        names = _list_choices(lab)
        known = [name for _, name in names]
        return gr.Dropdown(names, value=current if current in known else next(iter(known), None))

    run_button.click(begin, [task, arms, limit, mode], panel.job, api_visibility="private")
    gr.on([again.click, page.load], refresh, run, run, api_visibility="private")
    run.change(show, run, [result, plot], api_visibility="private")
    return task


def _list_choices(lab: Lab) -> list[tuple[str, str]]:
    runs, _ = list_runs(lab.settings)
    return [(f"{run.id} ({run.status})", run.id) for run in runs if run.summary]


def _show_run(lab: Lab, name: str | None) -> tuple[Any, Any]:
    if not name:
        return render_note("No comparison has been run yet."), gr.Plot(visible=False)
    try:
        run = load_run(lab.settings, name)
    except LabError as error:
        raise gr.Error(str(error), print_exception=False) from error
    known = any(item["ci_low"] is not None for item in run.summary["contrasts"])
    return render_summary(run.summary), gr.Plot(draw_contrasts(run.summary) if known else None, visible=known)


def draw_contrasts(summary: dict[str, Any] | Any) -> Any:
    """Draw every paired difference with its interval, the zero line and the band of equivalence."""
    import plotly.graph_objects as graph

    known = [item for item in summary["contrasts"] if item["ci_low"] is not None][::-1]
    names = [f"{item['a']} − {item['b']} · {item['metric']} · {item['slice']}" for item in known]
    figure = graph.Figure(
        graph.Scatter(
            x=[item["difference"] for item in known],
            y=names,
            mode="markers",
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [item["ci_high"] - item["difference"] for item in known],
                "arrayminus": [item["difference"] - item["ci_low"] for item in known],
            },
        )
    )
    figure.add_vline(x=0, line_dash="dash")
    figure.add_vrect(x0=-EQUIVALENCE_MARGIN, x1=EQUIVALENCE_MARGIN, opacity=0.12, line_width=0, fillcolor="gray")
    # The plot's label lies over its top left corner: without room there it would hide the first pair's name.
    figure.update_layout(height=180 + 26 * len(known), margin={"l": 10, "r": 10, "t": 50, "b": 40}, yaxis={"automargin": True})
    if summary.get("leakage"):
        figure.update_layout(title={"text": summary["leakage"], "font": {"color": "#b3261e", "size": 13}}, margin={"t": 80})
    figure.update_xaxes(title="difference (right: the first is better)", range=[-1, 1])
    return figure
