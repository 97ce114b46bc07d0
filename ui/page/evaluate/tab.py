"""Evaluate: from the verdict of a comparison to the items that decided it, and the form that starts one."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.comparison.runs import list_bundled
from lab.items import RunShelf
from lab.lab import Lab
from lab.runs import list_entries
from ui.page.address import follow
from ui.page.evaluate.against_panel import build_against
from ui.page.evaluate.files_panel import build_files
from ui.page.evaluate.items_panel import build_items_panel
from ui.page.evaluate.progress import build_progress
from ui.page.evaluate.result_panel import ResultParts, build_charts, build_tables, build_verdict, connect_result
from ui.page.evaluate.run_choice import find_task_of, offer_runs
from ui.page.evaluate.start_panel import build_start
from ui.page.evaluate.vote_panel import build_vote_panel
from ui.page.evaluate.weights_panel import build_weights
from ui.page.polling import EVERY, QUIET
from ui.page.rendering import render_note


def build_evaluate_tab(page: gr.Blocks, tab: gr.Tab, lab: Lab, task: gr.Dropdown, job: gr.BrowserState) -> Any:
    """Build the tab; `task` is the page's list of tasks, `job` remembers the browser's last comparison.

    Returns the event after which there may be another verdict.
    """
    with gr.Row(elem_classes="run-row"):
        run = gr.Dropdown([], value=None, label="Results of", elem_id="run", scale=5, min_width=260)
        again = gr.Button("Refresh", scale=0, min_width=100, size="sm")
    damaged = gr.HTML("", visible=False, padding=False)
    with gr.Accordion("Start a comparison", open=False, elem_id="start") as form:
        build_start(tab, lab, task, job)
    listed = gr.State(None)  # The task whose runs the list holds; None until the page has read its address.
    chooser, shelf = RunChooser(lab), RunShelf(lab)  # One shelf: a board of 10,000 items takes some 100 MB.
    outputs = [run, damaged, form, listed]

    def finish(ended: gr.State) -> None:
        ended.change(chooser.show_ended, [task, ended], outputs, **EVERY)

    ended = build_progress(page, tab, lab.settings, job, finish=finish)
    verdict = build_verdict()
    save = build_files(lab, run)
    build_weights(lab, run)
    gallery, first, second, pair = build_charts()
    build_items_panel(page, lab, shelf, run)
    build_vote_panel(page, lab, shelf, run)
    build_against(lab, shelf, run)
    tables = build_tables()
    connect_result(lab, shelf, run, ResultParts(verdict, gallery, first, second, pair, tables))

    read = follow(page, run, "run", offer=chooser.offer_all)
    read.then(chooser.open_first, [task, run], outputs, **QUIET)
    task.change(chooser.follow_task, [task, run, listed], outputs, **EVERY)
    gr.on([again.click, save.click], chooser.refresh, [task, run], outputs, **QUIET)
    return ended.change


class RunChooser:
    """Keeps the list of runs that of the page's task. Each answer fills the list, what is damaged, the form, the task listed."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def offer_all(self) -> list[tuple[str, str]]:
        """Return every run that the address may name."""
        tasks = dict.fromkeys(entry.task for entry in list_entries(self._lab.settings).whole)
        tasks |= dict.fromkeys(place.parent.name for place in list_bundled())
        return [choice for name in tasks for choice in offer_runs(self._lab.settings, name).choices]

    def open_first(self, task: str | None, asked: str | None) -> list[Any]:
        """Open the page: with the run of the address, else with the newest of the task."""
        return self.refresh(find_task_of(self._lab.settings, asked) or task, asked)

    def follow_task(self, task: str | None, current: str | None, listed: str | None) -> list[Any]:
        """Show the runs of the task that was chosen; before the page has read its address this waits for it."""
        if listed is None or listed == task:
            return [gr.skip()] * 4
        return self.refresh(task, current)

    def show_ended(self, task: str | None, ended: str | None) -> list[Any]:
        """Show the run of a comparison that has just ended, where the page is still at its task."""
        if not ended:
            return [gr.skip()] * 4
        own = find_task_of(self._lab.settings, ended) == task
        return self.refresh(task, ended) if own else [gr.skip()] * 4

    def refresh(self, task: str | None, current: str | None) -> list[Any]:
        """Read the list of runs again; what is shown stays shown."""
        offered = offer_runs(self._lab.settings, task, current)
        return [
            gr.Dropdown(list(offered.choices), value=offered.chosen),
            gr.HTML(render_note(offered.damaged), visible=bool(offered.damaged)),
            gr.Accordion(open=offered.chosen is None),
            task,
        ]
