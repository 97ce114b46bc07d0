"""The web page: six tabs over one lab. It only reads files and calls the lab; long work runs as jobs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import gradio as gr

from core.errors import LabError
from core.generation.models import fetch_model
from core.settings import Settings, prepare_libraries
from lab.lab import Lab
from ui.page.choices import list_choices
from ui.page.compare.tab import build_compare_tab
from ui.page.documents.tab import LARGEST_MB, build_documents_tab
from ui.page.evaluate.tab import build_evaluate_tab
from ui.page.finetune.tab import build_finetune_tab
from ui.page.job_panel import remember_job
from ui.page.learn.tab import build_learn_tab
from ui.page.task.tab import build_task_tab

CSS = [Path(__file__).parent / "styles" / name for name in ("page.css", "documents.css", "training.css", "evaluate.css")]
INTRO = """# RAG vs Fine-Tuning Lab
Retrieval is the open-book exam, fine-tuning is studying for it. Pick a task, let both sit the same exam, and see what the marks are worth."""

log = logging.getLogger(__name__)


def build_page(lab: Lab) -> gr.Blocks:
    """Build the page over a lab."""
    choices = list_choices(lab.settings)
    with gr.Blocks(
        title="RAG vs Fine-Tuning Lab", analytics_enabled=False, fill_width=False, delete_cache=(3600, 86400)
    ) as page:
        gr.Markdown(INTRO)
        jobs = {kind: remember_job(kind) for kind in ("index", "train", "probe", "compare")}
        with gr.Tab("Compare", id="compare"):
            pickers = [build_compare_tab(lab, choices)]
        with gr.Tab("Documents", id="documents") as documents:
            pickers.append(build_documents_tab(page, documents, lab, choices, jobs["index"]))
        with gr.Tab("Fine-tune", id="finetune") as finetune:
            pickers.append(build_finetune_tab(page, finetune, lab, choices, jobs["train"], jobs["probe"]))
        with gr.Tab("Evaluate", id="evaluate") as evaluate:
            pickers.append(build_evaluate_tab(page, evaluate, lab, choices, jobs["compare"]))
        with gr.Tab("Your task", id="task"):
            build_task_tab(page, lab, choices, pickers)
        with gr.Tab("Learn", id="learn") as learn:
            build_learn_tab(learn)
    return page


def launch(settings: Settings, *, host: str = "127.0.0.1", port: int = 7860, block: bool = True) -> tuple[gr.Blocks, str]:
    """Start the page and serve it until the process ends; a Space has no other moment to fetch the model.

    Args:
        settings: Where state lives.
        host: Address to listen on.
        port: Port to listen on; 0 takes any free one.
        block: Serve until stopped; otherwise return at once.

    Returns:
        The page and its address.
    """
    prepare_libraries()
    fetch_model(settings, notify=log.warning)
    page = build_page(Lab(settings))
    options: dict[str, Any] = {
        "server_name": host,
        "server_port": port or None,
        "theme": gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        "css": "\n".join(path.read_text(encoding="utf-8") for path in CSS),
        "run_history": False,
        "ssr_mode": False,
        "blocked_paths": [str(settings.home)],
        "max_file_size": f"{LARGEST_MB}mb",
        "enable_monitoring": False,
        "footer_links": ["api"],
    }
    try:
        _, address, _ = page.queue(default_concurrency_limit=4).launch(prevent_thread_lock=not block, **options)
    except OSError as error:
        raise LabError(f"The page cannot listen on {host}:{port}: {error}.", "Choose another port with --port.") from error
    return page, str(address)
