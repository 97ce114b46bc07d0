"""A comparison that runs: how far each approach is and its mark so far; at its end its run is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from core.comparison.arms import find_title
from core.errors import LabError
from core.jobs import JobStatus, cancel_job, find_job, read_events
from core.settings import Settings
from lab.partial import read_partials
from ui.page.errors import explain
from ui.page.job_panel import choose_job, look_at
from ui.page.markup import render
from ui.page.polling import QUIET, poll_job
from ui.page.rendering import render_note, render_status

KIND = "compare"
STAGE = "answers "  # How `lab/rounds.py` calls the stage, before the approach.


def build_progress(
    page: gr.Blocks, tab: gr.Tab, settings: Settings, job: gr.BrowserState, *, finish: Callable[[Any], None]
) -> gr.State:
    """Build the panel; returns the state that `finish` is given.

    Args:
        page: The page.
        tab: The tab, whose opening is a moment to look.
        settings: Where jobs lie.
        job: Holds the id of the job.
        finish: Is given a state that changes to a run's id when a comparison ends that was seen running here.
    """
    shown = gr.HTML("", label="Comparison", padding=False, visible=False)
    cancel = gr.Button("Stop the comparison", visible=False, size="sm")
    seen = gr.State(None)  # The job that was running at the last look.
    ended = gr.State(None)
    outputs = [shown, cancel, seen, ended]

    def look(name: str | None, running: str | None = None) -> list[Any]:
        return look_at_comparison(settings, name, running)

    @explain
    def stop(name: str | None) -> list[Any]:
        if name:
            cancel_job(find_job(settings, name))
        return look(name, name)

    def attach(remembered: str | None, request: gr.Request) -> str | None:
        return choose_job(settings, KIND, remembered, request.query_params.get("job"))

    page.load(attach, job, job, api_visibility="private")
    poll_job(settings, job, look, known=[seen], outputs=outputs, wake=[job.change, tab.select])
    cancel.click(stop, job, outputs, **QUIET)
    finish(ended)
    return ended


def look_at_comparison(settings: Settings, name: str | None, running: str | None) -> list[Any]:
    """Return what the panel shows of a job: its state, whether it can be stopped, the job if it runs, the run if it just ended.

    Args:
        settings: Where jobs lie.
        name: The job; None where there is none.
        running: The job that was running at the last look.
    """
    nothing = [gr.HTML(visible=False), gr.Button(visible=False), None, gr.skip()]
    if not name:
        return nothing
    try:
        folder, status, command = look_at(settings, name)
    except LabError as error:
        gone = f"The comparison that was shown here is gone or damaged. {error}"
        return [gr.HTML(render_note(gone), visible=name == running), *nothing[1:]]
    run = status.result.get("run_id")
    if status.state == "done" and name != running:
        return nothing  # Its run stands in the list; what is over needs no card.
    partials = read_partials(read_events(folder)) if status.active else []
    html = render(
        "evaluate/progress",
        status=render_status(_describe(status), name, command),
        arms=[{"title": find_title(one.arm), "answered": one.answered, "of": one.of, "mark": one.mark} for one in partials],
    )
    over = status.state == "done"
    return [
        gr.HTML(html, visible=not over),
        gr.Button(visible=status.active),
        name if status.active else None,
        run if over and run else gr.skip(),
    ]


def _describe(status: JobStatus) -> JobStatus:
    """Say which approach answers, instead of the stage's name."""
    rest = status.message.removeprefix(STAGE).strip()
    if not status.active or rest == status.message or not rest:
        return replace(status, message="Answering") if status.active and status.message.strip() == STAGE.strip() else status
    return replace(status, message=f"{rest} answers" if "," not in rest else rest.replace(",", " answers,", 1))
