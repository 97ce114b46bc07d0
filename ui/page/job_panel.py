"""A job as any tab sees it: status, cancel. Only files are read, so reloads and restarts lose nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from core.errors import LabError
from core.jobs import JobStatus, cancel_job, find_job, read_config, read_status
from core.settings import Settings
from ui.command import describe_job
from ui.page.errors import explain
from ui.page.polling import QUIET, poll_job
from ui.page.rendering import render_note, render_status


@dataclass(frozen=True)
class JobPanel:
    """The components of a panel. `job` holds the id of the job that it shows."""

    job: gr.BrowserState
    status: gr.HTML
    cancel: gr.Button


def remember_job(kind: str) -> gr.BrowserState:
    """Make the browser's memory of its last job of a kind.

    It belongs to the page, not to a tab: a tab that has not been opened yet has not read its memory when the page loads.
    """
    return gr.BrowserState(None, storage_key=f"ragft-{kind}", secret="ragft")


def build_job_panel(page: gr.Blocks, tab: gr.Tab, settings: Settings, job: gr.BrowserState, *, kind: str) -> JobPanel:
    """Build a panel for jobs of one kind."""
    status = gr.HTML(render_note("Nothing has been started yet."), label="Status", padding=False)
    cancel = gr.Button("Cancel", visible=False)
    panel = JobPanel(job, status, cancel)
    outputs = [status, cancel]

    def refresh(name: str | None) -> list[Any]:
        return _refresh(settings, name)

    @explain
    def stop(name: str | None) -> list[Any]:
        if name:
            cancel_job(find_job(settings, name))
        return refresh(name)

    def attach(remembered: str | None, request: gr.Request) -> str | None:
        return choose_job(settings, kind, remembered, request.query_params.get("job"))

    page.load(attach, job, job, api_visibility="private")
    poll_job(settings, job, refresh, outputs=outputs, wake=[job.change, tab.select])
    cancel.click(stop, job, outputs, **QUIET)
    return panel


def choose_job(settings: Settings, kind: str, remembered: str | None, asked: str | None) -> str | None:
    """Return the job in the page's address, `?job=ID`, else the one this browser remembers."""
    return next((name for name in (asked, remembered) if name and _kind_of(settings, name) == kind), None)


def look_at(settings: Settings, name: str) -> tuple[Path, JobStatus, list[str]]:
    """Return a job's folder, how it stands, and the command that does the same.

    Raises:
        LabError: It is gone, or one of its files is damaged.
    """
    folder = find_job(settings, name)
    return folder, read_status(folder), describe_job(read_config(folder))


def _kind_of(settings: Settings, name: str) -> str | None:
    try:
        return read_config(find_job(settings, name)).kind
    except LabError:
        return None


def _refresh(settings: Settings, name: str | None) -> list[Any]:
    if not name:
        return [gr.skip(), gr.skip()]
    try:
        _, status, command = look_at(settings, name)
    except LabError as error:
        return [render_note(f"The job that was shown here is gone or damaged. {error}"), gr.Button(visible=False)]
    return [render_status(status, name, command), gr.Button(visible=status.active)]
