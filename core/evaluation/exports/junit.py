"""A run's answers as a test report that build servers read (JUnit XML): a suite for each approach, a case for each item."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from core.answers.writing import serialize
from core.comparison.arms import find_title
from core.comparison.runs import Run
from core.evaluation.board import Board, BoardRow, Cell
from core.evaluation.causes import CAUSES

# What XML 1.0 may not hold, not even as a reference (section 2.2).
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(run: Run, board: Board) -> str:
    """Return the answers as JUnit XML: an answer without full marks is a failure with its cause, a missing one is skipped."""
    root = ElementTree.Element("testsuites", name=_clean(run.id))
    for arm in board.arms:
        suite = ElementTree.SubElement(root, "testsuite", name=_clean(find_title(arm)), timestamp=_clean(run.created[:19]))
        counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
        seconds = 0.0
        for row in board.rows:
            for cell in row.cells.get(arm) or (None,):
                counts["tests"] += 1
                case = ElementTree.SubElement(suite, "testcase", classname=_clean(f"{board.task.name}.{arm}"))
                case.set("name", _clean(row.item.id if cell is None or cell.draw is None else f"{row.item.id} ({cell.draw})"))
                if cell is None:
                    counts["skipped"] += 1
                    ElementTree.SubElement(case, "skipped", message="no answer")
                    continue
                case.set("time", f"{cell.prediction.generation.seconds:.3f}")
                seconds += cell.prediction.generation.seconds
                if cell.state != "right":
                    counts["failures"] += 1
                    _add_failure(case, board, row, cell)
        for name, count in counts.items():
            suite.set(name, str(count))
        suite.set("time", f"{seconds:.3f}")
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _add_failure(case: ElementTree.Element, board: Board, row: BoardRow, cell: Cell) -> None:
    message = f"{cell.cause}: {CAUSES[cell.cause]} (mark {cell.mark:.2f})"
    failure = ElementTree.SubElement(case, "failure", type=_clean(cell.cause), message=_clean(message))
    lines = [
        f"{board.task.input_label}: {row.item.input}",
        f"Expected: {serialize(row.item.output or {}, board.task.schema)}",
        f"Given:    {cell.prediction.generation.text}",
        *(f"Issue:    {issue.message}" for issue in cell.prediction.issues),
    ]
    failure.text = _clean("\n".join(lines))


def _clean(text: str) -> str:
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
