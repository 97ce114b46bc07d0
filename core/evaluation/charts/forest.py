"""Paired differences with their intervals, zero, and the band of those that count as equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from core.comparison.arms import find_title
from core.evaluation.charts.bars import draw_whisker
from core.evaluation.charts.chart import Chart
from core.evaluation.charts.look import ACCENT, find_kind
from core.evaluation.charts.reading import choose_best, name_metric, read_rows
from core.evaluation.charts.scale import Scale, span_around_zero, write_tick
from core.evaluation.charts.scene import (
    SMALL,
    WIDTH,
    Block,
    Part,
    Scene,
    Shape,
    Sign,
    Stroke,
    Words,
    measure,
    read_number,
    wrap,
)
from core.evaluation.layout import Column, TableRow, TableView
from core.evaluation.summary import ALL
from core.evaluation.verdict import DEFAULT_MARGIN

LEFT, RIGHT = 10.0, 350.0
LINE, ROOM = 15.0, 25.0  # Heights of a line of words, and of the interval below it.
MOST_FIRST = 10  # Pairs: those of five approaches.
MOST_FOLDED = 40  # Rows of a folded chart; the table has all.
NOTHING = "No pair has an interval: there are too few independent groups of items to tell anything apart."


@dataclass(frozen=True, slots=True)
class Pair:
    """A paired difference: what is compared, and how sure it is."""

    label: str
    difference: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """The difference and its interval for people."""
        return f"{_sign(self.difference)} ({_sign(self.low)} to {_sign(self.high)})"

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def draw_pairs(summary: Mapping[str, Any]) -> list[Chart]:
    """Draw the pairs of approaches on the primary metric; folded beside them those with baselines and controls, slices, validity."""
    metric = name_metric(summary)
    contrasts = [item for item in read_rows(summary.get("contrasts")) if not _is_idle(item)]
    whole = [item for item in contrasts if item.get("slice") == ALL]
    primary = [item for item in whole if item.get("metric") == metric]
    approaches = [item for item in primary if _kinds(item) == {"approach"}]
    first = _choose_first(summary, approaches) or primary
    band = _read_margin(summary)
    charts = [_draw(first, band, title=f"Differences: {metric}", name="pairs", metric=metric)]
    rest = {
        ("Differences from controls and answers without a model", "pairs-others"): [
            item for item in primary if item not in first
        ],
        ("Differences by slice", "pairs-slices"): [
            item for item in contrasts if item.get("slice") != ALL and _kinds(item) == {"approach"}
        ],
        ("Differences: valid answers", "pairs-validity"): [item for item in whole if item.get("metric") == "schema_valid"],
    }
    for (title, name), some in rest.items():
        if any(_read(item, metric) for item in some):
            charts.append(_draw(some, None if "validity" in name else band, title=title, name=name, metric=metric, folded=True))
    return charts


def _choose_first(summary: Mapping[str, Any], pairs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the pairs to look at first: all where they are few, else those of the recommended or best approach."""
    if len(pairs) <= MOST_FIRST:
        return list(pairs)
    best = choose_best(summary, {str(item.get(side)) for item in pairs for side in ("a", "b")})
    return [item for item in pairs if best in {item.get("a"), item.get("b")}]


def _read_margin(summary: Mapping[str, Any]) -> float:
    """Return the margin of equivalence; the older runs do not say theirs, which was the default."""
    margin = read_number(summary.get("margin", DEFAULT_MARGIN))
    return DEFAULT_MARGIN if margin is None else min(max(margin, 0.0), 1.0)


def _kinds(item: Mapping[str, Any]) -> set[str]:
    return {find_kind(str(item.get("a"))), find_kind(str(item.get("b")))}


def _is_idle(item: Mapping[str, Any]) -> bool:
    """Say whether a pair tells nothing of an approach."""
    return _kinds(item) == {"baseline"}


def _read(item: Mapping[str, Any], metric: str) -> Pair | None:
    found = [read_number(item.get(name)) for name in ("difference", "ci_low", "ci_high")]
    difference, low, high = found
    if difference is None or low is None or high is None:
        return None
    label = f"{find_title(str(item.get('a')))} \N{MINUS SIGN} {find_title(str(item.get('b')))}"
    where = "" if item.get("slice") == ALL else f" · {item.get('slice')}"
    return Pair(f"{label}{where}", difference, min(low, high), max(low, high))


# What is drawn, the band, and three names.
def _draw(
    items: Sequence[Mapping[str, Any]], band: float | None, *, title: str, name: str, metric: str, folded: bool = False
) -> Chart:
    pairs = [pair for item in items if (pair := _read(item, metric)) is not None]
    if not pairs:
        return Chart(title, Markup(""), TableView(title, (), ()), NOTHING, name, folded)
    shown = pairs[:MOST_FOLDED]
    numbers = [min(max(value, -1.0), 1.0) for pair in shown for value in (pair.low, pair.high, pair.difference)]
    scale = span_around_zero([*numbers, *([1.5 * band] if band else [])], LEFT, RIGHT)
    parts, height = _place(shown, scale, band)
    sure = sum(pair.sure for pair in pairs)
    about = f"{len(pairs)} paired differences, {sure} of them clear of 0. The first: {pairs[0].label}, {pairs[0].text}."
    columns = (Column("Pair", ""), Column("Difference", "", number=True), Column("95 % interval", "", number=True))
    rows = tuple(TableRow((one.label, _sign(one.difference), f"{_sign(one.low)} to {_sign(one.high)}")) for one in pairs)
    table = TableView(title, columns, rows)
    return Chart(title, Scene(height, title, about, tuple(parts)).draw(), table, _explain(pairs, band), name, folded)


def _explain(pairs: Sequence[Pair], band: float | None) -> str:
    note = "Paired over the same items, with 95 % intervals. A filled sign is clear of 0; a hollow one could be chance."
    if band:
        note += f" Shaded: less than {band:.2g} apart counts as equal."
    if len(pairs) > MOST_FOLDED:
        note += f" The first {MOST_FOLDED} of {len(pairs)}; the table has all."
    return note


def _place(pairs: Sequence[Pair], scale: Scale, band: float | None) -> tuple[list[Part], float]:
    zero = scale.place(0)
    parts: list[Part] = []
    rows: list[Part] = []
    top = 24.0
    for pair in pairs:
        room = WIDTH - measure(pair.text, SMALL) - 10
        lines = wrap(pair.label, room)
        rows += [Words(0, top + LINE * number + 11, line) for number, line in enumerate(lines)]
        rows.append(Words(WIDTH - 1, top + 11, pair.text, "end", "number"))
        top += LINE * len(lines)
        middle = top + 8
        # Grid and zero stand in each interval's own lane, so that no line crosses the words.
        lane = [Stroke(scale.place(tick), top, scale.place(tick), top + 16, "grid") for tick in scale.ticks() if tick]
        if band:
            left, right = scale.place(-band), scale.place(band)
            parts.append(Block(left, top, right - left, 16, ACCENT, 0.2))
        parts += [*lane, Stroke(zero, top, zero, top + 16, "zero")]
        rows += draw_whisker(scale.place(pair.low), scale.place(pair.high), middle)
        shape: Shape = "diamond" if pair.sure else "circle"
        hint = f"{pair.label}: {pair.text}"
        rows.append(Sign(scale.place(pair.difference), middle, 5, shape, "currentColor", not pair.sure, hint=hint))
        top += ROOM
    ticks = [Words(scale.place(tick), top + 9, write_tick(tick), "middle", "tick") for tick in scale.ticks()]
    words = [
        Words(zero - 8, 12, "\N{LEFTWARDS ARROW} second is better", "end", "tick"),
        Words(zero + 8, 12, "first is better \N{RIGHTWARDS ARROW}", "start", "tick"),
    ]
    return [*parts, *(word for word in words if _fits(word)), *rows, *ticks], top + 14


def _fits(word: Words) -> bool:
    """Say whether words beside the zero line stay inside."""
    width = measure(word.text, SMALL)
    return word.x + width <= WIDTH if word.anchor == "start" else word.x - width >= 0


def _sign(number: float) -> str:
    written = f"{number:+.2f}".replace("-", "\N{MINUS SIGN}")
    return written[1:] if float(written[1:]) == 0 else written
