"""The web page: six tabs over one lab. It only reads files and calls the lab; long work runs as jobs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from core.errors import LabError
from core.generation.models import fetch_model
from core.settings import Settings, prepare_libraries
from lab.lab import Lab
from ui.page.address import follow, follow_tabs
from ui.page.choices import list_choices
from ui.page.compare.tab import build_compare_tab
from ui.page.documents.tab import LARGEST_MB, build_documents_tab
from ui.page.evaluate.tab import build_evaluate_tab
from ui.page.finetune.tab import build_finetune_tab
from ui.page.job_panel import remember_job
from ui.page.learn.tab import build_learn_tab
from ui.page.markup import render
from ui.page.task.tab import build_task_tab

HERE = Path(__file__).parent
INTRO = """# RAG vs Fine-Tuning Lab
Retrieval is the open-book exam, fine-tuning is studying for it. Let both sit the same exam, and see what the marks are worth."""

log = logging.getLogger(__name__)


def build_page(lab: Lab) -> gr.Blocks:
    """Build the page over a lab: the header with the one list of tasks, and the tabs that all follow it."""
    with gr.Blocks(
        title="RAG vs Fine-Tuning Lab", analytics_enabled=False, fill_width=False, delete_cache=(3600, 86400)
    ) as page:
        task = _build_header(page, lab)
        jobs = {kind: remember_job(kind) for kind in ("index", "train", "probe", "compare")}
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Compare", id="compare") as compare:
                build_compare_tab(lab, task)
            with gr.Tab("Documents", id="documents") as documents:
                build_documents_tab(page, documents, lab, task, jobs["index"])
            with gr.Tab("Fine-tune", id="finetune") as finetune:
                build_finetune_tab(page, finetune, lab, task, jobs["train"], jobs["probe"])
            with gr.Tab("Evaluate", id="evaluate") as evaluate:
                build_evaluate_tab(page, evaluate, lab, task, jobs["compare"])
            with gr.Tab("Your task", id="task") as own:
                build_task_tab(page, lab, task)
            with gr.Tab("Learn", id="learn") as learn:
                build_learn_tab(learn)
        follow_tabs(page, tabs, {str(tab.id): tab for tab in (compare, documents, finetune, evaluate, own, learn)})
    return page


def _build_header(page: gr.Blocks, lab: Lab) -> gr.Dropdown:
    """Build what stands above the tabs; returns the page's list of tasks."""
    choices = list_choices(lab.settings)
    gr.Markdown(INTRO)
    task = gr.Dropdown(choices, value=choices[0][1] if choices else None, label="Task", elem_id="task")
    follow(page, task, "task", offer=lambda: list_choices(lab.settings))
    return task


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
        "css_paths": sorted((HERE / "styles").glob("*.css"), key=lambda path: (path.name != "page.css", path.name)),
        "head": render("shared/head", scripts=[_read_script(path) for path in sorted((HERE / "scripts").glob("*.js"))]),
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


def _read_script(path: Path) -> Markup:
    """Return one of the page's own scripts, which stands in the page as it is."""
    return Markup(path.read_text(encoding="utf-8"))
