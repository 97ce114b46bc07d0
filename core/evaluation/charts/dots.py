"""Approaches as dots in rows: within each slice, and over their draws (trainings, or examples in the prompt)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.comparison.arms import find_title
from core.evaluation.charts.bars import LEFT, RIGHT, draw_axis, draw_whisker
from core.evaluation.charts.chart import Chart
from core.evaluation.charts.look import find_look, list_answered
from core.evaluation.charts.reading import MarkReading, name_metric, read_mark
from core.evaluation.charts.scale import Scale, span_from_zero
from core.evaluation.charts.scene import WIDTH, Part, Scene, Sign, Stroke, Words, read_number, wrap, write_lines
from core.evaluation.layout import Column, TableRow, TableView

ROW, TALL, HEAD = 22.0, 30.0, 26.0  # Heights of a row, of one whose name has two lines, of a slice's heading.
MOST_SLICES = 12
FEW_SLICES = 4  # More are for those who look closer.


def draw_slices(summary: Mapping[str, Any]) -> Chart | None:
    """Draw each approach's mark within each slice; None where there are no slices."""
    slices = summary.get("slices")
    approaches = list_answered(summary, "approach")
    read: dict[str, dict[str, MarkReading]] = {}
    counts: dict[str, int] = {}
    for name, arms in slices.items() if isinstance(slices, Mapping) else ():
        known = {arm: arms[arm] for arm in approaches if isinstance(arms, Mapping) and isinstance(arms.get(arm), Mapping)}
        marks = {arm: mark for arm, values in known.items() if (mark := read_mark(values)) is not None}
        if marks:
            read[str(name)] = marks
            counts[str(name)] = int(read_number(next(iter(known.values())).get("n")) or 0)
    if not read:
        return None
    title = f"Slices: {name_metric(summary)}"
    shown = dict(list(read.items())[:MOST_SLICES])
    parts, height = _place_slices(shown, counts)
    about = f"Marks of {len(approaches)} approaches in {len(read)} slices. " + "; ".join(
        f"{name}: best {find_title(_best(marks))}" for name, marks in shown.items()
    )
    columns = (
        Column("Slice", ""),
        Column("Approach", ""),
        Column("Mark", "", number=True),
        Column("95 % interval", "", number=True),
    )
    rows = tuple(
        TableRow((name, find_title(arm), f"{mark.mean:.3f}", mark.bounds))
        for name, marks in read.items()
        for arm, mark in marks.items()
    )
    note = "Kinds of questions apart, with 95 % intervals; small slices have wide ones."
    if len(read) > MOST_SLICES:
        note += f" The first {MOST_SLICES} of {len(read)}; the table has all."
    return Chart(
        title,
        Scene(height, title, about, tuple(parts)).draw(),
        TableView(title, columns, rows),
        note,
        "slices",
        len(read) > FEW_SLICES,
    )


def _best(marks: Mapping[str, MarkReading]) -> str:
    return max(marks, key=lambda arm: marks[arm].mean)


def _scale(readings: Sequence[MarkReading]) -> Scale:
    return span_from_zero([min(v, 1.0) for one in readings for v in (one.mean, one.high) if v is not None], LEFT, RIGHT)


def _place_slices(slices: Mapping[str, Mapping[str, MarkReading]], counts: Mapping[str, int]) -> tuple[list[Part], float]:
    scale = _scale([mark for marks in slices.values() for mark in marks.values()])
    rows: list[Part] = []
    top = 0.0
    for name, marks in slices.items():
        items = f"{counts[name]} item{'' if counts[name] == 1 else 's'}"
        rows.append(Words(0, top + 16, wrap(f"{name.replace('_', ' ')} · {items}", WIDTH - 4, lines=1)[0], role="head"))
        top += HEAD
        for arm, mark in marks.items():
            title = find_title(arm)
            high = ROW if len(wrap(title, LEFT - 8)) == 1 else TALL
            look, middle = find_look(arm), top + high / 2
            rows += write_lines(title, 0, middle, width=LEFT - 8)
            if mark.low is not None and mark.high is not None:
                rows += draw_whisker(scale.place(mark.low), scale.place(mark.high), middle)
            rows.append(Sign(scale.place(mark.mean), middle, 5, look.shape, look.colour, hint=f"{title}: {mark.text}"))
            rows.append(Words(WIDTH - 2, middle + 4, f"{mark.mean:.2f}", "end", "number"))
            top += high
        top += 4
    return [*draw_axis(scale, 4, top), *rows], top + 20


def draw_draws(summary: Mapping[str, Any]) -> Chart | None:
    """Draw the mark of each draw of the approaches that several answered; None where there is one of each."""
    read = {}
    for arm, values in list_answered(summary).items():
        draws = values.get("draws")
        marks = {str(k): read_number(v) for k, v in draws.items()} if isinstance(draws, Mapping) else {}
        known = {name: min(max(mark, 0.0), 1.0) for name, mark in marks.items() if mark is not None}
        if len(known) > 1:
            read[arm] = known
    if not read:
        return None
    title = "Trainings and draws apart"
    scale = span_from_zero([mark for marks in read.values() for mark in marks.values()], LEFT, RIGHT)
    parts, height = _place_draws(read, scale)
    spreads = {arm: max(marks.values()) - min(marks.values()) for arm, marks in read.items()}
    widest = max(spreads, key=lambda arm: spreads[arm])
    note = (
        "Each hollow sign is one training, or one draw of the examples in the prompt; the bar is their mean. "
        f"They differ most in {find_title(widest)}: by {spreads[widest]:.2f}."
    )
    columns = (Column("Approach", ""), Column("Draw", ""), Column("Mark", "", number=True))
    rows = tuple(
        TableRow((find_title(arm), draw, f"{mark:.3f}")) for arm, marks in read.items() for draw, mark in marks.items()
    )
    return Chart(title, Scene(height, title, note, tuple(parts)).draw(), TableView(title, columns, rows), note, "draws")


def _place_draws(read: Mapping[str, Mapping[str, float]], scale: Scale) -> tuple[list[Part], float]:
    rows: list[Part] = []
    top = 6.0
    for arm, marks in read.items():
        look, middle = find_look(arm), top + 14
        mean = sum(marks.values()) / len(marks)
        rows += write_lines(find_title(arm), 0, middle, width=LEFT - 8)
        rows.append(Stroke(scale.place(mean), middle - 9, scale.place(mean), middle + 9, "path"))
        rows += [
            Sign(scale.place(mark), middle, 5, look.shape, look.colour, True, hint=f"{draw}: {mark:.3f}")
            for draw, mark in marks.items()
        ]
        rows.append(Words(WIDTH - 2, middle + 4, f"{mean:.2f}", "end", "number"))
        top += 28
    return [*draw_axis(scale, 4, top + 2), *rows], top + 20
