"""The board of a run: every answer of every approach with its mark, its state and its cause, an item a row.

Report, export and page read a run's items from here, so that they mark and name them alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.evaluation.acceptance import score_example
from core.evaluation.causes import Cause, find_cause
from core.evaluation.scoring import Score
from core.evaluation.summary import name_draw
from core.tasks.task import Task
from core.values import Example, Prediction

State = Literal["right", "partly", "wrong", "invalid", "not found"]
STATES: Mapping[State, str] = {
    "right": "full marks",
    "partly": "some of the marks",
    "wrong": "readable, valid, and without any mark, or an answer or refusal where the other was right",
    "invalid": "cannot be read, or the schema refuses it",
    "not found": "the search did not bring the evidence",
}
UNREADABLE: frozenset[Cause] = frozenset({"cut off", "not JSON", "invalid"})
FALSE: frozenset[Cause] = frozenset({"false answer", "false refusal"})


@dataclass(frozen=True, slots=True)
class Cell:
    """One answer.

    Args:
        arm: The arm that gave it.
        draw: Which adapter, or draw of the prompt's examples, where an arm may have several.
        mark: Of the primary metric, 0 to 1.
        state: What a reader sees at a glance.
        cause: Why it lost marks.
        score: All its marks, each field's in `score.fields`.
        prediction: The answer with all that led to it.
    """

    arm: str
    draw: str | None
    mark: float
    state: State
    cause: Cause
    score: Score
    prediction: Prediction


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One item.

    Args:
        item: The question, with what is right.
        cells: Its answers by arm, one for each draw; none where the arm's answer is missing.
    """

    item: Example
    cells: Mapping[str, tuple[Cell, ...]]


@dataclass(frozen=True, slots=True)
class Board:
    """All answers of a run.

    Args:
        task: The task as it was asked.
        arms: Names of the arms, in the order in which they were asked.
        rows: The items, in the order in which they were asked.
        note: What a reader must know of it; empty where there is nothing.
    """

    task: Task
    arms: tuple[str, ...]
    rows: tuple[BoardRow, ...]
    note: str = ""


def build_board(task: Task, items: Sequence[Example], predictions: Mapping[str, Sequence[Prediction]]) -> Board:
    """Mark every answer of a run.

    Args:
        task: The task as it was asked.
        items: The items as they were asked.
        predictions: By arm, in any order: each names its item. Those of other items are left out, and counted in the note.
    """
    by_id = {item.id: item for item in items}
    cells: dict[str, dict[str, list[Cell]]] = {item.id: defaultdict(list) for item in items}
    strangers = 0
    for arm, answers in predictions.items():
        for prediction in answers:
            if prediction.example in by_id:
                cells[prediction.example][arm].append(mark_cell(task, by_id[prediction.example], prediction))
            else:
                strangers += 1
    rows = tuple(BoardRow(item, {arm: tuple(cells[item.id][arm]) for arm in predictions}) for item in items)
    return Board(task, tuple(predictions), rows, _describe_gaps(rows, strangers))


def mark_cell(task: Task, item: Example, prediction: Prediction) -> Cell:
    """Mark one answer."""
    score = score_example(prediction.value, item, task.schema)
    mark = score.metric(task.primary_metric)
    cause = find_cause(item, prediction, mark, metric=task.primary_metric)
    return Cell(prediction.arm, name_draw(prediction), mark, find_state(cause, mark), cause, score, prediction)


def find_state(cause: Cause, mark: float) -> State:
    """Return what a reader sees of an answer at a glance.

    Args:
        cause: Why it lost marks.
        mark: Of the primary metric, 0 to 1.
    """
    if cause == "right":
        return "right"
    if cause in UNREADABLE:
        return "invalid"
    if cause == "passage not found":
        return "not found"
    return "partly" if mark > 0 and cause not in FALSE else "wrong"


def _describe_gaps(rows: Sequence[BoardRow], strangers: int) -> str:
    """Say which answers have no item, and which items lack an answer."""
    gaps = sum(not found for row in rows for found in row.cells.values())
    told = [
        f"{strangers} answers are left out: their items are not among those of this run." if strangers else "",
        f"{gaps} answers are missing." if gaps else "",
    ]
    return " ".join(filter(None, told))
