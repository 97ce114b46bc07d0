"""The memory of a training as stacked bars against common GPUs, drawn from the project's own estimate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from core.units import GIB
from lab.learn.memory import CARDS, METHODS, PARTS, MeasuredPeak, MemoryParts, Setup, find_shape, split_memory
from ui.page.markup import render

WIDTH, BAR, GAP, TOP = 420, 22, 34, 26  # Units of the picture: its width, a bar's height, from bar to bar, above the first.
SMALLEST = 1.0  # GiB that the axis shows at least.
SHOWN_PART = 0.004  # Of the axis: thinner parts are in the table alone.


class BarPiece(NamedTuple):
    """A part of a bar: its name, place and width in units."""

    name: str
    style: int
    x: float
    width: float


class MemoryBar(NamedTuple):
    """A method's bar: title, upper edge, pieces, total in words, whether it runs out of the picture, and the fitting GPU."""

    title: str
    y: int
    pieces: list[BarPiece]
    total: str
    cut: bool
    card: str


def render_memory(model: str, setup: Setup, peaks: Sequence[MeasuredPeak] = ()) -> Markup:
    """Show where the memory of a training of a model goes, by method.

    Raises:
        LabError: The model is not known, or a size is impossible.
    """
    shape = find_shape(model)
    methods = [split_memory(shape, method, setup) for method in METHODS]
    adapted = [method.total / GIB for method in methods if method.method != "whole"]
    # The axis holds all but full fine-tuning, which is many times as long, and the next larger GPU.
    longest = max(SMALLEST, *adapted) * 1.08
    axis = next((float(card) * 1.04 for card in CARDS if card >= longest), longest)
    bars = [_draw(method, place, axis) for place, method in enumerate(methods)]
    rows = [[part, *(f"{method.parts[part] / GIB:.2f}" if method.parts[part] else "0" for method in methods)] for part in PARTS]
    rows.append(["all", *(f"{method.total / GIB:.2f}" for method in methods)])
    return render(
        "learn/memory",
        model=model,
        parameters=f"{shape.parameters:,}",
        linear=f"{shape.linear_parameters / shape.parameters:.0%}",
        bars=bars,
        cards=[(card, round(WIDTH * card / axis, 1)) for card in CARDS if card <= axis],
        box=(WIDTH, TOP + GAP * len(bars) + 8, TOP, BAR),
        parts=list(enumerate(PARTS, start=1)),
        heads=list(METHODS.values()),
        rows=rows,
        peaks=peaks,
        label=f"Memory of training {model} by method, in GiB",
    )


def _draw(method: MemoryParts, place: int, axis: float) -> MemoryBar:
    pieces, start = [], 0.0
    for number, (part, size) in enumerate(method.parts.items(), start=1):
        wide = size / GIB / axis
        if wide >= SHOWN_PART and start < 1:
            pieces.append(BarPiece(part, number, round(WIDTH * start, 1), round(WIDTH * min(wide, 1 - start), 1)))
        start += wide
    card = f"fits a {method.card} GB card" if method.card else f"fits no {CARDS[-1]} GB card"
    total = f"{method.total / GIB:,.1f} GiB"
    return MemoryBar(METHODS[method.method], TOP + GAP * place, pieces, total, start > 1, card)
