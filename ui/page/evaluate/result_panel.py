"""A run as it is looked at: verdict, charts, two approaches of one's choice item by item, all numbers as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.comparison.arms import find_title
from core.comparison.runs import Run, load_run
from core.errors import LabError
from core.evaluation.board import Board
from core.evaluation.charts.chart import render_charts
from core.evaluation.charts.scatter import choose_pair, draw_scatter
from lab.items import RunShelf
from lab.lab import Lab
from lab.run_names import name_run, read_label
from ui.page.errors import explain
from ui.page.evaluate.run_choice import describe_stored, is_stored
from ui.page.evaluate.view import render_gallery, render_tables, render_verdict
from ui.page.polling import EVERY, QUIET
from ui.page.rendering import render_note

NO_RUN = "No comparison of this task yet. Start one above: its verdict, charts and items appear here."


@dataclass(frozen=True, slots=True)
class ResultParts:
    """The components that show a run, in the order in which they are filled."""

    verdict: gr.HTML
    gallery: gr.HTML
    first: gr.Dropdown
    second: gr.Dropdown
    pair: gr.HTML
    tables: gr.HTML

    def as_list(self) -> list[Any]:
        """Return them as the outputs of an event."""
        return [self.verdict, self.gallery, self.first, self.second, self.pair, self.tables]


def build_verdict() -> gr.HTML:
    """Build what is seen first of a run."""
    return gr.HTML(render_note(NO_RUN), label="Verdict", padding=False, elem_id="verdict")


def build_charts() -> tuple[gr.HTML, gr.Dropdown, gr.Dropdown, gr.HTML]:
    """Build the charts, and the one of two approaches of one's choice."""
    gallery = gr.HTML("", label="Charts", padding=False)
    with gr.Accordion("Any two approaches, item by item", open=False):
        with gr.Row():
            first = gr.Dropdown([], label="This approach", min_width=200)
            second = gr.Dropdown([], label="against", min_width=200)
        pair = gr.HTML("", label="Two approaches", padding=False)
    return gallery, first, second, pair


def build_tables() -> gr.HTML:
    """Build all numbers of a run."""
    with gr.Accordion("All numbers as tables", open=False):
        return gr.HTML("", label="Tables", padding=False)


def connect_result(lab: Lab, shelf: RunShelf, run: gr.Dropdown, parts: ResultParts) -> None:
    """Fill the parts whenever another run is chosen."""
    results = Results(lab, shelf)
    run.change(results.show, run, parts.as_list(), **EVERY)
    gr.on([parts.first.input, parts.second.input], results.show_pair, [run, parts.first, parts.second], parts.pair, **QUIET)


class Results:
    """What is shown of runs."""

    def __init__(self, lab: Lab, shelf: RunShelf) -> None:
        self._lab, self._shelf = lab, shelf

    @explain
    def show(self, run_id: str | None) -> list[Any]:
        """Return what fills the parts for a run."""
        if not run_id:
            empty = gr.Dropdown([], value=None)
            return [render_note(NO_RUN), "", empty, empty, "", ""]
        run = load_run(self._lab.settings, run_id)
        board, missing = self._open(run)
        choices, pair = [], None
        if board is not None:
            choices = [(find_title(arm), arm) for arm in board.arms]
            pair = choose_pair(run.summary, board.arms)
        first, second = pair or (None, None)
        return [
            render_verdict(run, name=self._name(run), stored=self._say_stored(run), board=board, missing=missing),
            render_gallery(run, board),
            gr.Dropdown(choices, value=first),
            gr.Dropdown(choices, value=second),
            self._draw_pair(board, first, second),
            render_tables(run.summary),
        ]

    @explain
    def show_pair(self, run_id: str | None, first: str | None, second: str | None) -> str:
        """Return the chart of two approaches."""
        board = self._open(load_run(self._lab.settings, run_id))[0] if run_id else None
        return self._draw_pair(board, first, second)

    def _draw_pair(self, board: Board | None, first: str | None, second: str | None) -> str:
        if board is None or not first or not second:
            return render_note("The answers of this run cannot be opened item by item, or one approach alone answered.")
        if first == second:
            return render_note("Choose two different approaches.")
        return render_charts([draw_scatter(board, first, second)], level=4)

    def _open(self, run: Run) -> tuple[Board | None, str]:
        """Return a run's board, or why it cannot be opened: the numbers are shown all the same."""
        try:
            return self._shelf.open(run.id).board, ""
        except LabError as error:
            return None, str(error)

    def _name(self, run: Run) -> str:
        try:
            return name_run(run, read_label(self._lab.settings, run.id))
        except LabError:
            return name_run(run)

    def _say_stored(self, run: Run) -> str:
        return describe_stored(run) if is_stored(self._lab.settings, run) else ""
