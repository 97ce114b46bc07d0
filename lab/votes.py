"""Blind votes on the answers of a stored run: which pair is shown next, what was chosen, what it is good for."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

from core.comparison.arms import is_control
from core.comparison.prompts import build_prompt
from core.errors import LabError
from core.evaluation.board import Board, BoardRow, Cell
from core.evaluation.preferences import Answer, Choice, Preferences, Vote, judge_votes
from core.evaluation.sampling import find_clusters
from core.settings import Settings
from core.storage import cannot_write, child, write_json, write_text
from core.stored import Listing, restore
from core.values import Example

FOLDER = "votes"  # Of the home: a file of lines for each run.
REMEDY = "The other votes are not affected; delete the line."
SEEN = "These are test questions: a model that learns from them can be compared on others only."


@dataclass(frozen=True, slots=True)
class Ballot:
    """Two answers to one item, the sides drawn."""

    item: Example
    left: Cell
    right: Cell


def read_votes(settings: Settings, run_id: str) -> Listing[Vote]:
    """Return a run's votes as they came, and a sentence for each damaged line.

    Raises:
        LabError: The name is none of a run's, or the file cannot be read.
    """
    path = _find_file(settings, run_id)
    if not path.is_file():
        return Listing([], [])
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise LabError(f"Cannot read {path}: {error.strerror}.") from error
    votes: list[Vote] = []
    damaged: list[str] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                votes.append(restore(Vote, line.decode(errors="replace"), origin=f"{path.name}:{number}", remedy=REMEDY))
            except LabError as error:
                damaged.append(str(error))
    return Listing(votes, damaged)


def cast_vote(settings: Settings, run_id: str, ballot: Ballot, choice: Choice, *, visitor: str = "") -> Vote:
    """Write a vote behind the others; a line that was cut off before it stays a line of its own.

    Raises:
        LabError: The disk refuses.
    """
    vote = Vote(
        ballot.item.id, ballot.left.arm, ballot.right.arm, choice, datetime.now(UTC).isoformat(timespec="seconds"),
        left_draw=ballot.left.draw, right_draw=ballot.right.draw, visitor=visitor,
    )  # fmt: skip
    path = _find_file(settings, run_id)
    line = json.dumps(vote.as_json(), ensure_ascii=False).encode() + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One write to the end of the file: lines of several visitors do not mix.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, b"\n" * cut + line)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise cannot_write(path, error) from error
    return vote


def draw_ballot(board: Board, votes: Sequence[Vote], *, visitor: str = "", seed: int = 0) -> Ballot | None:
    """Return the next pair of answers for a visitor; None where all were voted on.

    The item with the fewest votes comes next, of its pairs that with the fewest votes of all, in an order and on sides that
    follow from seed, visitor and the number of votes: a page that is loaded again shows the same pair. Equal answers are
    never shown side by side, nor those of controls.

    Args:
        board: The run.
        votes: All votes on it.
        visitor: Who is asked; each pair is shown to them once.
        seed: Of the order.
    """
    by_item = Counter(vote.item for vote in votes)
    by_pair = Counter(frozenset((vote.left, vote.right)) for vote in votes)
    mine = [vote for vote in votes if vote.visitor == visitor]
    done = {frozenset(vote.answers) for vote in mine}
    random = Random(f"{seed}:{visitor}:{len(mine)}")
    for row in sorted(random.sample(board.rows, len(board.rows)), key=lambda row: by_item[row.item.id]):
        pairs = [pair for pair in _list_pairs(row) if frozenset(_name(row.item, cell) for cell in pair) not in done]
        if pairs:
            order = random.sample(pairs, len(pairs))
            left, right = min(order, key=lambda pair: by_pair[frozenset(cell.arm for cell in pair)])
            return Ballot(row.item, *((left, right) if random.random() < 0.5 else (right, left)))
    return None


def judge_board(board: Board, votes: Sequence[Vote], *, fit: bool = True) -> Preferences:
    """Say what the votes on a run are worth; `fit` as `core.evaluation.preferences.judge_votes`."""
    marks = {_name(row.item, cell): cell.mark for row in board.rows for cells in row.cells.values() for cell in cells}
    items = [row.item for row in board.rows]
    groups = dict(zip((item.id for item in items), find_clusters(items), strict=True))
    return judge_votes(votes, marks, groups, fit=fit)


def list_preferences(board: Board, votes: Sequence[Vote]) -> Iterator[dict[str, Any]]:
    """Yield a row for each vote that calls an answer better: `prompt`, `chosen` and `rejected`, as chats.

    The prompt is the question as an adapter without passages is asked it: both answers may have come of other prompts.

    Source: the explicit conversational preference format of TRL, `docs/source/dataset_formats.md`.
    """
    texts = {
        _name(row.item, cell): cell.prediction.generation.text
        for row in board.rows
        for cells in row.cells.values()
        for cell in cells
    }
    items = {row.item.id: row.item for row in board.rows}
    for vote in votes:
        if vote.preferred is not None and all(answer in texts for answer in vote.preferred):
            prompt = build_prompt(board.task, items[vote.item].input)
            better, other = vote.preferred
            yield {
                "prompt": [{"role": message.role, "content": message.content} for message in prompt],
                "chosen": [{"role": "assistant", "content": texts[better]}],
                "rejected": [{"role": "assistant", "content": texts[other]}],
            }


def export_votes(board: Board, votes: Sequence[Vote], path: Path) -> int:
    """Write votes to a file: `.jsonl` takes preference pairs, `.json` all votes with what they say; returns how many.

    Raises:
        LabError: It has another ending, or the disk refuses.
    """
    if path.suffix == ".jsonl":
        rows = list(list_preferences(board, votes))
        write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        return len(rows)
    if path.suffix == ".json":
        write_json(path, {**judge_board(board, votes).as_json(), "votes": [vote.as_json() for vote in votes], "note": SEEN})
        return len(votes)
    raise LabError(
        f"{path.name} ends neither in .jsonl nor in .json.", "Name it .jsonl for preference pairs, .json for all votes."
    )


def _find_file(settings: Settings, run_id: str) -> Path:
    name = child(settings.folder(FOLDER), run_id, what="run", remedy="See `ragft runs`.")
    return name.with_name(f"{name.name}.jsonl")


def _list_pairs(row: BoardRow) -> list[tuple[Cell, Cell]]:
    """Return the pairs of an item's answers that differ and come from different approaches."""
    cells = [cell for arm, cells in row.cells.items() if not is_control(arm) for cell in cells]
    return [(one, other) for one, other in combinations(cells, 2) if one.arm != other.arm and _write(one) != _write(other)]


def _write(cell: Cell) -> str:
    """Return an answer as it is compared: its value where it has one, however it was spaced; else its text."""
    value = cell.prediction.value
    if value is not None:
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return " ".join(cell.prediction.generation.text.split())


def _name(item: Example, cell: Cell) -> Answer:
    return item.id, cell.arm, cell.draw
