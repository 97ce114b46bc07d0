"""A run's answers for a spreadsheet: CSV, a row for each item, approach and draw."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from core.answers.writing import serialize
from core.evaluation.board import Board, BoardRow, Cell
from core.evaluation.rules import list_marked

COLUMNS = (
    "item", "approach", "draw", "mark", "state", "cause", "slice", "group", "input", "expected", "answer", "issues",
    "json_valid", "schema_valid", "read_as", "passages", "prompt_tokens", "new_tokens", "seconds",
)  # fmt: skip
FORMULA = (*"=+-@＝＋－＠", "\t", "\r", "\n")  # A spreadsheet computes what begins so (OWASP, CSV injection).


def write_csv(board: Board) -> str:
    """Return the answers as CSV; a text that a spreadsheet would compute has an apostrophe before it."""
    fields = list_marked(board.task.schema)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([neutralise(name) for name in (*COLUMNS, *(f"mark of {name}" for name in fields))])
    for row in board.rows:
        for cells in row.cells.values():
            for cell in cells:
                marks = [cell.score.fields.get(name, 0.0) for name in fields]
                writer.writerow([neutralise(value) for value in (*_list_values(board, row, cell), *marks)])
    return stream.getvalue()


def neutralise(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula; numbers stay as they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _list_values(board: Board, row: BoardRow, cell: Cell) -> Iterator[Any]:
    """Yield the values of `COLUMNS`."""
    item, prediction = row.item, cell.prediction
    generation = prediction.generation
    yield from (item.id, cell.arm, cell.draw or "", cell.mark, cell.state, cell.cause, item.slice or "", item.group or "")
    yield from (item.input, serialize(item.output or {}, board.task.schema), generation.text)
    yield "; ".join(issue.message for issue in prediction.issues)
    yield from (int(prediction.json_valid), int(prediction.schema_valid), prediction.stage)
    yield "; ".join(hit.passage.document for hit in prediction.hits)
    yield from (generation.prompt_tokens, generation.new_tokens, generation.seconds)
