"""A comparison as one self-contained HTML page: card, charts, tables, and every item with every answer. It opens offline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.answers.writing import serialize
from core.comparison.arms import find_title
from core.comparison.runs import Run
from core.evaluation.board import STATES, Board, BoardRow, Cell, State
from core.evaluation.causes import CAUSES
from core.evaluation.charts.chart import render_charts
from core.evaluation.charts.drawing import draw_charts
from core.evaluation.charts.template import STYLE as CHART_STYLE
from core.evaluation.layout import lay_out

TEMPLATE = Path(__file__).with_name("report.html.jinja")
STYLE = Path(__file__).with_name("report.css")
SCRIPT = Path(__file__).with_name("report.js")
# A sign beside the colour of each state, as on the page.
SIGNS: Mapping[State, str] = {"right": "✓", "partly": "◐", "wrong": "✗", "invalid": "!", "not found": "?"}


def render_report(run: Run, board: Board | None = None, *, name: str = "", note: str = "") -> str:
    """Render a run; every text of a model or a user is escaped.

    Args:
        run: The run.
        board: Its items with all answers; without it there are numbers only.
        name: What people call it; the id stands beside it.
        note: What a person wrote beside it.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    files = {"style": STYLE, "chart_style": CHART_STYLE, "script": SCRIPT}
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        # The program's own files, not a word of a model or a user.
        {key: Markup(path.read_text(encoding="utf-8")) for key, path in files.items()},  # noqa: S704
        run=run,
        name=name or str(run.config.get("title") or run.task),
        note=note,
        model=(run.config.get("generator") or {}).get("model", "unknown"),
        view=lay_out(run.summary),
        charts=render_charts(draw_charts(run.summary, board)),
        board_note=board.note if board is not None else "",
        input_label=board.task.input_label if board is not None else "",
        items=[_describe_row(board, row) for row in board.rows] if board is not None and board.arms else [],
        choices=_list_choices(board),
        signs=SIGNS,
        config=json.dumps({"config": run.config, "environment": run.environment}, indent=1, ensure_ascii=False),
    )


def _list_choices(board: Board | None) -> dict[str, list[tuple[str, str]]]:
    """Return what items can be filtered by, (value, title) each; only what occurs."""
    cells = [cell for row in board.rows for of_arm in row.cells.values() for cell in of_arm] if board is not None else []
    states, causes = {cell.state for cell in cells}, {cell.cause for cell in cells}
    return {
        "approach": [(name, find_title(name)) for name in (board.arms if board is not None else ())],
        "state": [(_slug(state), state) for state in STATES if state in states],
        "cause": [(_slug(cause), f"{cause}: {CAUSES[cause]}") for cause in CAUSES if cause in causes],
    }


def _describe_row(board: Board, row: BoardRow) -> dict[str, Any]:
    """Return an item with every answer to it; of an arm with several draws, each one's."""
    answers = [_describe_cell(cell, several=len(cells) > 1) for cells in row.cells.values() for cell in cells]
    return {
        "id": row.item.id,
        "slice": row.item.slice or "",
        "input": row.item.input,
        "expected": serialize(row.item.output or {}, board.task.schema),
        "evidence": [(piece.document, piece.quote) for piece in row.item.evidence],
        "answers": answers,
        # Approach, state and cause of each answer: what the page's filter looks for.
        "marks": " ".join(f"{_slug(answer['arm'])}|{_slug(answer['state'])}|{_slug(answer['cause'])}" for answer in answers),
    }


def _describe_cell(cell: Cell, *, several: bool) -> dict[str, Any]:
    prediction = cell.prediction
    title = find_title(cell.arm)
    return {
        "arm": cell.arm,
        "title": f"{title} ({cell.draw})" if several and cell.draw else title,
        "text": prediction.generation.text,
        "draft": prediction.generation.draft,
        "stage": prediction.stage,
        "issues": [issue.message for issue in prediction.issues],
        "passages": [(hit.passage.document, hit.passage.text) for hit in prediction.hits],
        "mark": cell.mark,
        "state": cell.state,
        "cause": cell.cause,
    }


def _slug(text: str) -> str:
    return text.replace(" ", "-")
