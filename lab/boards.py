"""A stored run opened again: its items, every answer to them, and what each is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.comparison.arms import find_title
from core.comparison.runs import Run, load_paper, load_predictions, load_run
from core.errors import LabError
from core.evaluation.board import Board, build_board
from core.tasks.folders import find_task
from core.tasks.task import Task
from core.values import Example, Prediction
from lab.lab import Lab

ROUNDING = 1e-6  # Of a mean.
FROM_TASK = "This run was stored without its items: they, instruction and schema are those of the task as it is now."


def open_board(lab: Lab, run_id: str) -> Board:
    """Open a run's board.

    Args:
        lab: Where the run lies.
        run_id: The run.

    Raises:
        LabError: There is no such run, it is damaged, or it was stored without its items and the task was changed or removed
            since.
    """
    run = load_run(lab.settings, run_id)
    task, items, note = read_exam(lab, run)
    board = build_board(task, items, _sort_by_arm(load_predictions(lab.settings, run_id)))
    return replace(board, note=" ".join(filter(None, (note, board.note, _describe_drift(run, board)))))


def read_exam(lab: Lab, run: Run) -> tuple[Task, Sequence[Example], str]:
    """Return the task as a run asked it, the items, and what a reader must know of them.

    Raises:
        LabError: The run's paper is damaged, or it has none and the task was changed or removed since.
    """
    paper = load_paper(lab.settings, run.id)
    if paper is not None:
        return paper.restore_task(_find_folder(lab, run.task)), paper.items, ""
    remedy = f"Its numbers stay: `ragft runs show {run.id}`. Compare again to see items."
    try:
        task = lab.task(run.task)
    except LabError as error:
        raise LabError(
            f"The run {run.id} was stored without its items, and its task cannot be read: {error}", remedy
        ) from error
    if run.config.get("test_hash") != task.hash_split(task.test):
        raise LabError(f"The run {run.id} was stored without its items, and the task {task.name} was changed since.", remedy)
    by_id = {item.id: item for item in task.test}
    return task, [by_id[name] for name in run.config.get("items", ()) if name in by_id], FROM_TASK


def _describe_drift(run: Run, board: Board) -> str:
    """Say where the answers are worth something else than when the run was judged: the rules of marking changed since."""
    for arm in board.arms:
        marks = [cell.mark for row in board.rows for cell in row.cells[arm]]
        then = run.summary.get("arms", {}).get(arm, {}).get("primary", {}).get("mean")
        if marks and then is not None and abs(sum(marks) / len(marks) - then) > ROUNDING:
            return (
                f"Marked as this version marks: {find_title(arm)} has {sum(marks) / len(marks):.3f} here and {then:.3f} in the "
                "run's own numbers."
            )
    return ""


def _find_folder(lab: Lab, name: str) -> Path:
    """Return where a task lies, or would lie."""
    try:
        return find_task(name, lab.settings)
    except LabError:
        return lab.settings.folder("tasks") / name


def _sort_by_arm(predictions: Sequence[Prediction]) -> dict[str, list[Prediction]]:
    """Return predictions by arm, arms and answers in their order."""
    sorted_: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        sorted_.setdefault(prediction.arm, []).append(prediction)
    return sorted_
