"""The header: what this is, the one list of tasks, how the chosen task stands, and the next sensible step as a button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from core.comparison.arms import find_title
from core.errors import LabError
from lab.lab import Lab
from lab.standing import Step, TaskStanding, describe_standing
from ui.page.address import follow
from ui.page.choices import list_choices
from ui.page.loading import build_loading
from ui.page.markup import render
from ui.page.model_picker import build_model_picker
from ui.page.polling import EVERY

# What the button says, and the tab that it leads to. It starts nothing by itself.
STEPS: Mapping[Step, tuple[str, str]] = {
    "index": ("Next: build the index", "documents"),
    "update": ("Next: bring the index up to date", "documents"),
    "train": ("Next: train an adapter", "finetune"),
    "compare": ("Next: compare on the test questions", "evaluate"),
    "read": ("Next: read the verdict", "evaluate"),
}
INDEX = {
    "ready": ("✓", "index ready", "right"),
    "stale": ("!", "index out of date", "partly"),
    "none": ("–", "no index", "missing"),
    "no documents": ("–", "no documents", "missing"),
}


class Header(NamedTuple):
    """What others use of the header: the lists of tasks and models, the event after which the address's task is chosen, the button."""

    task: gr.Dropdown
    opened: Any
    chips: gr.HTML
    step: gr.Button
    model: gr.Dropdown


def build_header(page: gr.Blocks, lab: Lab) -> Header:
    """Build the header."""
    choices = list_choices(lab.settings)
    with gr.Row(elem_id="header", equal_height=True):
        gr.HTML(render("header/title"), padding=False, min_height=0)
        task = gr.Dropdown(
            choices, value=choices[0][1] if choices else None, label="Task", elem_id="task", scale=0, min_width=220
        )
        model, chosen = build_model_picker(lab)
    with gr.Row(elem_id="standing", equal_height=True):
        chips = gr.HTML(padding=False)
        build_loading(page, lab, model, chosen)
        step = gr.Button("Next", visible=False, size="sm", scale=0, min_width=240, elem_id="next")
    opened = follow(page, task, "task", offer=lambda: list_choices(lab.settings))
    return Header(task, opened, chips, step, model)


def join_header(page: gr.Blocks, lab: Lab, header: Header, tabs: gr.Tabs, changes: Sequence[Any]) -> None:
    """Keep the header true, and let its button lead on.

    Args:
        page: The page; when it is opened the chips are the first that come, a task of the address changes them.
        lab: The lab.
        header: The header.
        tabs: The page's tabs.
        changes: Events after which the task may stand otherwise.
    """

    def look(name: str | None) -> tuple[Any, gr.Button]:
        try:
            standing = describe_standing(lab, lab.task(name or ""))
        except LabError as error:
            return render("shared/note", text=str(error)), gr.Button(visible=False)
        return render_standing(standing), gr.Button(STEPS[standing.step][0], visible=True)

    def lead(name: str | None) -> gr.Tabs:
        try:
            standing = describe_standing(lab, lab.task(name or ""))
        except LabError:
            return gr.Tabs()
        return gr.Tabs(selected=STEPS[standing.step][1])

    shown = [header.chips, header.step]
    page.load(look, header.task, shown, **EVERY)
    gr.on([header.task.change, *changes], look, header.task, shown, **EVERY)
    header.step.click(lead, header.task, tabs, **EVERY)


def render_standing(standing: TaskStanding) -> Markup:
    """Show how a task stands as chips, each a shape and words."""
    documents = f"{standing.documents:,} document{'' if standing.documents == 1 else 's'}"
    adapters = (
        f"{standing.adapters} adapter{'' if standing.adapters == 1 else 's'} that fit{'s' if standing.adapters == 1 else ''}"
    )
    chips = [("", documents, "plain")] if standing.documents else []
    chips.append(INDEX[standing.index])
    chips.append(("✓", adapters, "right") if standing.adapters else ("–", "no adapter that fits", "missing"))
    chips.append(_describe_verdict(standing))
    return render("header/chips", chips=chips)


def _describe_verdict(standing: TaskStanding) -> tuple[str, str, str]:
    if standing.run is None:
        return "–", "not compared yet", "missing"
    verdict = standing.run.summary["verdict"]
    state, arm = verdict["state"], verdict.get("arm")
    name = f": {find_title(arm)}" if arm and state in ("better", "equivalent") else ""
    return "⚖", f"last verdict {state}{name}", "right" if name else "partly"
