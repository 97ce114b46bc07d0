"""What a person says of a run, and the run as a file: name, note, whether others are measured against it, downloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from core.comparison.runs import load_run
from core.errors import LabError
from core.storage import child
from core.units import format_size
from lab.lab import Lab
from lab.run_export import FORMATS, export_run
from lab.run_names import find_pinned, note_run, pin_run, read_label, rename_run, unpin_run
from ui.page.errors import explain
from ui.page.evaluate.run_choice import is_stored
from ui.page.polling import QUIET
from ui.page.visitors.offers import offer_folder

ENDINGS = {"html": ".html", "json": ".json", "csv": ".csv", "md": ".md", "junit": ".xml"}
NAMES = {"html": "Report", "json": "JSON", "csv": "CSV", "md": "Markdown", "junit": "JUnit"}
READ_ONLY = "This run came with its task and stays as it is."


def build_files(lab: Lab, run: gr.Dropdown) -> gr.Button:
    """Build the panel under a list of runs; returns the button after which the list has other names."""
    with gr.Accordion("Name, note and files of this run", open=False, elem_id="run-files"):
        with gr.Row():
            name = gr.Textbox(label="Name", placeholder="As what was compared", max_length=120, min_width=240)
            note = gr.Textbox(label="Note", lines=2, max_lines=8, scale=2, min_width=260)
        pinned = gr.Checkbox(False, label="Measure later runs of this task against this one")
        save = gr.Button("Keep name and note", size="sm")
        with gr.Row():
            choices = [(f"{NAMES[form]}: {about}", form) for form, about in FORMATS.items()]
            form = gr.Dropdown(choices, value="html", label="As a file", min_width=260, scale=2)
            make = gr.Button("Make the file", min_width=140)
            download = gr.DownloadButton("Download", visible=False, min_width=160)

    @explain
    def keep(run_id: str | None, called: str, written: str, wanted: bool) -> None:
        keep_label(lab, run_id, called, written, wanted)
        gr.Info("Kept.")

    @explain
    def export(run_id: str | None, chosen: str) -> gr.DownloadButton:
        file = make_file(lab, run_id, chosen, offer_folder(lab.settings))
        return gr.DownloadButton(f"Download ({format_size(file.stat().st_size)})", value=str(file), visible=True)

    every: dict[str, Any] = {"trigger_mode": "multiple", "concurrency_limit": 1, **QUIET}
    run.change(lambda run_id: read_said(lab, run_id), run, [name, note, pinned, download], **every)
    form.change(lambda: gr.DownloadButton(visible=False), None, download, **QUIET)
    save.click(keep, [run, name, note, pinned], None, **QUIET)
    make.click(export, [run, form], download, api_visibility="private")
    return save


def read_said(lab: Lab, run_id: str | None) -> list[Any]:
    """Return what fills the fields for a run; a damaged label is empty."""
    hidden = gr.DownloadButton(visible=False)
    if not run_id:
        return ["", "", False, hidden]
    try:
        label = read_label(lab.settings, run_id)
        pinned = find_pinned(lab.settings, load_run(lab.settings, run_id).task) == run_id
    except LabError:
        return ["", "", False, hidden]
    return [label.name, label.note, pinned, hidden]


def keep_label(lab: Lab, run_id: str | None, name: str, note: str, pinned: bool) -> None:
    """Keep what a person says of a run.

    Raises:
        LabError: No run is chosen, it came with its task, or what is said is too long.
    """
    run = load_run(lab.settings, _require(run_id))
    if is_stored(lab.settings, run):
        raise LabError(READ_ONLY, "Compare yourself: a run of your own has a name and a note.")
    rename_run(lab.settings, run.id, name)
    note_run(lab.settings, run.id, note)
    if pinned:
        pin_run(lab.settings, run.id)
    elif find_pinned(lab.settings, run.task) == run.id:
        unpin_run(lab.settings, run.task)


def make_file(lab: Lab, run_id: str | None, form: str, folder: Path) -> Path:
    """Write a run into a file in a folder; one that is there is written anew, for name and note may have changed.

    Raises:
        LabError: No run is chosen, or it cannot be written in this form.
    """
    file = child(folder, f"{_require(run_id)}{ENDINGS.get(form, '')}", what="run")
    export_run(lab, _require(run_id), file, form=form, force=True)
    return file


def _require(run_id: str | None) -> str:
    if not run_id:
        raise LabError("No run is chosen.", "Choose one in the list, or start a comparison.")
    return run_id
