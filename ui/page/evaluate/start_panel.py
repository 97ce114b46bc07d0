"""The form that starts a comparison: which approaches, on how much, how decoded; what it can show is said before the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from core.comparison.arms import MAIN_ARMS, list_arms
from core.errors import LabError
from finetune.adapters.store import list_cards
from lab.jobs import start
from lab.judging import preview_comparison
from lab.lab import Lab
from lab.requests import CompareRequest
from ui.command import RUNNER
from ui.page.choices import DECODING
from ui.page.errors import explain
from ui.page.polling import EVERY, QUIET
from ui.page.rendering import render_note

MOST_DRAWS = 5
FEWEST, USUAL, MOST = 10, 144, 300  # Test items.
CHOOSE = "Choose a task and at least two approaches."


def build_start(tab: gr.Tab, lab: Lab, task: gr.Dropdown, job: gr.BrowserState) -> None:
    """Build the form.

    Args:
        tab: The tab: what a comparison can show is worked out when it is opened, not with the page.
        lab: The lab.
        task: The page's task.
        job: Is given the id of the job that was started.
    """
    groups, limit, mode, adapters, draws = _build_fields()
    plan = gr.HTML(padding=False)
    button = gr.Button("Run the comparison", variant="primary")

    @explain
    def begin(name: str, four: list[str], others: list[str], controls: list[str], *rest: Any) -> str:
        return start(lab.settings, read_form(lab, name, [*four, *others, *controls], *rest), runner=RUNNER).name

    @explain
    def foresee(name: str | None, four: list[str], others: list[str], controls: list[str], items: int) -> str:
        ticked = [*four, *others, *controls]
        if not name or len(ticked) < 2:
            return render_note(CHOOSE)
        return render_note(preview_comparison(lab, name, ticked, limit=int(items)).sentence)

    def offer(name: str | None, chosen: list[str] | None) -> gr.Dropdown:
        offered = offer_adapters(lab, name)
        known = {value for _, value in offered}
        return gr.Dropdown(offered, value=[value for value in chosen or () if value in known])

    gr.on(
        [tab.select, task.change, limit.release, *(group.change for group in groups)],
        foresee,
        [task, *groups, limit],
        plan,
        **EVERY,
    )
    gr.on([tab.select, task.change], offer, [task, adapters], adapters, **EVERY)
    button.click(begin, [task, *groups, limit, mode, adapters, draws], job, **QUIET)


def _build_fields() -> tuple[list[gr.CheckboxGroup], gr.Slider, gr.Radio, gr.Dropdown, gr.Slider]:
    """Build what is filled in: the groups of approaches, the items, the decoding, the adapters, the draws."""
    with gr.Row():
        groups = [
            gr.CheckboxGroup(choices, value=chosen, label=label, min_width=260)
            for label, choices, chosen in (
                ("Approaches", group_arms()[0], list(MAIN_ARMS)),
                ("Other ways to ask", group_arms()[1], []),
                ("Controls: where marks come from", group_arms()[2], []),
            )
        ]
    with gr.Row():
        limit = gr.Slider(
            FEWEST,
            MOST,
            value=USUAL,
            step=1,
            label="Test items",
            info="Of the task's, as many of each kind as it has",
            min_width=220,
        )
        mode = gr.Radio(DECODING, value="free", label="Decoding", min_width=260)
    with gr.Accordion("Several seeds", open=False):
        with gr.Row():
            adapters = gr.Dropdown(
                [], multiselect=True, label="Adapters", min_width=260,
                info="Of several trainings: the interval then allows for training anew. None: the one that is used for answers.",
            )  # fmt: skip
            draws = gr.Slider(
                1, MOST_DRAWS, value=1, step=1, label="Draws of the examples in prompts", min_width=220,
                info="Each draw answers every item: the interval then allows for other examples.",
            )  # fmt: skip
    return groups, limit, mode, adapters, draws


def group_arms() -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[tuple[str, str]]]:
    """Return (title, name) of the four approaches, of the others, and of the controls."""
    arms = list_arms()
    four = [arm for arm in arms if arm.name in MAIN_ARMS]
    controls = [arm for arm in arms if arm.is_control]
    others = [arm for arm in arms if arm not in four and arm not in controls]
    first, second, third = (
        [(arm.title.removeprefix("Control: "), arm.name) for arm in group] for group in (four, others, controls)
    )
    return first, second, third


# What stands in the form, in its order.
def read_form(
    lab: Lab, name: str | None, ticked: Sequence[str], limit: float, mode: str, adapters: Sequence[str], draws: float
) -> CompareRequest:
    """Return what the form asks for.

    Raises:
        LabError: There is no task, or no approach is ticked.
    """
    lab.task(name or "")
    if not ticked:
        raise LabError("No approach is chosen.", "Tick at least one.")
    chosen = tuple(arm.name for arm in list_arms() if arm.name in ticked)
    return CompareRequest(
        str(name), arms=chosen, limit=int(limit), mode=mode, adapters=tuple(adapters or ()), shot_draws=int(draws)
    )


def offer_adapters(lab: Lab, task: str | None) -> list[tuple[str, str]]:
    """Return (label, id) of the whole adapters of a task, the newest first."""
    if not task:
        return []
    return [(f"{card.id} (seed {card.config.get('seed', '?')})", card.id) for card in list_cards(lab.settings, task=task).whole]
