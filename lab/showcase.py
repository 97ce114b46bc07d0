"""Stored answers to one question of a task: what a visitor sees before anything was asked."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from core.comparison.arms import MAIN_ARMS
from core.comparison.bundled_runs import load_bundled
from core.comparison.runs import Run, list_runs
from core.errors import LabError
from core.evaluation.board import Board, BoardRow
from core.tasks.task import Task
from lab.boards import open_board
from lab.lab import Lab

KEPT_BOARDS = 4  # Of those opened last: opening one marks every answer of it anew.


@dataclass(frozen=True, slots=True)
class Showcase:
    """One question with the answers of a stored run."""

    run: Run
    board: Board
    row: BoardRow


@dataclass
class Shelf:
    """Finds stored answers; boards that were opened last are kept. Any number of threads may ask."""

    lab: Lab
    _boards: OrderedDict[tuple[Path, str], Board] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def find(self, task: Task, item_id: str | None = None) -> Showcase | None:
        """Return the stored answers to a question, of the newest run that holds it; None where no run does.

        Args:
            task: The task.
            item_id: The question; None chooses the one whose answers tell most of the approaches apart.
        """
        for run in [*list_runs(self.lab.settings).whole, *self._find_bundled(task)]:
            if run.task != task.name or not run.summary or (item_id and item_id not in run.config.get("items", ())):
                continue
            try:
                board = self._open(run.id)
            except LabError:  # The task was changed since, or a file is damaged: an older run may still be whole.
                continue
            rows = [row for row in board.rows if item_id in (None, row.item.id) and any(row.cells.values())]
            if rows:
                return Showcase(run, board, max(rows, key=_tell_apart))
        return None

    def _find_bundled(self, task: Task) -> list[Run]:
        """Return the run that comes with a bundled task: what a first visit sees."""
        try:
            run = load_bundled(self.lab.settings, task.name)
        except LabError:  # It is damaged, and the page has more to show than that.
            return []
        return [] if run is None else [run]

    def _open(self, run_id: str) -> Board:
        key = self.lab.settings.home, run_id  # By home too: strangers may share the shelf.
        with self._lock:
            board = self._boards.get(key) or open_board(self.lab, run_id)
            self._boards[key] = board
            self._boards.move_to_end(key)
            while len(self._boards) > KEPT_BOARDS:
                self._boards.popitem(last=False)
            return board


def _tell_apart(row: BoardRow) -> tuple[int, float, int]:
    """Rank a question by how well it shows what approaches are: different answers, one of them right, a short question."""
    cells = [found[0] for arm, found in row.cells.items() if found and arm in MAIN_ARMS]
    marks = [cell.mark for cell in cells]
    spread = max(marks, default=0.0) - min(marks, default=0.0)
    return len({cell.state for cell in cells}), spread, -len(row.item.input)
