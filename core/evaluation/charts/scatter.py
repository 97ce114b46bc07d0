"""Two approaches item by item: where one is right and the other is not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from core.comparison.arms import find_title, sort_by_simplicity
from core.evaluation.charts.chart import Chart
from core.evaluation.charts.look import find_kind, find_look
from core.evaluation.charts.reading import choose_best
from core.evaluation.charts.scale import Scale
from core.evaluation.charts.scene import Part, Scene, Shape, Sign, Stroke, Words, wrap
from core.evaluation.layout import Column, TableRow, TableView

if TYPE_CHECKING:
    from core.evaluation.board import Board

LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 44.0, 340.0, 24.0, 320.0, 368.0
SMALLEST, LARGEST = 4.0, 14.0  # Half widths of the signs.
MOST_PLACES = 60  # More are drawn rounded to twentieths.
EVEN = 1e-9


def choose_pair(summary: Mapping[str, Any], arms: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the pair to look at first: the recommended approach, else the best one, and its simplest rival.

    Args:
        summary: A run's.
        arms: Those with answers to single items.
    """
    known = [name for name in sort_by_simplicity(arms) if find_kind(name) == "approach"]
    if len(known) < 2:
        return None
    first = choose_best(summary, known)
    return first, next(name for name in known if name != first)


def match_marks(board: Board, first: str, second: str) -> list[tuple[float, float]]:
    """Return both approaches' marks of each item that both answered, over their draws."""
    pairs = []
    for row in board.rows:
        ones, others = row.cells.get(first, ()), row.cells.get(second, ())
        if ones and others:
            pairs.append((sum(cell.mark for cell in ones) / len(ones), sum(cell.mark for cell in others) / len(others)))
    return pairs


def count_wins(pairs: list[tuple[float, float]]) -> tuple[int, int, int]:
    """Return on how many items the first is better, worse and equal."""
    better = sum(one > other + EVEN for one, other in pairs)
    worse = sum(other > one + EVEN for one, other in pairs)
    return better, worse, len(pairs) - better - worse


def say_wins(first: str, second: str, counts: tuple[int, int, int]) -> str:
    """Say on how many items an approach is better, worse and equal."""
    better, worse, equal = counts
    items = sum(counts)
    return (
        f"{find_title(first)} against {find_title(second)}: better on {better}, worse on {worse}, equal on {equal} "
        f"of {items} item{'' if items == 1 else 's'}."
    )


def draw_scatter(board: Board, first: str, second: str) -> Chart:
    """Draw two approaches' marks of each item; the first is higher where it is better."""
    title = f"{find_title(first)} against {find_title(second)}, item by item"
    pairs = match_marks(board, first, second)
    if not pairs:
        note = f"No item was answered by both {find_title(first)} and {find_title(second)}."
        return Chart(title, Markup(""), TableView(title, (), ()), note, "items")
    counts = count_wins(pairs)
    said = say_wins(first, second, counts)
    places = Counter((round(one, 2), round(other, 2)) for one, other in pairs)
    if len(places) > MOST_PLACES:
        places = Counter((round(one * 20) / 20, round(other * 20) / 20) for one, other in pairs)
    parts = [*_draw_frame(find_title(first), find_title(second)), *_draw_places(places, first, second)]
    columns = tuple(
        Column(name, "", number=True) for name in (f"Mark of {find_title(first)}", f"Mark of {find_title(second)}", "Items")
    )
    rows = tuple(
        TableRow((f"{one:.2f}", f"{other:.2f}", str(count))) for (one, other), count in sorted(places.items(), reverse=True)
    )
    note = f"{said} A sign stands for the items with these two marks; its number says how many. Above the line {find_title(first)} is better."
    return Chart(title, Scene(HEIGHT, title, said, tuple(parts)).draw(), TableView(title, columns, rows), note, "items")


def _draw_frame(first: str, second: str) -> list[Part]:
    across, up = _scales()
    parts: list[Part] = [
        Words(0, 12, f"\N{UPWARDS ARROW} {wrap(first, 220, lines=1)[0]}", role="tick"),
        Words(RIGHT, HEIGHT - 4, f"{wrap(second, 220, lines=1)[0]} \N{RIGHTWARDS ARROW}", "end", "tick"),
    ]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y, role = across.place(tick), up.place(tick), "axis" if tick == 0 else "grid"
        parts += [
            Stroke(x, up.place(0), x, up.place(1), role),  # type: ignore[arg-type]
            Stroke(across.place(0), y, across.place(1), y, role),  # type: ignore[arg-type]
            Words(x, BOTTOM + 28, f"{tick:g}", "middle", "tick"),
            Words(LEFT - 20, y + 4, f"{tick:g}", "end", "tick"),
        ]
    return [*parts, Stroke(across.place(0), up.place(0), across.place(1), up.place(1), "guide")]


def _scales() -> tuple[Scale, Scale]:
    return Scale(0.0, 1.0, LEFT, RIGHT), Scale(0.0, 1.0, BOTTOM, TOP + 18)


def _draw_places(places: Counter[tuple[float, float]], first: str, second: str) -> list[Part]:
    across, up = _scales()
    most = max(places.values())
    parts: list[Part] = []
    for (one, other), count in sorted(places.items(), key=lambda entry: -entry[1]):
        size = max(SMALLEST, LARGEST * math.sqrt(count / most)) if count > 1 else SMALLEST
        x, y = across.place(other), up.place(one)
        shape, colour = _choose_look(one, other, first, second)
        hint = f"{count} item{'' if count == 1 else 's'}: {one:.2f} and {other:.2f}"
        parts.append(Sign(x, y, max(size, 7.0 if count > 1 else SMALLEST), shape, colour, strength=0.28, hint=hint))
        if count > 1:
            parts.append(Words(x, y + 4, str(count), "middle", "number"))
    return parts


def _choose_look(one: float, other: float, first: str, second: str) -> tuple[Shape, str]:
    if abs(one - other) <= EVEN:
        return "circle", "currentColor"
    return ("up", find_look(first).colour) if one > other else ("down", find_look(second).colour)
