"""Results of a task's trainings: list, compare, reproduce, choose which adapter answers, delete."""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

import gradio as gr

from core.errors import LabError
from core.jobs import read_config
from core.settings import DEFAULT_MODEL, Settings
from core.stored import Listing
from core.tasks.folders import name_task
from finetune.adapters.card import restore_config
from finetune.adapters.store import delete_adapter, select_adapter, unselect_adapter
from lab.lab import Lab
from lab.requests import TrainRequest
from lab.training.history import (
    HEADERS,
    Training,
    compare_outcomes,
    compare_settings,
    list_rows,
    list_trainings,
    read_curves,
    read_use,
)
from ui.command import describe_job, write_command
from ui.page.errors import explain
from ui.page.finetune.download_panel import build_download
from ui.page.finetune.form import Form, fill_form
from ui.page.finetune.plots import draw_comparison, list_evaluations, list_steps
from ui.page.finetune.view import render_differences, render_history
from ui.page.polling import EVERY, QUIET
from ui.page.rendering import render_note

EMPTY = "No training yet: the first one appears here when it is started."


class HistoryParts(NamedTuple):
    """What lists the trainings: the components, and in the same order what is sent to them."""

    note: Any
    table: Any
    chosen: Any
    one: Any
    other: Any


class DetailParts(NamedTuple):
    """What shows the chosen trainings: the components, and in the same order what is sent to them."""

    about: Any
    curves: Any
    command: Any
    select: Any
    unselect: Any
    delete: Any
    files: Any


class DeletionRow(NamedTuple):
    """The row that asks before a deletion, and its answers."""

    row: gr.Row
    yes: gr.Button
    no: gr.Button


def build_history(tab: gr.Tab, lab: Lab, task: gr.Dropdown, form: Form, changes: list[Any]) -> None:
    """Build the section; `changes` are events after which the list is read again."""
    settings = lab.settings
    note = gr.HTML(render_note(EMPTY), padding=False)
    table = gr.HTML("", label="Trainings of this task", padding=False, visible=False)
    with gr.Column(visible=False) as chosen:
        with gr.Row():
            one = gr.Dropdown([], label="Training", min_width=240)
            other = gr.Dropdown([], label="Compare with", min_width=240)
        detail, reproduce, question = _build_detail()
        build_download(settings, one, detail.files)
    lists = HistoryParts(note, table, chosen, one, other)

    def show(name: str | None, first: str | None, second: str | None) -> HistoryParts:
        return _list(settings, name, first, second)

    def look(name: str | None, first: str | None, second: str | None) -> DetailParts:
        return _show_detail(lab, name, first, second)

    @explain
    def fill(name: str, training_id: str) -> list[Any]:
        training = _find_training(settings, name, training_id)
        if not training.config:
            raise LabError("This training was started by an older version, which did not keep its settings.", "Type them.")
        return fill_form(restore_config(training.config))

    @explain
    def choose(name: str, training_id: str) -> None:
        select_adapter(settings, _find_training(settings, name, training_id).adapter or "")

    @explain
    def undo(name: str, training_id: str) -> None:
        unselect_adapter(settings, _find_training(settings, name, training_id).adapter or "")

    @explain
    def delete(name: str, training_id: str) -> gr.Row:
        delete_adapter(settings, _find_training(settings, name, training_id).adapter or "")
        return gr.Row(visible=False)

    given = [task, one, other]
    listed = gr.on([task.change, tab.select, *changes], show, given, lists, **EVERY)
    listed.then(look, given, detail, **EVERY)
    gr.on([one.input, other.input], look, given, detail, **EVERY)
    reproduce.click(fill, [task, one], list(form.fields), api_visibility="private")
    detail.delete.click(lambda: gr.Row(visible=True), None, question.row, **QUIET)
    gr.on([question.no.click, one.change], lambda: gr.Row(visible=False), None, question.row, **QUIET)
    for event in (
        detail.select.click(choose, [task, one], None, api_visibility="private"),
        detail.unselect.click(undo, [task, one], None, api_visibility="private"),
        question.yes.click(delete, [task, one], question.row, api_visibility="private"),
    ):
        event.success(show, given, lists, **EVERY).then(look, given, detail, **EVERY)


def _build_detail() -> tuple[DetailParts, gr.Button, DeletionRow]:
    """Build what shows the chosen trainings, the button that reproduces one, and the question before a deletion."""
    about = gr.HTML("", padding=False, visible=False)
    curves = gr.Plot(label="Curves", visible=False)
    command = gr.Code(
        "", language="shell", label="The same on the command line", interactive=False, wrap_lines=True, lines=1, max_lines=4
    )
    with gr.Row():
        reproduce = gr.Button("Reproduce: settings into the form", min_width=180)
        select = gr.Button("Use for answers", min_width=140, visible=False)
        unselect = gr.Button("Use the newest again", min_width=140, visible=False)
        delete = gr.Button("Delete the adapter", min_width=140, visible=False, variant="stop")
    with gr.Row(visible=False) as row:
        gr.HTML(render_note("Delete this adapter? It cannot be brought back."), padding=False)
        yes = gr.Button("Yes, delete it", variant="stop", min_width=120)
        no = gr.Button("Keep it", min_width=120)
    files = gr.Accordion("Download the adapter", open=False, visible=False)
    return DetailParts(about, curves, command, select, unselect, delete, files), reproduce, DeletionRow(row, yes, no)


def _find_training(settings: Settings, task: str, training_id: str | None) -> Training:
    training = next((item for item in list_trainings(settings, task).whole if item.id == training_id), None)
    if training is None:
        raise LabError("This training is gone.", "Choose another.")
    return training


def _list(settings: Settings, task: str | None, first: str | None, second: str | None) -> HistoryParts:
    """Return the table and both lists; what was chosen stays chosen while it is there, what is damaged is named."""
    listing = list_trainings(settings, task) if task else Listing([], [])
    trainings = listing.whole
    rows = list_rows(trainings, *read_use(settings, str(task), trainings)) if trainings else []
    table = gr.HTML(render_history(HEADERS, rows, listing.damaged), visible=bool(rows or listing.damaged))
    if not trainings:
        nothing = gr.Dropdown([], value=None)
        return HistoryParts(gr.HTML(render_note(EMPTY), visible=True), table, gr.Column(visible=False), nothing, nothing)
    choices = [(training.title, training.id) for training in trainings]
    offered = {training.id for training in trainings}
    return HistoryParts(
        note=gr.HTML(visible=False),
        table=table,
        chosen=gr.Column(visible=True),
        one=_offer(choices, first, offered, trainings[0].id),
        other=_offer([("nothing", ""), *choices], second, offered, ""),
    )


def _offer(choices: list[tuple[str, str]], value: str | None, offered: set[str], first: str) -> dict[str, Any]:
    """Return a list's update that leaves a choice alone which still stands: it may have been changed meanwhile."""
    return dict(gr.update(choices=choices) if value in offered else gr.update(choices=choices, value=first))


def _list_words(lab: Lab, task: str, training: Training) -> list[str]:
    """Return the command of a training; where a job of an older version does not say its settings, the one that it kept."""
    if not training.config and training.job is not None:
        return describe_job(read_config(training.job))
    model = "" if training.model == DEFAULT_MODEL else training.model
    name = name_task(lab.task(task), lab.settings)
    return write_command(TrainRequest(name, restore_config(training.config), model=model))


def _show_detail(lab: Lab, task: str | None, first: str | None, second: str | None) -> DetailParts:
    """Show the chosen training, beside another where one is chosen."""
    try:
        one = _find_training(lab.settings, task or "", first)
        other = _find_training(lab.settings, task or "", second) if second and second != first else None
        command = shlex.join(_list_words(lab, task or "", one))
    except LabError:
        hidden = gr.Button(visible=False)
        return DetailParts(
            gr.HTML(visible=False), gr.Plot(visible=False), "", hidden, hidden, hidden, gr.Accordion(visible=False)
        )
    shown = [one, *([other] if other else [])]
    named = [(training.title, read_curves(training)) for training in shown]
    drawn = any(list_steps(events) or list_evaluations(events) for _, events in named)
    about = ""
    if other:
        about = render_differences((one.title, other.title), compare_settings(one, other), compare_outcomes(one, other))
    selected = one.adapter in read_use(lab.settings, task or "", [])[0]
    return DetailParts(
        about=gr.HTML(about, visible=bool(about)),
        curves=gr.Plot(draw_comparison(named), visible=True) if drawn else gr.Plot(visible=False),
        command=command,
        select=gr.Button(visible=one.adapter is not None and not selected),
        unselect=gr.Button(visible=selected),
        delete=gr.Button(visible=one.adapter is not None),
        files=gr.Accordion(visible=one.adapter is not None),
    )
