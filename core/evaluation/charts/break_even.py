"""What approaches cost by the number of queries, and from how many on the dearer start has paid back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from core.comparison.arms import find_title
from core.evaluation.break_even import BreakEven, find_break_even, write_queries
from core.evaluation.charts.chart import Chart
from core.evaluation.charts.frontier import draw_frontier
from core.evaluation.charts.look import find_look, list_answered
from core.evaluation.charts.scale import Scale, span_of_amounts, write_tick
from core.evaluation.charts.scene import LETTER, WIDTH, Part, Scene, Sign, Stroke, Words, measure, wrap
from core.evaluation.cost import draw_curve, find_costs
from core.evaluation.layout import Column, TableRow, TableView
from core.evaluation.prices import DEFAULT_PRICES, Prices, write_money

LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 42.0, 262.0, 24.0, 230.0, 272.0
THOUSAND = 1000.0
Curve = Sequence[tuple[float, float]]


def draw_costs(summary: Mapping[str, Any], prices: Prices = DEFAULT_PRICES) -> list[Chart]:
    """Draw what approaches cost by the number of queries, and their marks against the cost of an answer.

    Args:
        summary: A run's; one of before keeps no costs, and nothing is drawn.
        prices: What is paid.
    """
    kept = _keep_costed(summary)
    if not kept["arms"]:
        return []
    costs = find_costs(kept, prices)
    curve = _draw_curve(kept, prices)
    each = {name: THOUSAND * cost.query.mean for name, cost in costs.items()}
    money = draw_frontier(
        summary, each, unit="cost of 1,000 answers", title="Quality against cost", name="money", note=prices.sentence
    )
    return [*([curve] if curve is not None else []), money]


def _keep_costed(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a summary with those of its approaches whose costs were recorded."""
    arms = list_answered(summary, "approach")
    return {**summary, "arms": {name: arm for name, arm in arms.items() if isinstance(arm.get("cost"), Mapping)}}


def _draw_curve(summary: Mapping[str, Any], prices: Prices) -> Chart | None:
    title = "Cost by the number of queries"
    found = find_break_even(summary, prices)
    most = 10 * found.queries if found is not None and found.queries else None
    curves = {name: points for name, points in draw_curve(summary, prices, most=most).items() if points}
    if not curves:
        note = "What is paid once is not known of any approach, so no curve can be drawn."
        return Chart(title, Markup(""), TableView(title, (), ()), note, "break-even")
    across = span_of_amounts([point[0] for points in curves.values() for point in points], LEFT, RIGHT)
    up = span_of_amounts([point[1] for points in curves.values() for point in points], BOTTOM, TOP)
    parts = [*_draw_frame(across, up), *_draw_break_even(found, across), *_draw_lines(curves, across, up)]
    said = found.sentence if found is not None else "RAG and QLoRA did not both answer, so no break-even is told."
    columns = (Column("Approach", ""), *(Column(f"{count:,.0f} queries", "", number=True) for count in _pick(curves)))
    rows = tuple(
        TableRow((find_title(name), *(write_money(dict(points)[count]) for count in _pick(curves))))
        for name, points in curves.items()
    )
    scene = Scene(HEIGHT, title, f"{len(curves)} approaches. {said}", tuple(parts))
    return Chart(title, scene.draw(), TableView(title, columns, rows), f"{said} {prices.sentence}", "break-even")


def _pick(curves: Mapping[str, Curve]) -> list[float]:
    """Return a few numbers of queries for the table."""
    counts = [point[0] for point in next(iter(curves.values()))]
    return list(dict.fromkeys(counts[:: max(1, len(counts) // 4)]))


def _draw_frame(across: Scale, up: Scale) -> list[Part]:
    parts: list[Part] = [Words(0, 12, "cost", role="tick")]
    for tick in up.ticks(5):
        y = up.place(tick)
        parts += [Stroke(LEFT, y, RIGHT, y), Words(LEFT - 4, y + 4, write_tick(tick), "end", "tick")]
    for tick in across.ticks(4):
        x = across.place(tick)
        parts += [Stroke(x, BOTTOM, x, BOTTOM + 4, "axis"), Words(x, BOTTOM + 17, _write_count(tick), "middle", "tick")]
    return [
        *parts,
        Stroke(LEFT, BOTTOM, RIGHT, BOTTOM, "axis"),
        Words((LEFT + RIGHT) / 2, HEIGHT - 5, "queries", "middle", "tick"),
    ]


def _write_count(count: float) -> str:
    """Write a number of queries beside an axis: 100, 10k, 1M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:g}{letter}"
    return f"{count:g}"


def _draw_break_even(found: BreakEven | None, across: Scale) -> list[Part]:
    if found is None or not found.queries or not across.low <= found.queries <= across.high:
        return []
    x = across.place(found.queries)
    text = f"pays back at {write_queries(found.queries)}"
    room = measure(text)
    return [
        Stroke(x, TOP, x, BOTTOM, "guide"),
        Words(min(max(x, LEFT + room / 2), WIDTH - room / 2), TOP - 10, text, "middle", "tick"),
    ]


def _draw_lines(curves: Mapping[str, Curve], across: Scale, up: Scale) -> list[Part]:
    """Return each approach's line with its sign and name at the end; names are moved apart."""
    parts: list[Part] = []
    ends = {name: up.place(points[-1][1]) for name, points in curves.items()}
    heights = _move_apart(ends)
    for name, points in curves.items():
        look = find_look(name)
        places = [(across.place(count), up.place(cost)) for count, cost in points]
        parts += [Stroke(*one, *other, "path", look.colour) for one, other in pairwise(places)]
        for x, y in (places[len(places) // 3], places[-1]):
            parts.append(Sign(x, y, 4.5, look.shape, look.colour))
        title = wrap(find_title(name), WIDTH - RIGHT - 12, lines=1)[0]
        parts.append(Words(RIGHT + 10, heights[name] + 4, title))
    return parts


def _move_apart(ends: Mapping[str, float]) -> dict[str, float]:
    """Return heights of names that do not hide each other, each near its line's end."""
    order = sorted(ends, key=lambda name: ends[name])
    step = min(LETTER + 2, (BOTTOM - TOP) / max(1, len(order)))
    placed: dict[str, float] = {}
    last = TOP - step
    for name in order:
        placed[name] = last = max(ends[name], last + step)
    beyond = max(0.0, last - BOTTOM)
    for name in reversed(order):  # Those pushed out at the bottom push the ones above them up.
        placed[name] = min(placed[name], BOTTOM - step * (len(order) - 1 - order.index(name))) if beyond else placed[name]
    return placed
