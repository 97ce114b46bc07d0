"""Quality against what an answer takes: seconds, or money; the line joins those that no other beats on both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from core.comparison.arms import find_title
from core.evaluation.charts.chart import Chart
from core.evaluation.charts.look import find_kind, find_look, list_answered
from core.evaluation.charts.reading import MarkReading, name_metric, read_mark, read_seconds
from core.evaluation.charts.scale import Scale, span_from_zero, span_of_amounts, write_tick
from core.evaluation.charts.scene import LETTER, SMALL, WIDTH, Part, Scene, Sign, Stroke, Words, measure, wrap
from core.evaluation.layout import Column, TableRow, TableView

LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 34.0, 348.0, 24.0, 244.0, 286.0
NEAR = 9.0  # Units between a sign and its name.
NOTHING = "No approach was timed, so there is nothing to weigh its marks against."


@dataclass(frozen=True, slots=True)
class Offer:
    """What an approach gives, and what an answer of it takes."""

    arm: str
    mark: MarkReading
    price: float


def draw_seconds(summary: Mapping[str, Any]) -> Chart:
    """Draw the mark against the seconds of an answer."""
    prices = {arm: read_seconds(values) for arm, values in list_answered(summary, "approach").items()}
    return draw_frontier(summary, prices, unit="seconds per answer", title="Quality against time", name="time")


# What is drawn, and four words for people.
def draw_frontier(
    summary: Mapping[str, Any], prices: Mapping[str, float | None], *, unit: str, title: str, name: str, note: str = ""
) -> Chart:
    """Draw the mark against what an answer takes.

    Args:
        summary: A run's.
        prices: By arm; None where it is not known.
        unit: In which they are told.
        title: Of the chart.
        name: Of the chart, short.
        note: What is said beside.
    """
    offers = []
    for arm, values in list_answered(summary, "approach").items():
        mark, price = read_mark(values), prices.get(arm)
        if mark is not None and price is not None:
            offers.append(Offer(arm, mark, price))
    if not offers:
        return Chart(title, Markup(""), TableView(title, (), ()), NOTHING, name)
    best = find_frontier(offers)
    tops = [min(value, 1.0) for one in offers for value in (one.mark.mean, one.mark.high) if value is not None]
    free = _find_free(summary)
    across = span_of_amounts([one.price for one in offers], LEFT, RIGHT)
    up = span_from_zero([*tops, *([min(free[1], 1.0)] if free else [])], BOTTOM, TOP)
    signs = [(across.place(one.price), up.place(one.mark.mean)) for one in offers]
    lines = [*_draw_free(free, up, signs), *_draw_path(best, across, up)]
    parts = [*_draw_frame(across, up, name_metric(summary), unit), *lines, *_draw_offers(offers, across, up, lines)]
    names = ", ".join(find_title(one.arm) for one in best)
    about = f"{len(offers)} approaches. Not beaten on mark and {unit} at once: {names}."
    columns = (
        Column("Approach", ""),
        Column("Mark", "", number=True),
        Column(unit.capitalize(), "", number=True),
        Column("On the line", ""),
    )
    rows = tuple(
        TableRow((find_title(one.arm), one.mark.text, f"{one.price:.3g}", "yes" if one in best else "no")) for one in offers
    )
    said = f"Higher and further left is better. The line joins the approaches that no other beats on both: {names}."
    return Chart(
        title, Scene(HEIGHT, title, about, tuple(parts)).draw(), TableView(title, columns, rows), f"{said} {note}".strip(), name
    )


def find_frontier(offers: Sequence[Offer]) -> list[Offer]:
    """Return the offers that no other beats on mark and price at once, the cheapest first."""
    kept: list[Offer] = []
    for offer in sorted(offers, key=lambda one: (one.price, -one.mark.mean)):
        if not kept or offer.mark.mean > kept[-1].mark.mean:
            kept.append(offer)
    return kept


def _find_free(summary: Mapping[str, Any]) -> tuple[str, float] | None:
    """Return the best answers that need no model, by title, and their mark."""
    marks = {
        arm: mark.mean for arm, values in list_answered(summary, "baseline").items() if (mark := read_mark(values)) is not None
    }
    if not marks:
        return None
    best = max(marks, key=lambda arm: marks[arm])
    return find_title(best), marks[best]


def _draw_frame(across: Scale, up: Scale, metric: str, unit: str) -> list[Part]:
    parts: list[Part] = [Words(0, 12, f"mark ({metric})" if len(metric) < 30 else "mark", role="tick")]
    for tick in up.ticks(5):
        y = up.place(tick)
        parts += [
            Stroke(LEFT, y, RIGHT, y, "axis" if tick == 0 else "grid"),
            Words(LEFT - 5, y + 4, write_tick(tick), "end", "tick"),
        ]
    for tick in across.ticks(5):
        x = across.place(tick)
        parts += [Stroke(x, BOTTOM, x, BOTTOM + 4, "axis"), Words(x, BOTTOM + 17, write_tick(tick), "middle", "tick")]
    return [*parts, Words((LEFT + RIGHT) / 2, HEIGHT - 5, unit, "middle", "tick")]


def _draw_free(free: tuple[str, float] | None, up: Scale, signs: Sequence[tuple[float, float]]) -> list[Part]:
    """Return the line of the answers that need no model; its words stand where they hide the fewest signs."""
    if free is None:
        return []
    y = up.place(free[1])
    text = wrap(f"without a model: {free[0]} {free[1]:.2f}", RIGHT - LEFT, lines=1, size=SMALL)[0]
    width = measure(text, SMALL)
    places = [(left, y + drop) for drop in (-5.0, 13.0) for left in (RIGHT - width, LEFT + 4) if TOP <= y + drop < BOTTOM]
    covers = {place: (place[0], place[1] - LETTER, place[0] + width, place[1] + 3) for place in places}
    left, base = min(places, key=lambda place: sum(_overlap(covers[place], _around(sign)) for sign in signs))
    return [Stroke(LEFT, y, RIGHT, y, "guide"), Words(left + width, base, text, "end", "tick")]


def _around(sign: tuple[float, float]) -> tuple[float, float, float, float]:
    """Return the room that an offer's sign takes."""
    x, y = sign
    return x - 6, y - 6, x + 6, y + 6


def _draw_path(best: Sequence[Offer], across: Scale, up: Scale) -> list[Part]:
    """Join the best offers by steps: between two of them nothing better can be had."""
    parts: list[Part] = []
    for one, other in zip(best, best[1:], strict=False):
        x1, x2, y1, y2 = across.place(one.price), across.place(other.price), up.place(one.mark.mean), up.place(other.mark.mean)
        parts += [Stroke(x1, y1, x2, y1, "path"), Stroke(x2, y1, x2, y2, "path")]
    return parts


def _draw_offers(offers: Sequence[Offer], across: Scale, up: Scale, lines: Sequence[Part]) -> list[Part]:
    """Return the offers' signs and names; the names keep clear of `lines`."""
    parts: list[Part] = []
    signs = [(across.place(one.price), up.place(one.mark.mean)) for one in offers]
    taken = [_around(sign) for sign in signs] + [box for part in lines if (box := _cover(part))]
    for one, (x, y) in zip(offers, signs, strict=True):
        look = find_look(one.arm)
        if one.mark.low is not None and one.mark.high is not None:
            parts.append(Stroke(x, up.place(one.mark.low), x, up.place(one.mark.high), "whisker", look.colour))
        hint = f"{find_title(one.arm)}: {one.mark.text}, {one.price:.3g}"
        parts.append(Sign(x, y, 6, look.shape, look.colour, find_kind(one.arm) != "approach", hint=hint))
        parts.append(_place_name(find_title(one.arm), x, y, taken))
    return parts


def _place_name(title: str, x: float, y: float, taken: list[tuple[float, float, float, float]]) -> Words:
    """Return a name beside a sign, where it hides neither another sign nor another name, if there is such a place."""
    width = min(measure(title), WIDTH - 20)
    tries: list[tuple[float, float]] = []
    for lift in (0.0, -11.0, 11.0, -22.0, 22.0):
        tries += [(x + NEAR, y + lift), (x - NEAR - width, y + lift)]
    tries += [(x - width / 2, y - 18), (x - width / 2, y + 18)]
    places = [
        (left, middle) for left, middle in tries if left >= 0 and left + width <= WIDTH and TOP - 10 <= middle <= BOTTOM - 4
    ]
    places = places or [(min(max(x - width / 2, 0), WIDTH - width), min(max(y, TOP), BOTTOM - 8))]
    left, middle = min(places, key=lambda place: sum(_overlap(_box(place, width), other) for other in taken))
    taken.append(_box((left, middle), width))
    return Words(left, middle + 4, title)


def _cover(part: Part) -> tuple[float, float, float, float] | None:
    """Return the room that a line, or words that end at their anchor, take."""
    if isinstance(part, Stroke):
        return min(part.x1, part.x2) - 2, min(part.y1, part.y2) - 2, max(part.x1, part.x2) + 2, max(part.y1, part.y2) + 2
    return (part.x - measure(part.text), part.y - LETTER, part.x, part.y + 3) if isinstance(part, Words) else None


def _box(place: tuple[float, float], width: float) -> tuple[float, float, float, float]:
    left, middle = place
    return left, middle - LETTER / 2, left + width, middle + LETTER / 2


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)
