"""Two answers of a blind vote as HTML: without their names, and with them once the vote is cast."""

from __future__ import annotations

import json
from collections.abc import Sequence

from markupsafe import Markup

from core.comparison.arms import find_title
from core.evaluation.board import STATES, Board, Cell
from core.evaluation.preferences import Choice, Preferences
from lab.votes import Ballot
from ui.page.markup import render

SAID = {"left": "You preferred A", "right": "You preferred B", "tie": "You called it a tie", "both bad": "You found both bad"}


def render_ballot(board: Board, ballot: Ballot, *, intro: str = "", choice: Choice | None = None) -> Markup:
    """Show two answers side by side; names, marks and what was expected only with the choice that was made.

    Args:
        board: The run's.
        ballot: The answers.
        intro: What is asked; empty after the vote.
        choice: What was chosen.
    """
    item, left, right = ballot.item, ballot.left, ballot.right
    return render(
        "evaluate/vote",
        intro=intro,
        label=board.task.input_label,
        question=item.input,
        answers=[_describe(name, cell, told=choice is not None) for name, cell in (("A", left), ("B", right))],
        said=_compare(left, right, choice) if choice is not None else "",
        expected=_write(item.output) if choice is not None else "",
        metric=board.task.primary_metric,
    )


def render_standing(found: Preferences, damaged: Sequence[str]) -> Markup:
    """Show what all votes on a run say, and name those that cannot be read."""
    return render("evaluate/vote_standing", sentences=found.sentences, damaged=list(damaged))


def _describe(name: str, cell: Cell, *, told: bool) -> dict[str, object]:
    prediction = cell.prediction
    draw = f" ({cell.draw})" if cell.draw else ""
    return {
        "name": name,
        "text": _write(prediction.value) if prediction.value is not None else prediction.generation.text or "(nothing)",
        "readable": prediction.value is not None,
        "arm": cell.arm if told else "hidden",
        "title": f"{find_title(cell.arm)}{draw}" if told else "",
        "mark": f"{cell.mark:.2f}" if told else "",
        "state": cell.state if told else "",
        "words": STATES[cell.state] if told else "",
    }


def _compare(left: Cell, right: Cell, choice: Choice) -> str:
    """Say what was chosen and whether the marks agree."""
    if left.mark == right.mark:
        verdict = "the marks are equal"
    else:
        better = "left" if left.mark > right.mark else "right"
        verdict = f"the marks prefer {'A' if better == 'left' else 'B'}"
        if choice in {"left", "right"}:
            verdict = "the marks agree" if choice == better else verdict
    return f"{SAID[choice]}; {verdict}."


def _write(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
