"""Line plots as SVG without a script: the geometry is computed here, a template draws it, a table says the same in numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from ui.page.markup import render

WIDTH, HEIGHT = 420, 250  # Units of the picture: on a phone about one pixel each.
LEFT, RIGHT, TOP, BOTTOM = 58, 10, 10, 40  # Room for the axes.
TICKS = 5  # On an axis, about.
PAD = 0.05  # Of the span, above and below the lines.
STYLES = 6  # Different lines that the stylesheet knows.


@dataclass(frozen=True, slots=True)
class PlotLine:
    """A line: its name and its points (x, y), which are finite; `dots` marks each point, `dashed` says it is of another kind."""

    name: str
    points: Sequence[tuple[float, float]]
    dots: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Axes:
    """The axes: what they show, whether x doubles from step to step, whether y begins at zero, and x that is marked."""

    x: str
    y: str
    doubling: bool = False
    from_zero: bool = False
    marked: float | None = None


class DrawnLine(NamedTuple):
    """A line in units of the picture."""

    name: str
    style: int
    dashed: bool
    path: str
    dots: list[tuple[float, float]]


class Tick(NamedTuple):
    """A mark on an axis: its place in units and its text."""

    place: float
    text: str


def render_plot(title: str, lines: Sequence[PlotLine], axes: Axes) -> Markup:
    """Draw lines; one without points is left out."""
    shown = [line for line in lines if line.points]
    if not shown:
        return render("shared/note", text="There is nothing to draw.")
    xs = sorted({x for line in shown for x, _ in line.points})
    ys = [y for line in shown for _, y in line.points]
    low, high = (0.0 if axes.from_zero else min(ys)), max(ys)
    span = (high - low) or abs(high) or 1.0
    low, high = (low if axes.from_zero else low - PAD * span), high + PAD * span
    scale = math.log2 if axes.doubling else float
    first, last = scale(xs[0]), scale(xs[-1])
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def put_x(x: float) -> float:
        return round(LEFT + width * (scale(x) - first) / ((last - first) or 1.0), 1)

    def put_y(y: float) -> float:
        return round(TOP + height * (high - y) / (high - low), 1)

    drawn = [
        DrawnLine(
            line.name,
            place % STYLES + 1,
            line.dashed,
            "M" + " L".join(f"{put_x(x)} {put_y(y)}" for x, y in line.points),
            [(put_x(x), put_y(y)) for x, y in line.points] if line.dots else [],
        )
        for place, line in enumerate(shown)
    ]
    ticks = xs if axes.doubling else list_ticks(xs[0], xs[-1])
    return render(
        "learn/plot",
        title=title,
        axes=axes,
        lines=drawn,
        box=(WIDTH, HEIGHT, LEFT, TOP, width, height),
        x_ticks=[Tick(put_x(x), f"{x:g}") for x in ticks if xs[0] <= x <= xs[-1]],
        y_ticks=[Tick(put_y(y), f"{y:g}") for y in list_ticks(low, high)],
        marked=put_x(axes.marked) if axes.marked is not None else None,
        table=[[f"{x:g}", *(_find(line, x) for line in shown)] for x in xs],
    )


def list_ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two: steps of 1, 2 or 5 times a power of ten."""
    span = (high - low) or abs(high) or 1.0
    rough = span / TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next((factor * power for factor in (1, 2, 5) if factor * power >= rough), 10 * power)
    return [round(number * step, 12) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _find(line: PlotLine, x: float) -> str:
    return next((f"{y:.4g}" for place, y in line.points if place == x), "")
