"""A run against a run: what differs in the settings, which items flipped, and what the difference is worth."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import Markup

from core.comparison.arms import find_title
from core.comparison.runs import load_run
from core.errors import LabError
from core.evaluation.board import Board
from core.evaluation.run_difference import ArmChange, RunDifference, compare_runs
from core.evaluation.statistics import Contrast
from lab.items import RunShelf
from lab.lab import Lab
from lab.run_names import find_pinned
from ui.page.errors import explain
from ui.page.evaluate.run_choice import find_task_of, offer_runs
from ui.page.markup import render
from ui.page.polling import QUIET
from ui.page.rendering import render_note

SHOWN_ITEMS = 20  # Of those that flipped, by approach.
SHOWN_QUESTION = 90  # Characters.
CHOOSE = "Choose an earlier run of this task: what differs between them, and which items flipped, appears here."


def build_against(lab: Lab, shelf: RunShelf, run: gr.Dropdown) -> None:
    """Build the panel; `run` is the run that is looked at, the other is what it is measured against."""
    with gr.Accordion("Against another run", open=False, elem_id="against"):
        other = gr.Dropdown([], value=None, label="Measured against", info="The pinned run where there is one")
        shown = gr.HTML(render_note(CHOOSE), label="Difference of two runs", padding=False)

    @explain
    def compare(run_id: str | None, other_id: str | None) -> Markup:
        if not run_id or not other_id:
            return render_note(CHOOSE)
        return compare_two(lab, shelf, other_id, run_id)

    chosen = run.change(lambda name: offer_others(lab, name), run, other, trigger_mode="multiple", concurrency_limit=1, **QUIET)
    chosen.then(compare, [run, other], shown, **QUIET)  # The other run may stay the same, and then nothing changes.
    other.change(compare, [run, other], shown, trigger_mode="multiple", concurrency_limit=1, **QUIET)


def offer_others(lab: Lab, run_id: str | None) -> gr.Dropdown:
    """Offer the other runs of a run's task; the pinned one is chosen where there is one."""
    task = find_task_of(lab.settings, run_id)
    choices = [choice for choice in offer_runs(lab.settings, task).choices if choice[1] != run_id]
    try:
        pinned = find_pinned(lab.settings, task) if task else None
    except LabError:  # A damaged pin chooses nothing; the files panel says so.
        pinned = None
    return gr.Dropdown(choices, value=pinned if pinned in [name for _, name in choices] else None)


def compare_two(lab: Lab, shelf: RunShelf, first: str, second: str) -> Markup:
    """Show what changed from a run to another.

    Raises:
        LabError: One of them is gone, damaged, or its items cannot be opened.
    """
    runs = (load_run(lab.settings, first), load_run(lab.settings, second))
    boards = (shelf.open(first).board, shelf.open(second).board)
    found = compare_runs(*runs, boards)
    questions = {row.item.id: row.item.input for row in boards[1].rows}
    return render(
        "evaluate/against",
        found=found,
        arms=[_describe_arm(change, questions) for change in found.arms],
        items=_describe_items(found, boards),
    )


def _describe_items(found: RunDifference, boards: tuple[Board, Board]) -> str:
    parts = [f"{found.common} items are the same in both"]
    for count, words in (
        (len(found.only_first), "were asked only before"),
        (len(found.only_second), "are asked only now"),
        (len(found.changed), "are another question, or expect another answer, now"),
    ):
        if count:
            parts.append(f"{count} {words}")
    return f"{', '.join(parts)}."


def _describe_arm(change: ArmChange, questions: dict[str, str]) -> dict[str, Any]:
    def list_items(names: tuple[str, ...]) -> list[str]:
        shown = [f"{name}: {_shorten(questions.get(name, ''))}" for name in names[:SHOWN_ITEMS]]
        return [*shown, *([f"and {len(names) - SHOWN_ITEMS} more"] if len(names) > SHOWN_ITEMS else [])]

    return {
        "title": find_title(change.arm),
        "lost": list_items(change.lost),
        "won": list_items(change.won),
        "counts": (len(change.lost), len(change.won)),
        "difference": _write(change.contrast),
    }


def _write(contrast: Contrast | None) -> str:
    if contrast is None:
        return "nothing to compare"
    if contrast.ci_low is None or contrast.ci_high is None:
        return f"{contrast.difference:+.3f} (too few independent groups for an interval)"
    return f"{contrast.difference:+.3f} (95 % {contrast.ci_low:+.3f} to {contrast.ci_high:+.3f})"


def _shorten(text: str) -> str:
    return text if len(text) <= SHOWN_QUESTION else f"{text[: SHOWN_QUESTION - 1].rstrip()}…"
