"""The line in the header that says how far the loading of the models is, and tries again where it failed."""

from __future__ import annotations

from typing import Any

import gradio as gr

from lab.lab import Lab
from lab.loading import describe_load, load_in_background
from ui.page.markup import render
from ui.page.model_picker import offer_models
from ui.page.polling import QUIET

EVERY_SECONDS = 1.0  # While something loads; afterwards never.


def build_loading(page: gr.Blocks, lab: Lab, model: gr.Dropdown, chosen: Any) -> None:
    """Build the line: it looks when the page is opened, and each second while something loads.

    Args:
        page: The page.
        lab: Whose models.
        model: The list of models: a first start fetches one, which is in the list from then on.
        chosen: The event after which another model is loaded.
    """
    line = gr.HTML(padding=False, elem_id="loading", min_height=0, container=False)
    again = gr.Button("Load again", visible=False, size="sm", scale=0, min_width=120)
    timer = gr.Timer(EVERY_SECONDS, active=False)

    def look() -> list[Any]:
        stage, sentence = describe_load(lab)
        return [
            render("header/loading", stage=stage, sentence=sentence),
            gr.Button(visible=stage == "failed"),
            gr.Timer(active=stage == "loading"),
        ]

    def try_again() -> list[Any]:
        load_in_background(lab)
        return look()

    def look_on() -> list[Any]:
        parts = look()
        return [*parts, gr.skip() if parts[2].active else offer_models(lab)]

    shown = [line, again, timer]
    page.load(look, None, shown, **QUIET)
    timer.tick(look_on, None, [*shown, model], **QUIET)
    again.click(try_again, None, shown, **QUIET)
    chosen.success(try_again, None, shown, **QUIET)
