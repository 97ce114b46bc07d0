"""The web page: six tabs over one lab. It only reads files and calls the lab; long work runs as jobs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from core.errors import LabError
from core.evaluation.charts.template import STYLE as CHARTS
from core.generation.zero_gpu import lends_gpu
from core.settings import Settings, prepare_libraries
from lab.lab import Lab
from lab.training.slices import register_borrowers
from ui.page.address import follow_tabs
from ui.page.api import build_api, hide_others
from ui.page.collector import rest_collector
from ui.page.compare.tab import Needs, build_compare_tab
from ui.page.documents.tab import LARGEST_MB, build_documents_tab, start_indexing
from ui.page.evaluate.tab import build_evaluate_tab
from ui.page.finetune.tab import build_finetune_tab
from ui.page.header import build_header, join_header
from ui.page.health import make_health_route
from ui.page.job_panel import remember_job
from ui.page.learn.tab import build_learn_tab
from ui.page.markup import render
from ui.page.polling import QUIET
from ui.page.startup import load_beside
from ui.page.task.tab import build_task_tab
from ui.page.theme import make_theme
from ui.page.tools import check_tools
from ui.page.visitors.door import find_door, guard
from ui.page.visitors.panel import build_banner
from ui.page.visitors.protection import protect

HERE = Path(__file__).parent


def build_page(lab: Lab) -> gr.Blocks:
    """Build the page over a lab: the header with the one list of tasks, and the tabs that all follow it."""
    lab = guard(lab)
    with gr.Blocks(
        title="RAG vs Fine-Tuning Lab", analytics_enabled=False, fill_width=False, delete_cache=(3600, 86400)
    ) as page:
        build_api(lab)  # First: a private event that has one of these names takes another.
        header = build_header(page, lab)
        build_banner(page, lab)
        task = header.task
        jobs = {kind: remember_job(kind) for kind in ("index", "train", "probe", "compare")}
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
            with gr.Tab("Compare", id="compare") as compare:
                needs = build_compare_tab(page, lab, task, header.opened)
            with gr.Tab("Documents", id="documents") as documents:
                indexed = build_documents_tab(page, documents, lab, task, jobs["index"])
            with gr.Tab("Fine-tune", id="finetune") as finetune:
                trained, form = build_finetune_tab(page, finetune, lab, task, jobs["train"], jobs["probe"])
            with gr.Tab("Evaluate", id="evaluate") as evaluate:
                compared = build_evaluate_tab(page, evaluate, lab, task, jobs["compare"])
            with gr.Tab("Your task", id="task") as own:
                build_task_tab(page, lab, task, tabs)
            with gr.Tab("Learn", id="learn") as learn:
                build_learn_tab(learn, lab, task)
        follow_tabs(page, tabs, {str(tab.id): tab for tab in (compare, documents, finetune, evaluate, own, learn)})
        join_header(page, lab, header, tabs, [compare.select, evaluate.select, indexed, trained, compared, header.model.change])
        _join_needs(lab, header.task, tabs, needs, (jobs["index"], form.prompts))
    hide_others(page)
    if (door := find_door(lab)) is not None:
        door.close()
    return page


def _join_needs(lab: Lab, task: gr.Dropdown, tabs: gr.Tabs, needs: Needs, targets: tuple[Any, Any]) -> None:
    """Let the buttons of what an approach lacks lead to where it is made: the index starts, the training's form is filled."""
    job, prompts = targets
    build = partial(start_indexing, lab)
    needs.index.click(build, task, job, api_visibility="private").success(
        lambda: (gr.Tabs(selected="documents"), gr.Button(visible=False)), None, [tabs, needs.index], **QUIET
    )
    needs.train.click(lambda kind: (gr.Tabs(selected="finetune"), kind or gr.skip()), needs.kind, [tabs, prompts], **QUIET)
    needs.documents.click(lambda: gr.Tabs(selected="documents"), None, tabs, **QUIET)


def launch(
    settings: Settings, *, host: str = "127.0.0.1", port: int = 7860, block: bool = True, tools: bool = False
) -> tuple[gr.Blocks, str]:
    """Start the page and serve it until the process ends; its models are fetched and loaded once it listens.

    Args:
        settings: Where state lives.
        host: Address to listen on.
        port: Port to listen on; 0 takes any free one.
        block: Serve until stopped; otherwise return at once.
        tools: Offer the public endpoints as tools of the Model Context Protocol too.

    Returns:
        The page and its address.
    """
    prepare_libraries()
    if tools:
        check_tools()
    if lends_gpu():
        register_borrowers()
    lab = Lab(settings)
    page, address = serve(lab, host=host, port=port, tools=tools)
    load_beside(lab)
    if block:
        page.block_thread()
    return page, address


def serve(
    lab: Lab, *, host: str = "127.0.0.1", port: int = 0, block: bool = False, tools: bool = False
) -> tuple[gr.Blocks, str]:
    """Serve the page over a lab; as `launch`, which makes one first.

    Raises:
        LabError: The port is taken.
    """
    view = guard(lab)
    with rest_collector():
        page = build_page(view)
    options: dict[str, Any] = {
        "server_name": host,
        "server_port": port or None,
        "theme": make_theme(),
        "favicon_path": str(HERE / "favicon.svg"),
        "css_paths": [*sorted((HERE / "styles").glob("*.css"), key=lambda path: (path.name != "page.css", path.name)), CHARTS],
        "head": render("shared/head", scripts=[_read_script(path) for path in sorted((HERE / "scripts").glob("*.js"))]),
        "run_history": False,
        "ssr_mode": False,
        "blocked_paths": [str(lab.settings.home)],
        "max_file_size": f"{LARGEST_MB}mb",
        "enable_monitoring": False,
        "footer_links": ["api"],
        "_frontend": False,  # Else Gradio asks itself for the page and gives up after 3 s, on a busy machine too early.
        "mcp_server": tools,
        "app_kwargs": {"routes": [make_health_route(lab, page)]},
    }
    options, waiting = protect(view, options)
    try:
        _, address, _ = page.queue(default_concurrency_limit=4, max_size=waiting).launch(
            prevent_thread_lock=not block, **options
        )
    except OSError as error:
        raise LabError(f"The page cannot listen on {host}:{port}: {error}.", "Choose another port with --port.") from error
    return page, str(address)


def _read_script(path: Path) -> Markup:
    """Return one of the page's own scripts, which stands in the page as it is."""
    return Markup(path.read_text(encoding="utf-8"))
