"""What a chart is made of: words, strokes, blocks and signs at places inside a box, drawn as one inline SVG.

A scene is 360 units wide: at the width of a phone its letters, 12 units, are 11 pixels or more. It has no script and no style
of its own but colours, which are variables of the page with fallbacks, so that one text stands on the page and in a report.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from core.evaluation.charts.template import render

WIDTH = 360.0
LETTER = 12.0  # Units; the height of the letters.
SMALL = 11.0  # Of ticks and numbers.
LETTER_WIDTH = 0.56  # Of the height, on average in the usual fonts without serifs.
CAPITAL_WIDTH = 0.72  # The same of capitals.
LINE_HEIGHT = 1.2  # Of the height.

Shape = Literal["circle", "square", "up", "diamond", "down", "cross", "tick"]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text.

    Args:
        x: Where its anchor stands.
        y: Its base line.
        text: What it says.
        anchor: Which end of it stands at `x`.
        role: `label`, `head` (bold), `tick` (small, quiet) or `number` (small).
        turned: Degrees that it is turned around its anchor.
    """

    x: float
    y: float
    text: str
    anchor: Anchor = "start"
    role: Literal["label", "head", "tick", "number"] = "label"
    turned: float = 0.0


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line. `role` is `grid`, `axis`, `zero`, `whisker`, `guide` (dashed) or `path` (thick)."""

    x1: float
    y1: float
    x2: float
    y2: float
    role: Literal["grid", "axis", "zero", "whisker", "guide", "path"] = "grid"
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle.

    Args:
        x: Its left side.
        y: Its top.
        width: Of it.
        height: Of it.
        colour: Of its filling, and of its edge.
        strength: How much of the filling is seen, 0 to 1.
        edge: `none`, `full` or `dashed`.
        hint: What a pointer over it is told.
    """

    x: float
    y: float
    width: float
    height: float
    colour: str
    strength: float = 1.0
    edge: Literal["none", "full", "dashed"] = "none"
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Sign:
    """A point's sign; `size` is its half width, `hollow` ones show what is behind them."""

    x: float
    y: float
    size: float
    shape: Shape
    colour: str
    hollow: bool = False
    strength: float = 1.0
    hint: str = ""

    @property
    def points(self) -> str:
        """The corners as SVG writes them; empty for a circle."""
        return " ".join(f"{self.x + self.size * x:.2f},{self.y + self.size * y:.2f}" for x, y in CORNERS.get(self.shape, ()))


CORNERS: dict[str, tuple[tuple[float, float], ...]] = {
    "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "up": ((0, -1), (1, 0.8), (-1, 0.8)),
    "down": ((0, 1), (1, -0.8), (-1, -0.8)),
    "diamond": ((0, -1), (1, 0), (0, 1), (-1, 0)),
    "tick": ((-0.3, -1), (0.3, -1), (0.3, 1), (-0.3, 1)),
    "cross": (
        (-0.33, -1), (0.33, -1), (0.33, -0.33), (1, -0.33), (1, 0.33), (0.33, 0.33),
        (0.33, 1), (-0.33, 1), (-0.33, 0.33), (-1, 0.33), (-1, -0.33), (-0.33, -0.33),
    ),
}  # fmt: skip
Part = Words | Stroke | Block | Sign


@dataclass(frozen=True, slots=True)
class Scene:
    """A chart's parts in the order in which they are painted.

    Args:
        height: Units; the width is `WIDTH`.
        title: What it is, for those who do not see it.
        about: What it shows, in a sentence or two.
        parts: Of it.
    """

    height: float
    title: str
    about: str
    parts: tuple[Part, ...]

    def draw(self) -> Markup:
        """Return the SVG."""
        named = [(type(part).__name__, part) for part in self.parts]
        return render("scene.svg", scene=self, width=WIDTH, parts=named, small=SMALL, letter=LETTER)


def read_number(value: object) -> float | None:
    """Return a finite number; None for all else that an older or a damaged record may hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def measure(text: str, size: float = LETTER) -> float:
    """Return about how wide a text is; capitals are wider, and letters of the far East as wide as high."""
    return sum(size * (1.0 if ord(letter) > 0x2E7F else CAPITAL_WIDTH if letter.isupper() else LETTER_WIDTH) for letter in text)


def wrap(text: str, width: float, *, lines: int = 2, size: float = LETTER) -> list[str]:
    """Break a text into at most `lines` lines of a width; what has no room ends in an ellipsis."""
    broken: list[str] = []
    for word in text.split() or [""]:
        if broken and measure(f"{broken[-1]} {word}", size) <= width:
            broken[-1] = f"{broken[-1]} {word}"
        else:
            broken.append(word)
    if len(broken) > lines:
        broken = [*broken[: lines - 1], " ".join(broken[lines - 1 :])]
    return [_shorten(line, width, size) for line in broken]


def _shorten(text: str, width: float, size: float) -> str:
    if measure(text, size) <= width:
        return text
    while text and measure(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


# A line of words needs a place, a width and a look.
def write_lines(text: str, x: float, middle: float, *, width: float, anchor: Anchor = "start", lines: int = 2) -> list[Words]:
    """Return a text in lines that stand around a middle height."""
    broken = wrap(text, width, lines=lines)
    step = LETTER * LINE_HEIGHT
    first = middle - step * (len(broken) - 1) / 2 + 0.35 * LETTER
    return [Words(x, first + step * place, line, anchor) for place, line in enumerate(broken)]


def say_counts(pairs: Sequence[tuple[str, int]]) -> str:
    """Return counts in words, for example `better on 5, worse on 2`."""
    return ", ".join(f"{name} {count}" for name, count in pairs)
