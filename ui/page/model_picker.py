"""The page's list of models: which one answers, with what it is and takes."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from core.settings import STORAGES
from lab.lab import Lab
from lab.models import Glance, glance_models
from ui.page.errors import explain
from ui.page.polling import QUIET


def build_model_picker(lab: Lab) -> tuple[gr.Dropdown, Any]:
    """Build the list of this machine's models and the event of a choice, after which the chosen one may be loaded.

    A choice holds for the page's next question, a job that runs keeps its own.

    It waits for an answer that is being written, for the model that writes it is freed.
    """
    picker = gr.Dropdown([], label="Model", elem_id="model", filterable=False, scale=0, min_width=340)
    gr.on(None, partial(offer_models, lab), None, picker, **QUIET)  # When the page is opened.
    chosen = picker.input(
        partial(_choose, lab), picker, picker, concurrency_id="model", concurrency_limit=1, api_visibility="private",
        show_progress="hidden",
    )  # fmt: skip
    return picker, chosen


def offer_models(lab: Lab) -> gr.Dropdown:
    """Show what is here now: models come and go by the command line."""
    found = glance_models(lab.settings)
    return gr.Dropdown(
        [(one.title, one.name) for one in found],
        value=lab.settings.model,
        info=_describe(lab, next((one for one in found if one.name == lab.settings.model), None)),
        interactive=len(found) > 1 and not lab.settings.hosted,  # One model answers all visitors of a shared page.
    )


@explain
def _choose(lab: Lab, name: str | None) -> Any:
    """Let the page answer with another model from now on."""
    if name is None or name == lab.settings.model:
        return gr.skip()
    lab.choose_model(name)
    return offer_models(lab)


def _describe(lab: Lab, one: Glance | None) -> str:
    """Say in a line what the chosen model takes and how fast it was measured here."""
    if one is None:
        return "Not on this machine: `ragft models fetch`."
    size = [f"{one.parameters / 1e6:,.0f} M parameters"] if one.parameters else []
    measured = [f"{one.tokens_per_second:g} tokens/s measured"] if one.tokens_per_second else []
    measured += [f"{one.memory_mib:,.0f} MiB in memory"] if one.memory_mib else []
    disk, licence = f"{one.disk / 2**20:,.0f} MiB on disk", f"licence {one.licence}"
    return " · ".join([*size, disk, STORAGES[lab.settings.storage], licence, *(measured or ["speed, memory not measured"])])
