"""What a visitor of a shared page is told: what the machine can do, what they may take, what is kept; and its removal."""

from __future__ import annotations

import os
from typing import Any

import gradio as gr
from markupsafe import Markup

from core.environment import count_cores, measure_limit
from core.settings import is_on_space, offers_login
from core.turns import list_turns
from core.units import format_size
from lab.lab import Lab
from lab.limits import HOSTED, VisitorLimits, measure
from lab.visitors import remove_visitor
from ui.page.errors import explain
from ui.page.markup import render
from ui.page.polling import QUIET
from ui.page.rendering import render_note
from ui.page.visitors.door import Door, find_door, find_key
from ui.page.visitors.offers import remove_offers

QUESTION = "Delete all tasks, documents, trainings, comparisons and votes of yours? Jobs of yours are stopped. Nothing brings them back."
GONE = "Everything of yours is deleted."


def build_banner(page: gr.Blocks, lab: Lab) -> None:
    """Build the panel; on one's own machine there is none.

    Args:
        page: The page.
        lab: What the page is built over.
    """
    door = find_door(lab)
    if door is None:
        return
    with gr.Accordion(
        "A shared page: what it can do, what is kept and for how long", open=False, elem_id="shared-page"
    ) as fold:
        about = gr.HTML(padding=False)
        with gr.Row():
            if offers_login():
                gr.LoginButton(size="sm", min_width=220)
            delete = gr.Button("Delete everything of mine", size="sm", variant="stop", min_width=220, elem_id="delete-mine")
        with gr.Column(visible=False) as asked:
            gr.HTML(render_note(QUESTION), padding=False)
            with gr.Row():
                sure = gr.Button("Yes, delete it", size="sm", variant="stop", min_width=160, elem_id="delete-sure")
                keep = gr.Button("Keep it", size="sm", min_width=160)

    def look(request: gr.Request) -> Markup:
        return render_banner(lab, signed_in=find_key(request).startswith("user:"))

    @explain
    def remove(request: gr.Request) -> tuple[Any, Any]:
        remove_all(door, find_key(request))
        gr.Info(GONE)
        return gr.Column(visible=False), look(request)

    page.load(look, None, about, **QUIET)
    fold.expand(look, None, about, **QUIET)
    delete.click(lambda: gr.Column(visible=True), None, asked, **QUIET)
    keep.click(lambda: gr.Column(visible=False), None, asked, **QUIET)
    sure.click(remove, None, [asked, about], **QUIET).success(None, None, None, js="() => { location.reload(); }", **QUIET)


def render_banner(lab: Lab, *, signed_in: bool, limits: VisitorLimits = HOSTED) -> Markup:
    """Say what this machine can do, what a visitor may take of it and what becomes of what is theirs."""
    device = lab.slot.device if lab.generator is None else str(lab.generator.description["device"])
    turns = len(list_turns(lab.settings))
    return render(
        "visitors/banner",
        cores=count_cores(),
        memory=format_size(measure_limit()),
        device={"cpu": "the processor", "cuda": "a GPU"}.get(device or "", device),
        waiting=f"{turns} job{'' if turns == 1 else 's'}",
        signed_in=signed_in,
        on_space=is_on_space(),
        kept=format_size(measure(lab.settings.home)),
        disk=format_size(limits.disk_bytes),
        hours=f"{limits.idle_seconds / 3600:g}",
        rows=f"{limits.rows:,}",
        documents=f"{limits.documents:,}",
        upload=format_size(limits.upload_bytes),
        minutes=f"{limits.minutes:g}",
        answers=f"{limits.answers:,}",
        queued=limits.queued,
        question=f"{limits.question:,}",
    )


def remove_all(door: Door, key: str) -> None:
    """Remove what a visitor keeps, what they uploaded and what is offered to them, and forget what was read of it.

    Raises:
        LabError: The disk refuses.
    """
    settings = door.host.settings.for_visitor(key)
    remove_visitor(settings)
    remove_offers(settings)
    for path in door.claims.forget(key):
        if os.path.isfile(path):
            os.remove(path)
    door.forget(key)
