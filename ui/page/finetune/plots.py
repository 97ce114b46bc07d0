"""A training's curves: losses, held-out answers, two trainings over each other, the probe of learning rates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SMOOTHING = 0.8  # Weight of all earlier losses at each step: the curve shows about the last five.
FEW_STEPS = 3  # Below it a line is too short to be seen, so steps are points.
SINGLE_TICKS = 12  # Steps up to which each has its own tick; more would run into each other.
SHARES = (-0.03, 1.03)  # An axis from 0 to 1, with room for marks that lie on its ends.
MARKS = {
    "schema_valid": "valid under the schema",
    "score": "field score",
    "exact": "all fields right",
    "parsed": "JSON",
    "ended": "ended by itself",
}
# Told apart with every kind of colour vision (Okabe and Ito), and on light and dark pages.
BLUE = "#2f8fd0"
ORANGE = "#d98200"
GREEN = "#159a74"
PINK = "#c26a9d"
GRAY = "#8a8a8a"
COLOURS = {"schema_valid": GREEN, "score": BLUE, "exact": ORANGE, "parsed": PINK, "ended": GRAY}
SYMBOLS = {"schema_valid": "circle", "score": "diamond", "exact": "square", "parsed": "triangle-up", "ended": "x"}

Event = Mapping[str, Any]


def list_steps(events: Iterable[Event]) -> list[Event]:
    """Return the steps of a training that have a loss."""
    return [event for event in events if "kind" not in event and _is_number(event.get("loss"))]


def list_evaluations(events: Iterable[Event]) -> list[Event]:
    """Return the evaluations of a training."""
    return [event for event in events if event.get("kind") == "evaluation"]


def smooth(values: Sequence[float]) -> list[float]:
    """Return an exponential moving average that starts at the first value, without the pull of a zero before it."""
    smoothed: list[float] = []
    average, weight = 0.0, 0.0
    for value in values:
        average = SMOOTHING * average + (1 - SMOOTHING) * value
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        smoothed.append(average / weight)  # Both start at 0, so the division takes its pull away.
    return smoothed


def draw_losses(events: Sequence[Event]) -> Any:
    """Draw the loss of every step, smoothed, and the held-out loss."""
    steps, held = list_steps(events), list_evaluations(events)
    figure = _start("step", "loss (nats a token)")
    xs, ys = [event["step"] for event in steps], [event["loss"] for event in steps]
    few = len(steps) < FEW_STEPS
    figure.add_scatter(x=xs, y=ys, name="each step", mode="markers" if few else "lines", line={"color": GRAY, "width": 1})
    figure.add_scatter(x=xs, y=smooth(ys), name="smoothed", mode="lines", line={"color": BLUE, "width": 3})
    _add_held(figure, held, "held out", ORANGE)
    return figure


def draw_answers(events: Sequence[Event]) -> Any:
    """Draw what the held-out answers are worth at each evaluation; step 0 is the base model."""
    held = list_evaluations(events)
    figure = _start("step (0: base model)", "share of held-out answers")
    for name, title in MARKS.items():
        figure.add_scatter(
            x=[event["step"] for event in held], y=[event[name] for event in held], name=title, mode="lines+markers",
            line={"color": COLOURS[name], "width": 3 if name == "score" else 1.5},
            marker={"symbol": SYMBOLS[name], "size": 8}, cliponaxis=False,
        )  # fmt: skip
    figure.update_yaxes(range=SHARES, tickformat=".0%")
    return figure


def draw_comparison(named: Sequence[tuple[str, Sequence[Event]]]) -> Any:
    """Draw the smoothed and held-out losses of trainings, and their field scores against the right-hand scale."""
    figure = _start("step", "loss (nats a token)")
    for (name, events), colour in zip(named, (BLUE, ORANGE, GREEN, PINK), strict=False):
        steps, held = list_steps(events), list_evaluations(events)
        ys = smooth([event["loss"] for event in steps])
        if steps:
            figure.add_scatter(x=[e["step"] for e in steps], y=ys, name=f"{name}: loss", line={"color": colour, "width": 2})
        _add_held(figure, held, f"{name}: held-out loss", colour)
        if held:
            figure.add_scatter(
                x=[e["step"] for e in held], y=[e["score"] for e in held], name=f"{name}: field score", yaxis="y2",
                mode="lines+markers", line={"color": colour, "dash": "dot"}, marker={"symbol": "diamond", "size": 8},
            )  # fmt: skip
    figure.update_layout(
        yaxis2={"overlaying": "y", "side": "right", "range": SHARES, "tickformat": ".0%", "title": "field score",
                "showgrid": False, "fixedrange": True},
        margin={"r": 55, "b": 110}, height=380,
    )  # fmt: skip
    return figure


def draw_probe(events: Sequence[Event]) -> Any:
    """Draw the first losses at each learning rate."""
    figure = _start("step of each rate", "loss (nats a token)")
    curves: dict[float, list[float]] = {}
    for event in sorted(events, key=lambda event: int(event["step"])):
        if event.get("kind") == "probe" and _is_number(event["loss"]):
            curves.setdefault(event["rate"], []).append(event["loss"])
    for (rate, losses), colour in zip(curves.items(), (BLUE, GREEN, ORANGE, PINK, GRAY), strict=False):
        figure.add_scatter(
            x=list(range(1, len(losses) + 1)), y=losses, name=f"{rate:g}", mode="lines+markers", line={"color": colour}
        )
    figure.update_layout(legend_title_text="learning rate", height=280, margin={"b": 70})
    figure.update_xaxes(dtick=1 if max(map(len, curves.values()), default=0) <= SINGLE_TICKS else None)
    return figure


def _add_held(figure: Any, held: Sequence[Event], name: str, colour: str) -> None:
    measured = [event for event in held if _is_number(event.get("held_loss"))]
    if measured:
        figure.add_scatter(
            x=[event["step"] for event in measured], y=[event["held_loss"] for event in measured], name=name,
            mode="lines+markers", line={"color": colour, "dash": "dash"}, marker={"symbol": "diamond", "size": 8},
            cliponaxis=False,
        )  # fmt: skip


def _start(x: str, y: str) -> Any:
    """Return an empty figure, transparent, so that it suits light and dark pages."""
    import plotly.graph_objects as graph

    figure = graph.Figure()
    figure.update_layout(
        height=330, margin={"l": 50, "r": 10, "t": 45, "b": 90}, xaxis_title=x, yaxis_title=y, showlegend=True,
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"}, paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)", font_color="#808080", hovermode="x unified",
    )  # fmt: skip
    grid = {"gridcolor": "rgba(128,128,128,.25)", "zerolinecolor": "rgba(128,128,128,.5)", "fixedrange": True}
    figure.update_xaxes(**grid, rangemode="tozero")
    figure.update_yaxes(**grid)
    return figure


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
