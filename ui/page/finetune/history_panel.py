"""Results of a task's trainings: list, compare, reproduce, choose which adapter answers, delete."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.errors import LabError
from core.settings import Settings
from finetune.adapters.card import restore_config
from finetune.adapters.store import delete_adapter, select_adapter, unselect_adapter
from lab.lab import Lab
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
from lab.training.jobs import train_arguments
from ui.page.finetune.download_panel import build_download
from ui.page.finetune.form import Form, fill_form
from ui.page.finetune.plots import draw_comparison, list_evaluations, list_steps
from ui.page.finetune.view import render_differences, render_history
from ui.page.polling import EVERY, QUIET
from ui.page.rendering import render_note

EMPTY = "No training yet: the first one appears here when it is started."


@dataclass(frozen=True)
class _Detail:
    """The components that show the chosen trainings."""

    about: gr.HTML
    curves: gr.Plot
    command: gr.Code
    reproduce: gr.Button
    select: gr.Button
    unselect: gr.Button
    ask_delete: gr.Button
    question: gr.Row
    yes: gr.Button
    no: gr.Button
    files: gr.Accordion


def build_history(page: gr.Blocks, tab: gr.Tab, lab: Lab, task: gr.Dropdown, form: Form, changes: list[Any]) -> None:
    """Build the section; `changes` are events after which the list is read again."""
    settings = lab.settings
    note = gr.HTML(render_note(EMPTY), padding=False)
    table = gr.HTML("", label="Trainings of this task", padding=False, visible=False)
    with gr.Column(visible=False) as chosen:
        with gr.Row():
            one = gr.Dropdown([], label="Training", min_width=240)
            other = gr.Dropdown([], label="Compare with", min_width=240)
        detail = _build_detail()
        sure = _ask_deletion(settings, one, detail)
        build_download(settings, one, detail.files)
    lists = [note, table, chosen, one, other]

    def show(name: str | None, first: str | None, second: str | None) -> list[Any]:
        return _list(settings, name, first, second)

    def look(name: str | None, first: str | None, second: str | None) -> list[Any]:
        return _show_detail(lab, name, first, second)

    def reproduce(name: str, identity: str) -> list[Any]:
        try:
            return fill_form(restore_config(_find(settings, name, identity).config))
        except LabError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def choose(name: str, identity: str) -> None:
        _use(settings, name, identity)

    def undo(name: str, identity: str) -> None:
        unselect_adapter(settings, _find(settings, name, identity).adapter or "")

    given = [task, one, other]
    parts = list(_parts(detail))
    listed = gr.on([task.change, page.load, tab.select, *changes], show, given, lists, **EVERY)
    listed.then(look, given, parts, **EVERY)
    gr.on([one.input, other.input], look, given, parts, **EVERY)
    detail.reproduce.click(reproduce, [task, one], list(form.fields), api_visibility="private")
    for event in (
        detail.select.click(choose, [task, one], None, api_visibility="private"),
        detail.unselect.click(undo, [task, one], None, api_visibility="private"),
        sure(task),
    ):
        event.success(show, given, lists, **EVERY).then(look, given, parts, **EVERY)


def _parts(detail: _Detail) -> tuple[Any, ...]:
    return (
        detail.about, detail.curves, detail.command, detail.select, detail.unselect, detail.ask_delete, detail.files,
    )  # fmt: skip


def _build_detail() -> _Detail:
    about = gr.HTML("", padding=False, visible=False)
    curves = gr.Plot(label="Curves", visible=False)
    command = gr.Code(
        "", language="shell", label="The same on the command line", interactive=False, wrap_lines=True, lines=1, max_lines=4
    )
    with gr.Row():
        reproduce = gr.Button("Reproduce: settings into the form", min_width=180)
        select = gr.Button("Use for answers", min_width=140, visible=False)
        unselect = gr.Button("Use the newest again", min_width=140, visible=False)
        ask_delete = gr.Button("Delete the adapter", min_width=140, visible=False, variant="stop")
    with gr.Row(visible=False) as question:
        gr.HTML(render_note("Delete this adapter? It cannot be brought back."), padding=False)
        yes = gr.Button("Yes, delete it", variant="stop", min_width=120)
        no = gr.Button("Keep it", min_width=120)
    files = gr.Accordion("Download the adapter", open=False, visible=False)
    return _Detail(about, curves, command, reproduce, select, unselect, ask_delete, question, yes, no, files)


def _ask_deletion(settings: Settings, one: gr.Dropdown, detail: _Detail) -> Any:
    """Ask before a deletion; returns what binds the answer to the list of tasks."""
    detail.ask_delete.click(lambda: gr.Row(visible=True), None, detail.question, **QUIET)
    gr.on([detail.no.click, one.change], lambda: gr.Row(visible=False), None, detail.question, **QUIET)

    def delete(name: str, identity: str) -> Any:
        try:
            delete_adapter(settings, _find(settings, name, identity).adapter or "")
        except LabError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return gr.Row(visible=False)

    return lambda task: detail.yes.click(delete, [task, one], detail.question, api_visibility="private")


def _find(settings: Settings, task: str, identity: str | None) -> Training:
    found = next((training for training in list_trainings(settings, task) if training.id == identity), None)
    if found is None:
        raise LabError("This training is gone.", "Choose another.")
    return found


def _use(settings: Settings, task: str, identity: str) -> None:
    try:
        select_adapter(settings, _find(settings, task, identity).adapter or "")
    except LabError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _list(settings: Settings, task: str | None, first: str | None, second: str | None) -> list[Any]:
    """Return the table and both lists; what was chosen stays chosen while it is there."""
    trainings = list_trainings(settings, task) if task else []
    if not trainings:
        return [
            gr.HTML(render_note(EMPTY), visible=True),
            gr.HTML(visible=False),
            gr.Column(visible=False),
            gr.Dropdown([], value=None),
            gr.Dropdown([], value=None),
        ]
    choices = [(training.title, training.id) for training in trainings]
    known = {training.id for training in trainings}
    rows = list_rows(trainings, *read_use(settings, str(task), trainings))
    return [
        gr.HTML(visible=False),
        gr.HTML(render_history(HEADERS, rows), visible=True),
        gr.Column(visible=True),
        _offer(choices, first, known, trainings[0].id),
        _offer([("nothing", ""), *choices], second, known, ""),
    ]


def _offer(choices: list[tuple[str, str]], value: str | None, known: set[str], first: str) -> dict[str, Any]:
    """Return a list's update that leaves a choice alone which still stands: it may have been changed meanwhile."""
    return dict(gr.update(choices=choices) if value in known else gr.update(choices=choices, value=first))


def _show_detail(lab: Lab, task: str | None, first: str | None, second: str | None) -> list[Any]:
    """Show the chosen training, beside another where one is chosen."""
    try:
        one = _find(lab.settings, task or "", first)
        other = _find(lab.settings, task or "", second) if second and second != first else None
        arguments = train_arguments(lab.task(task or ""), restore_config(one.config), lab.settings)
        command = shlex.join(["ragft", *arguments])
    except LabError:
        hidden = gr.Button(visible=False)
        return [gr.HTML(visible=False), gr.Plot(visible=False), "", hidden, hidden, hidden, gr.Accordion(visible=False)]
    shown = [one, *([other] if other else [])]
    named = [(training.title, read_curves(training)) for training in shown]
    drawn = any(list_steps(events) or list_evaluations(events) for _, events in named)
    about = ""
    if other:
        about = render_differences((one.title, other.title), compare_settings(one, other), compare_outcomes(one, other))
    selected = one.adapter in read_use(lab.settings, task or "", [])[0]
    return [
        gr.HTML(about, visible=bool(about)),
        gr.Plot(draw_comparison(named), visible=True) if drawn else gr.Plot(visible=False),
        command,
        gr.Button(visible=one.adapter is not None and not selected),
        gr.Button(visible=selected),
        gr.Button(visible=one.adapter is not None),
        gr.Accordion(visible=one.adapter is not None),
    ]
