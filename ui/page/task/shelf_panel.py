"""The tasks that are there: exported, taken in; one's own renamed, deleted after a question, and put back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from core.errors import LabError
from core.tasks.archive import export_task, import_task
from core.tasks.folders import find_task
from core.tasks.loading import read_title
from core.tasks.trash import empty_trash, list_trash, remove_for_good, restore
from lab.lab import Lab
from lab.limits import check_disk, check_folder
from lab.own_tasks import delete_task, describe_belongings, find_own, rename_task, tell_belongings
from ui.page.choices import list_choices
from ui.page.errors import explain
from ui.page.polling import EVERY, QUIET
from ui.page.task.view import render_belongings
from ui.page.visitors.offers import offer_folder

OWN = "Your own task: it can be renamed, exported and deleted. Its name in commands, {}, stays."
PRIVATE: dict[str, Any] = {"api_visibility": "private"}


@dataclass(frozen=True)
class ShelfParts:
    """The components, in the order in which `show_task` and `show_trash` fill them."""

    chosen: gr.Dropdown
    about: gr.HTML
    title: gr.Textbox
    rename: gr.Button
    delete: gr.Button
    asking: gr.Column
    hanging: gr.HTML
    bin: gr.Column
    deleted: gr.Dropdown

    @property
    def of_task(self) -> list[Any]:
        """What follows the chosen task."""
        return [self.about, self.title, self.rename, self.delete, self.asking, self.hanging]

    @property
    def of_trash(self) -> list[Any]:
        """What follows the trash."""
        return [self.bin, self.deleted]


def build_shelf(page: gr.Blocks, lab: Lab, task: gr.Dropdown) -> Any:
    """Build the shelf.

    Args:
        page: The page.
        lab: The lab.
        task: The page's list of tasks.

    Returns:
        The event after which a task was deleted.
    """
    gr.Markdown("## Tasks that are there", elem_id="shelf")
    with gr.Row(equal_height=True):
        chosen = gr.Dropdown([], value=None, label="A task", interactive=True, scale=2, min_width=240)
        title = gr.Textbox("", label="Title", max_length=120, interactive=False, scale=2, min_width=240)
    about = gr.HTML("", label="What it is", padding=False)
    with gr.Row(elem_classes="ways"):
        rename = gr.Button("Rename", interactive=False, min_width=120)
        download = gr.DownloadButton("Export as zip", min_width=120)
        delete = gr.Button("Delete", variant="stop", interactive=False, min_width=120)
    with gr.Column(visible=False, elem_classes="asking-first") as asking:
        hanging = gr.HTML("", label="What hangs on it", padding=False)
        with gr.Row(elem_classes="ways"):
            sure = gr.Button("Yes, delete it", variant="stop", min_width=140)
            keep = gr.Button("Keep it", min_width=140)
    with gr.Column(visible=False) as rubbish:
        deleted = gr.Dropdown([], label="Deleted, kept for a day", interactive=True)
        with gr.Row(elem_classes="ways"):
            undo = gr.Button("Undo: put it back", variant="primary", min_width=140)
            forget = gr.Button("Remove for good", min_width=140)
    with gr.Accordion("Take in a ready task", open=False):
        called = gr.Textbox("", label="Its name here (empty: as in the zip)", max_length=64, placeholder="my-task")
        archive = gr.File(label="A task as a zip", file_types=[".zip"], height=140)
    shelf = ShelfParts(chosen, about, title, rename, delete, asking, hanging, rubbish, deleted)
    _join_shelf(page, lab, task, shelf)
    _join_changes(lab, task, shelf, (archive, called, download))
    delete.click(partial(ask_first, lab), chosen, [asking, hanging], **PRIVATE)
    keep.click(lambda: gr.Column(visible=False), None, asking, **QUIET)
    everything = [task, chosen, *shelf.of_trash]
    gone = sure.click(partial(throw, lab), [chosen, task], everything, **PRIVATE)
    undo.click(partial(put_back, lab), deleted, everything, **PRIVATE)
    forget.click(partial(forget_task, lab), deleted, shelf.of_trash, **PRIVATE)
    return gone


def _join_shelf(page: gr.Blocks, lab: Lab, task: gr.Dropdown, shelf: ShelfParts) -> None:
    """Fill the shelf when the page is opened, and follow the page's task and the one chosen here."""
    page.load(lambda: show_trash(lab), None, shelf.of_trash, **QUIET)
    offer = partial(offer_tasks, lab)
    gr.on([page.load, task.change], offer, task, shelf.chosen, **EVERY)
    shelf.chosen.change(partial(show_task, lab), shelf.chosen, shelf.of_task, **EVERY)


def _join_changes(lab: Lab, task: gr.Dropdown, shelf: ShelfParts, files: tuple[gr.File, gr.Textbox, gr.DownloadButton]) -> None:
    """Let a task be renamed, exported, taken in."""
    archive, called, download = files
    gr.on([shelf.rename.click, shelf.title.submit], partial(rename, lab), [shelf.chosen, shelf.title, task], [task, shelf.chosen], **PRIVATE).success(
        partial(show_task, lab), shelf.chosen, shelf.of_task, **QUIET
    )  # fmt: skip
    archive.upload(partial(take_in, lab), [archive, called], [task, shelf.chosen], **PRIVATE)
    download.click(partial(give_out, lab), shelf.chosen, download, **PRIVATE)


def offer_tasks(lab: Lab, name: str | None) -> gr.Dropdown:
    """Return the list of tasks as it is now, the page's chosen."""
    return gr.Dropdown(list_choices(lab.settings), value=name)


def show_task(lab: Lab, name: str | None) -> list[Any]:
    """Return what the shelf shows of a task: what it is, its title, whether it can be renamed and deleted."""
    off, shut = gr.Button(interactive=False), gr.Column(visible=False)
    if not name:
        return [render_belongings("Choose a task."), gr.Textbox("", interactive=False), off, off, shut, ""]
    try:
        folder = find_own(lab.settings, name, "renamed or deleted")
    except LabError as error:
        return [render_belongings(str(error)), gr.Textbox(_name_title(lab, name), interactive=False), off, off, shut, ""]
    on = gr.Button(interactive=True)
    return [render_belongings(OWN.format(folder.name)), gr.Textbox(_name_title(lab, name), interactive=True), on, on, shut, ""]


def show_trash(lab: Lab) -> tuple[Any, Any]:
    """Return whether there is something to put back, and what; what is older than a day goes for good."""
    empty_trash(lab.settings)
    entries = list_trash(lab.settings).whole
    choices = [(f"{entry.title} ({entry.task})", entry.id) for entry in entries]
    return gr.Column(visible=bool(entries)), gr.Dropdown(choices, value=choices[0][1] if choices else None)


@explain
def ask_first(lab: Lab, name: str | None) -> tuple[Any, Any]:
    """Say what hangs on a task before it is deleted."""
    find_own(lab.settings, name or "", "deleted")
    told = tell_belongings(describe_belongings(lab.settings, name or ""))
    return gr.Column(visible=True), render_belongings(f"Delete {_name_title(lab, name or '')}?", told)


@explain
def throw(lab: Lab, name: str | None, present: str | None) -> list[Any]:
    """Delete a task; the page's list goes on with another where it was chosen there."""
    entry = delete_task(lab.settings, name or "")
    gr.Info(f"{entry.title} is deleted. Undo puts it back within a day.")
    choices = list_choices(lab.settings)
    stays = present if present in {value for _, value in choices} else (choices[0][1] if choices else None)
    return [gr.Dropdown(choices, value=stays), gr.Dropdown(choices, value=None), *show_trash(lab)]


@explain
def put_back(lab: Lab, entry_id: str | None) -> list[Any]:
    """Put a deleted task back, and choose it."""
    entry = restore(lab.settings, entry_id or "")
    gr.Info(f"{entry.title} is back.")
    return [*_refresh(lab, entry.task), *show_trash(lab)]


@explain
def forget_task(lab: Lab, entry_id: str | None) -> tuple[Any, Any]:
    """Remove a deleted task from the disk."""
    entry = remove_for_good(lab.settings, entry_id or "")
    gr.Info(f"{entry.title} is removed for good.")
    return show_trash(lab)


@explain
def rename(lab: Lab, name: str | None, title: str, present: str | None) -> list[Any]:
    """Give a task another title, in all lists."""
    rename_task(lab.settings, name or "", title or "")
    choices = list_choices(lab.settings)
    return [gr.Dropdown(choices, value=present), gr.Dropdown(choices, value=name)]


@explain
def take_in(lab: Lab, path: str | None, name: str | None = None) -> list[Any]:
    """Take in a task from a zip, under its own name or another, and choose it."""
    if not path:
        return [gr.skip(), gr.skip()]
    check_disk(lab.settings)
    wanted = (name or "").strip() or None
    folder = import_task(Path(path), lab.settings.folder("tasks"), name=wanted, check=partial(check_folder, lab.settings))
    gr.Info(f"The task {folder.name} is ready.")
    return _refresh(lab, folder.name)


@explain
def give_out(lab: Lab, name: str | None) -> str:
    """Write a task as a zip that the page may serve."""
    if not name:
        raise LabError("No task is chosen.", "Choose which to export.")
    folder = find_task(name, lab.settings)
    return str(export_task(folder, offer_folder(lab.settings) / f"{folder.name}.zip"))


def _refresh(lab: Lab, name: str) -> list[Any]:
    """Return both lists of tasks as they are now, one chosen in each."""
    return [gr.Dropdown(list_choices(lab.settings), value=name) for _ in range(2)]


def _name_title(lab: Lab, name: str) -> str:
    try:
        return read_title(find_task(name, lab.settings))
    except LabError:
        return name
