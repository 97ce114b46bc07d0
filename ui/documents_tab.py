"""Documents: what retrieval reads, its index, and a search to try it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.errors import LabError
from core.jobs import start_job
from retrieval.search import MODES
from ui.compare_tab import Choices
from ui.job_panel import build_job_panel
from ui.lab import Lab
from ui.rendering import render_hits, render_note

HEADERS = ["Document", "Title", "Words"]


def build_documents_tab(page: gr.Blocks, lab: Lab, choices: Choices, job: gr.BrowserState) -> gr.Dropdown:
    """Build the tab; returns its list of tasks."""
    first = choices[0][1] if choices else None
    with gr.Row():
        task = gr.Dropdown(list(choices), value=first, label="Task", scale=3)
        build = gr.Button("Build the index", variant="primary", scale=1)
    panel = build_job_panel(page, lab.settings, job, kind="index")
    with gr.Row():
        query = gr.Textbox(label="Try the search", placeholder="What would you look for?", scale=3)
        mode = gr.Radio(list(MODES), value="hybrid", label="Search by", scale=2)
        search = gr.Button("Search", scale=1)
    found = gr.HTML(render_note("Results appear here, with the matching words highlighted."), label="Results", padding=False)
    table = gr.Dataframe(_list_documents(lab, first), headers=HEADERS, label="Documents", interactive=False, wrap=True)

    def show(name: str) -> list[list[Any]]:
        return _list_documents(lab, name)

    def start(name: str) -> str:
        try:
            lab.task(name)
            return start_job(lab.settings, kind="index", task=name, arguments=["index", name, "--rebuild"]).name
        except LabError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def look(name: str, text: str, wanted: str) -> str:
        """Search a task's documents; returns HTML."""
        try:
            return render_hits(lab.load_retriever(lab.task(name), mode=wanted).search([text], top_k=5)[0], text)
        except LabError as error:
            raise gr.Error(str(error), print_exception=False) from error

    task.change(show, task, table, api_visibility="private")
    build.click(start, task, panel.job, api_visibility="private")
    gr.on(
        [search.click, query.submit],
        look,
        [task, query, mode],
        found,
        api_name="search",
        concurrency_id="model",
        concurrency_limit=1,
    )
    return task


def _list_documents(lab: Lab, name: str | None) -> list[list[Any]]:
    from retrieval.documents import read_documents

    if not name:
        return []
    try:
        task = lab.task(name)
        documents = read_documents(task.documents_folder).documents if task.has_documents else []
    except LabError as error:
        gr.Warning(str(error))
        return []
    return [[document.id, document.title, len(document.text.split())] for document in documents]
