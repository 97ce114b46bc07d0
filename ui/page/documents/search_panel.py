"""Try the search: one query, every way of searching side by side, and whether anything relevant was found."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.errors import LabError
from lab.lab import Lab
from lab.search import SearchOptions, search_all
from ui.page.errors import explain
from ui.page.lanes import SEARCHES
from ui.page.passages import render_search
from ui.page.polling import EVERY
from ui.page.rendering import render_note

FUSIONS = [("Scores averaged (convex)", "convex"), ("Ranks added up (RRF)", "rrf")]
HINT = "Ask for something the documents hold, then for something they do not: the lab says when nothing relevant was found."


@dataclass(frozen=True)
class SearchPanel:
    """The components that the tab fills: the documents to search in, the results."""

    documents: gr.Dropdown
    results: gr.HTML


def build_search_panel(lab: Lab, task: gr.Dropdown) -> SearchPanel:
    """Build the panel."""
    gr.Markdown("## Try the search")
    query = gr.Textbox(suggest_query(lab, task.value), label="Look for")
    with gr.Row():
        fusion = gr.Radio(FUSIONS, value="convex", label="Hybrid joins both rankings by", scale=2, min_width=280)
        documents = gr.Dropdown(
            [], value=[], multiselect=True, label="Only in these documents (none: all)", scale=2, min_width=240
        )
        count = gr.Slider(1, 10, value=3, step=1, label="Passages each", scale=1, min_width=160)
    search = gr.Button("Search", variant="primary")
    results = gr.HTML(render_note(HINT), label="Results", padding=False)

    def look(name: str, text: str, joined: str = "convex", among: list[str] | None = None, passages: float = 3) -> str:
        """Search a task's documents by vectors, by words and by both; returns HTML."""
        return _look(lab, name, text, joined, among or [], int(passages))

    task.change(lambda name: [suggest_query(lab, name), render_note(HINT)], task, [query, results], **EVERY)
    gr.on(
        [search.click, query.submit], look, [task, query, fusion, documents, count], results,
        api_visibility="private", **SEARCHES,
    )  # fmt: skip
    return SearchPanel(documents, results)


def suggest_query(lab: Lab, name: str | None) -> str:
    """Return a test question whose answer stands in a document; empty where no question says so."""
    if not name:
        return ""
    try:
        return next((item.input for item in lab.task(name).test if item.evidence), "")
    except LabError:
        return ""


@explain
def _look(lab: Lab, name: str, text: str, fusion: str, documents: list[str], count: int) -> str:
    options = SearchOptions(k=count, fusion=fusion, documents=tuple(documents))
    answer = search_all(lab, lab.task(name or ""), text, options)
    return render_search(answer.verdict, answer.hits, text, answer.index.load_document)
