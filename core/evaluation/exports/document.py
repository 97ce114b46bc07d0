"""A run as one JSON document: its record, and every item with every answer to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from core.comparison.runs import Run
from core.evaluation.board import Board, Cell
from core.values import Prediction


def write_document(
    run: Run, board: Board | None, predictions: Sequence[Prediction], *, name: str, note: str = ""
) -> dict[str, Any]:
    """Return plain JSON values.

    Args:
        run: The run.
        board: Its items; None where they are gone, and the answers stand without them.
        predictions: Its answers.
        name: What people call it.
        note: What a person wrote beside it.
    """
    about = {"name": name, "note": note, "run": run.as_json()}
    if board is None:
        return {**about, "items": None, "answers": [asdict(one) for one in predictions]}
    task = {
        key: getattr(board.task, key) for key in ("name", "title", "instruction", "input_label", "primary_metric", "schema")
    }
    items = [
        {**asdict(row.item), "answers": [_describe(cell) for cells in row.cells.values() for cell in cells]}
        for row in board.rows
    ]
    return {**about, "task": task, "board_note": board.note, "items": items}


def _describe(cell: Cell) -> dict[str, Any]:
    prediction = asdict(cell.prediction)
    score = asdict(cell.score)
    return {"draw": cell.draw, "mark": cell.mark, "state": cell.state, "cause": cell.cause, "score": score, **prediction}
