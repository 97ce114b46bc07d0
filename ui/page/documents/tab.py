"""Documents: what retrieval reads. Adding, indexing, deleting; the search; how good it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from core.errors import LabError
from core.jobs import find_job, read_status
from lab.documents import check_idle, list_holdings
from lab.jobs import start
from lab.lab import Lab
from lab.requests import IndexRequest
from retrieval.readers.registry import READERS, REFUSED
from ui.command import RUNNER
from ui.page.documents.quality_panel import build_quality_panel
from ui.page.documents.search_panel import build_search_panel
from ui.page.documents.view import HEADERS, list_rows, render_problems, render_state
from ui.page.errors import explain
from ui.page.job_panel import JobPanel, build_job_panel
from ui.page.polling import EVERY, QUIET
from ui.page.rendering import render_note

LARGEST_MB = 20  # Of one file, which is read into memory whole; Gradio counts 1 MB as 2^20 bytes.
LIMITS = f"""Text and markup of most kinds, HTML, PDF, Word, Excel, CSV, JSON, XML, mails and notebooks, at most {LARGEST_MB} MB a \
file. They stay on the machine that runs the lab; what cannot be read is named with its reason and never stops the others."""


def build_documents_tab(page: gr.Blocks, tab: gr.Tab, lab: Lab, task: gr.Dropdown, job: gr.BrowserState) -> Any:
    """Build the tab; `task` is the page's list of tasks, `job` remembers the browser's last indexing.

    Returns the event after which the documents or their index may have changed.
    """
    state = gr.HTML(render_note("Looking at the documents."), label="State of the index", padding=False)
    with gr.Row():
        files = gr.File(
            label="Add documents",
            file_count="multiple",
            file_types=sorted({*READERS, *REFUSED}),
            height=150,
            scale=3,
            min_width=280,
        )
        with gr.Column(scale=2, min_width=240):
            add = gr.Button("Add and index", variant="primary")
            update = gr.Button("Bring the index up to date")
            rebuild = gr.Button("Build it anew", size="sm")
    gr.HTML(render_note(LIMITS), padding=False)
    panel = build_job_panel(page, tab, lab.settings, job, kind="index")
    with gr.Accordion("The documents", open=False):
        table = gr.Dataframe(
            [], headers=HEADERS, datatype=["str", "str", "number", "number", "str", "str", "str"], show_label=False,
            interactive=False, wrap=True, max_height=360, column_widths=["22%", "22%", "9%", "10%", "10%", "12%", "15%"],
        )  # fmt: skip
        with gr.Row(equal_height=True):
            chosen = gr.Dropdown(
                [], value=[], multiselect=True, label="Delete documents that were added", scale=4, min_width=240
            )
            delete = gr.Button("Delete", variant="stop", scale=1, min_width=120)
    problems = gr.HTML("", label="Left out", padding=False)
    search = build_search_panel(lab, task)
    build_quality_panel(lab, task)
    shown = [state, table, chosen, problems, search.documents]
    _join_jobs(lab, panel, task, files, {"add": add, "update": update, "rebuild": rebuild})

    def look(name: str | None) -> list[Any]:
        return _look(lab, name)

    def remove(name: str, documents: list[str]) -> list[Any]:
        _remove(lab, name, documents)
        return [*_look(lab, name), render_note("Search again: what was found before may be deleted.")]

    def follow(job_name: str | None, name: str | None) -> list[Any]:
        return _look(lab, name) if _has_ended(lab, job_name) else [gr.skip()] * len(shown)

    gr.on([tab.select, task.change], look, task, shown, **EVERY)
    panel.status.change(follow, [panel.job, task], shown, **QUIET)
    delete.click(remove, [task, chosen], [*shown, search.results], api_visibility="private")
    return state.change


def _join_jobs(lab: Lab, panel: JobPanel, task: gr.Dropdown, files: gr.File, buttons: dict[str, gr.Button]) -> None:
    """Let the buttons start indexing."""

    @explain
    def add(name: str, paths: list[str] | None) -> tuple[str, None]:
        if not paths:
            raise LabError("There is no file to add.", "Choose some first.")
        return start_indexing(lab, name, *paths), None

    buttons["add"].click(add, [task, files], [panel.job, files], api_visibility="private")
    buttons["update"].click(lambda name: start_indexing(lab, name), task, panel.job, api_visibility="private")
    buttons["rebuild"].click(lambda name: start_indexing(lab, name, rebuild=True), task, panel.job, api_visibility="private")


@explain
def start_indexing(lab: Lab, name: str, *paths: str, rebuild: bool = False) -> str:
    """Start indexing a task's documents, new ones added first; returns the job's id."""
    lab.task(name or "")
    return start(lab.settings, IndexRequest(name, tuple(paths), rebuild), runner=RUNNER).name


def _look(lab: Lab, name: str | None) -> list[Any]:
    """Return what the tab shows of a task: the index's state, documents, those to delete, problems, those to search."""
    try:
        holdings = list_holdings(lab, lab.task(name or ""))
    except LabError as error:
        nothing = gr.Dropdown([], value=[], multiselect=True)
        return [render_note(str(error)), [], nothing, "", nothing]
    return [
        render_state(holdings),
        list_rows(holdings),
        gr.Dropdown(holdings.own, value=[], multiselect=True, info=_describe_own(len(holdings.own), holdings.count)),
        render_problems(holdings),
        gr.Dropdown([item.id for item in holdings.documents if item.passages], value=[], multiselect=True),
    ]


def _describe_own(own: int, count: int) -> str:
    if own == count:
        return "Their files are deleted too."
    return f"{count - own} documents came with the task and cannot be deleted. Of added ones the files are deleted too."


@explain
def _remove(lab: Lab, name: str, documents: Sequence[str]) -> None:
    if not documents:
        raise LabError("No document is chosen.", "Choose which to delete.")
    task = lab.task(name or "")
    check_idle(lab.settings, task)
    lab.library.remove(task, documents)
    gr.Info(f"Deleted: {', '.join(documents)}. No search finds them any more.")


def _has_ended(lab: Lab, job_name: str | None) -> bool:
    try:
        return bool(job_name) and not read_status(find_job(lab.settings, str(job_name))).active
    except LabError:
        return False
