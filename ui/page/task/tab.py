"""Your task: a file of examples and documents become a task in three steps; then it is trained, compared, evaluated."""

from __future__ import annotations

import gradio as gr

from lab.lab import Lab
from ui.page.polling import QUIET
from ui.page.task.shelf_panel import build_shelf
from ui.page.task.walk import Made, build_walk


def build_task_tab(page: gr.Blocks, lab: Lab, task: gr.Dropdown, tabs: gr.Tabs) -> None:
    """Build the tab.

    Args:
        page: The page.
        lab: The lab.
        task: The page's list of tasks, where a new one is chosen as soon as it is there.
        tabs: The page's tabs, to which the end of the walk leads.
    """
    made = build_walk(lab, task)
    gone = build_shelf(page, lab, task)
    gone.success(lambda: gr.Column(visible=False), None, made.box, **QUIET)  # It may be the one that was just made.
    _lead_on(made, task, tabs)


def _lead_on(made: Made, task: gr.Dropdown, tabs: gr.Tabs) -> None:
    """Let the walk's last buttons open the other tabs with the new task chosen."""
    for name, button in made.ways.items():
        button.click(lambda chosen, tab=name: (chosen or gr.skip(), gr.Tabs(selected=tab)), made.name, [task, tabs], **QUIET)
