"""Bars with intervals, a row an approach: the mark, and how many answers are valid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from core.comparison.arms import find_title
from core.evaluation.charts.chart import Chart
from core.evaluation.charts.look import HEADINGS, Look, find_look, list_answered
from core.evaluation.charts.reading import MarkReading, name_metric, read_mark, read_validity
from core.evaluation.charts.scale import Scale, span_from_zero, write_tick
from core.evaluation.charts.scene import WIDTH, Block, Part, Scene, Stroke, Words, write_lines
from core.evaluation.layout import Column, TableRow, TableView

LEFT, RIGHT = 132.0, 322.0  # Of the bars.
ROW, HEAD, BAR = 30.0, 22.0, 13.0  # Heights of a row, of a kind's heading, of a bar.
NO_ANSWERS = "No approach gave an answer that could be marked."


def draw_marks(summary: Mapping[str, Any]) -> Chart:
    """Draw each approach's mark on the primary metric."""
    note = (
        "The line across a bar's end is its 95 % interval: where two of them overlap widely, the pair may still differ, for "
        "pairs are compared item by item (see the differences)."
    )
    return _draw(summary, read_mark, title=f"Mark: {name_metric(summary)}", name="marks", note=note)


def draw_validity(summary: Mapping[str, Any]) -> Chart:
    """Draw the share of each approach's answers that are valid under the schema as written."""
    chart = _draw(
        summary, read_validity, title="Valid answers", name="validity",
        note="Answers that are valid under the schema as written, nothing cut out or repaired.",
    )  # fmt: skip
    return chart


def _draw(
    summary: Mapping[str, Any], read: Callable[[Mapping[str, Any]], MarkReading | None], *, title: str, name: str, note: str
) -> Chart:
    read_ones = {arm: read(values) for arm, values in list_answered(summary).items()}
    readings = {arm: reading for arm, reading in read_ones.items() if reading is not None}
    if not readings:
        return Chart(title, Markup(""), TableView(title, (), ()), NO_ANSWERS, name)
    tops = [min(value, 1.0) for reading in readings.values() for value in (reading.mean, reading.high) if value is not None]
    scale = span_from_zero(tops, LEFT, RIGHT)
    parts, height = _place_rows(readings, scale)
    if any(reading.low is None for reading in readings.values()):
        note += " This run keeps no interval here."
    best = max(readings, key=lambda arm: readings[arm].mean)
    about = f"Bars of {len(readings)} approaches. The highest is {find_title(best)} with {readings[best].text}."
    columns = (Column("Approach", ""), Column(title, "", number=True), Column("95 % interval", "", number=True))
    rows = tuple(TableRow((find_title(arm), f"{one.mean:.3f}", one.bounds)) for arm, one in readings.items())
    return Chart(title, Scene(height, title, about, tuple(parts)).draw(), TableView(title, columns, rows), note, name)


def _place_rows(readings: Mapping[str, MarkReading], scale: Scale) -> tuple[list[Part], float]:
    """Return the rows with their axis, and the height of all."""
    rows: list[Part] = []
    top, kind = 4.0, ""
    several = len({find_look(arm).kind for arm in readings}) > 1
    for arm, reading in readings.items():
        look = find_look(arm)
        if several and look.kind != kind:
            kind = look.kind
            rows.append(Words(0, top + 14, HEADINGS[look.kind], role="head"))
            top += HEAD
        rows += _place_row(find_title(arm), reading, look, scale, top + ROW / 2)
        top += ROW
    return [*draw_axis(scale, 2.0, top + 2), *rows], top + 20


def _place_row(title: str, reading: MarkReading, look: Look, scale: Scale, middle: float) -> list[Part]:
    parts: list[Part] = [*write_lines(title, 0, middle, width=LEFT - 8)]
    end = scale.place(reading.mean)
    strength, edge = {"approach": (0.55, "full"), "control": (0.15, "dashed"), "baseline": (0.0, "full")}[look.kind]
    hint = f"{title}: {reading.text}"
    # A mark of 0 is still seen: a bar of a hair's breadth.
    parts.append(Block(LEFT, middle - BAR / 2, max(end - LEFT, 1.0), BAR, look.colour, strength, edge, hint))  # type: ignore[arg-type]
    if reading.low is not None and reading.high is not None:
        parts += draw_whisker(scale.place(reading.low), scale.place(reading.high), middle)
    return [*parts, Words(WIDTH - 2, middle + 4, f"{reading.mean:.2f}", "end", "number")]


def draw_whisker(start: float, end: float, middle: float, *, half: float = 3.5) -> list[Part]:
    """Return an interval as a line with ends, lying."""
    return [
        Stroke(start, middle, end, middle, "whisker"),
        Stroke(start, middle - half, start, middle + half, "whisker"),
        Stroke(end, middle - half, end, middle + half, "whisker"),
    ]


def draw_axis(scale: Scale, top: float, bottom: float, *, most: int = 5) -> list[Part]:
    """Return the lines and numbers of a lying axis."""
    parts: list[Part] = []
    for tick in scale.ticks(most):
        x = scale.place(tick)
        parts.append(Stroke(x, top, x, bottom, "axis" if tick == 0 else "grid"))
        parts.append(Words(x, bottom + 13, write_tick(tick), "middle", "tick"))
    return parts
