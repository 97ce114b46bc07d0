"""An adapter as a file to download: made once, in a folder that the page may serve."""

from __future__ import annotations

import tempfile
from pathlib import Path

import gradio as gr

from core.jobs import find_job, read_status
from core.settings import Settings
from core.storage import child
from core.tasks.archive import write_zip
from core.units import format_size
from finetune.adapters.export import ENDINGS, export_adapter
from ui.page.errors import explain
from ui.page.visitors.offers import offer_folder

FORMS = [
    ("Adapter as zip (for import here, peft)", "zip"),
    ("LoRA as GGUF (llama.cpp, Ollama)", "gguf-lora"),
    ("Base with the adapter merged in, as zip", "merged"),
]


def build_download(settings: Settings, training: gr.Dropdown, section: gr.Accordion) -> None:
    """Build the export; files go to where the page may serve them, for the home is not served."""
    with section, gr.Row():
        form = gr.Dropdown(FORMS, value="zip", label="Form", min_width=240)
        make = gr.Button("Make the file", min_width=120)
        download = gr.DownloadButton("Download", visible=False, min_width=160)

    @explain
    def export(training_id: str, chosen: str) -> gr.DownloadButton:
        file = make_file(settings, offer_folder(settings), adapter_of(settings, training_id), chosen)
        return gr.DownloadButton(f"Download ({format_size(file.stat().st_size)})", value=str(file), visible=True)

    make.click(export, [training, form], download, api_visibility="private")
    gr.on(
        [training.change, form.change],
        lambda: gr.DownloadButton(visible=False),
        None,
        download,
        api_visibility="private",
        show_progress="hidden",
    )


def make_file(settings: Settings, folder: Path, adapter: str, form: str) -> Path:
    """Export an adapter into a folder, once; what is a folder becomes a zip.

    Raises:
        LabError: The adapter is absent or damaged, or its base is not here.
    """
    zipped = form == "merged"
    file = child(folder, f"{adapter}{ENDINGS[form]}{'.zip' if zipped else ''}", what="adapter")
    if file.is_file():
        return file
    if not zipped:
        return export_adapter(settings, adapter, file, form=form)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        return write_zip(export_adapter(settings, adapter, Path(scratch) / adapter, form=form), file, option="--output")


def adapter_of(settings: Settings, training_id: str) -> str:
    """Return the adapter of a training by its id: an adapter's own, or that of the job that made it."""
    if any(child(place, training_id, what="training").is_dir() for place in settings.places("adapters")):
        return training_id
    return str(read_status(find_job(settings, training_id)).result.get("id", ""))
