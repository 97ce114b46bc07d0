"""Fields by approaches: where each approach gets its marks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from core.comparison.arms import find_title
from core.evaluation.charts.chart import Chart
from core.evaluation.charts.look import ACCENT, list_answered
from core.evaluation.charts.scene import SMALL, WIDTH, Block, Part, Scene, Words, measure, read_number, wrap, write_lines
from core.evaluation.layout import Column, TableRow, TableView

LEFT = 112.0  # Of the cells.
ROW = 28.0
MOST_COLUMNS = 6  # Side by side: a cell then holds its number.
MOST_FIELDS = 24
TURN = 40.0  # Degrees of the approaches' names.
LONGEST_NAME = 150.0  # Units of such a name.
NOTHING = "This run keeps no marks of single fields."


def draw_fields(summary: Mapping[str, Any]) -> Chart:
    """Draw the mean mark of each field and approach; several blocks where there are many approaches."""
    title = "Marks field by field"
    arms = {name: _read_fields(values) for name, values in list_answered(summary).items()}
    arms = {name: fields for name, fields in arms.items() if fields}
    fields = list(dict.fromkeys(field for marks in arms.values() for field in marks))
    if not fields:
        return Chart(title, Markup(""), TableView(title, (), ()), NOTHING, "fields")
    names = list(arms)
    count = math.ceil(len(names) / math.ceil(len(names) / MOST_COLUMNS))
    parts: list[Part] = []
    top = 0.0
    for start in range(0, len(names), count):
        block, top = _draw_block(names[start : start + count], fields[:MOST_FIELDS], arms, top)
        parts += block
    columns = (Column("Field", ""), *(Column(find_title(name), "", number=True) for name in names))
    rows = tuple(TableRow((field, *(_write(arms[name].get(field)) for name in names))) for field in fields)
    about = f"{len(fields)} fields by {len(names)} approaches; each cell tells the mean mark. " + _tell_worst(arms, fields)
    note = "The mean mark of each field, over the answers where it is expected or given: the stronger the colour, the better."
    if len(fields) > MOST_FIELDS:
        note += f" The first {MOST_FIELDS} of {len(fields)} fields; the table has all."
    return Chart(title, Scene(top, title, about, tuple(parts)).draw(), TableView(title, columns, rows), note, "fields")


def _read_fields(arm: Mapping[str, Any]) -> dict[str, float]:
    fields = arm.get("fields")
    read = {str(name): read_number(mark) for name, mark in fields.items()} if isinstance(fields, Mapping) else {}
    return {name: min(max(mark, 0.0), 1.0) for name, mark in read.items() if mark is not None}


def _tell_worst(arms: Mapping[str, Mapping[str, float]], fields: Sequence[str]) -> str:
    best = {field: max((marks[field], name) for name, marks in arms.items() if field in marks) for field in fields}
    hardest = min(best, key=lambda field: best[field][0])
    return f"Hardest is {hardest}: at best {best[hardest][0]:.2f}, by {find_title(best[hardest][1])}."


def _draw_block(
    names: Sequence[str], fields: Sequence[str], arms: Mapping[str, Mapping[str, float]], top: float
) -> tuple[list[Part], float]:
    """Return some approaches' cells with their names above and the fields beside, and where they end."""
    wide = (WIDTH - 2 - LEFT) / max(len(names), 4)
    reach = {name: LEFT + wide * (place + 0.5) for place, name in enumerate(names)}
    # A turned name comes from the left and ends above its column, so that it has room wherever the column stands.
    room = {name: min(LONGEST_NAME, (x - 4) / math.cos(math.radians(TURN))) for name, x in reach.items()}
    titles = {name: wrap(find_title(name), room[name], lines=1, size=SMALL)[0] for name in names}
    head = max(measure(text, SMALL) for text in titles.values()) * math.sin(math.radians(TURN)) + 18
    parts: list[Part] = [Words(reach[name] + 3, top + head - 5, text, "end", "number", TURN) for name, text in titles.items()]
    top += head
    for field in fields:
        parts += write_lines(field.replace("_", " "), 0, top + ROW / 2, width=LEFT - 8)
        for place, name in enumerate(names):
            mark = arms[name].get(field)
            x = LEFT + wide * place
            hint = f"{find_title(name)}, {field}: {_write(mark) or 'not asked'}"
            parts.append(Block(x + 1, top + 1, wide - 2, ROW - 2, ACCENT, 0.06 + 0.5 * (mark or 0.0), hint=hint))
            parts.append(Words(x + wide / 2, top + ROW / 2 + 4, _write(mark) or "–", "middle", "number"))
        top += ROW
    return parts, top + 6


def _write(mark: float | None) -> str:
    return "" if mark is None else f"{mark:.2f}"
