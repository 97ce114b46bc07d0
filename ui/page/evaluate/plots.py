"""The plot of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.comparison.arms import BASELINES
from core.evaluation.verdict import DEFAULT_MARGIN

HEIGHT = 180  # Pixels for axis, title and margins.
ROW_HEIGHT = 26  # Pixels for one pair.
RED = "#b3261e"  # The stamp's, as in the report.


def draw_contrasts(summary: Mapping[str, Any]) -> Any | None:
    """Draw every paired difference with its interval, the zero line and the band of equivalence; None without an interval."""
    import plotly.graph_objects as graph

    # The axis counts from below: turned round, the first pair stands on top.
    contrasts = [
        item
        for item in summary.get("contrasts", ())
        if item["ci_low"] is not None and not {item["a"], item["b"]} <= BASELINES.keys()
    ][::-1]
    if not contrasts:
        return None
    figure = graph.Figure(
        graph.Scatter(
            x=[item["difference"] for item in contrasts],
            y=[f"{item['a']} − {item['b']} · {item['metric']} · {item['slice']}" for item in contrasts],
            mode="markers",
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [item["ci_high"] - item["difference"] for item in contrasts],
                "arrayminus": [item["difference"] - item["ci_low"] for item in contrasts],
            },
        )
    )
    figure.add_vline(x=0, line_dash="dash")
    band = summary.get("margin", DEFAULT_MARGIN)  # The older runs do not say theirs, which was the default.
    figure.add_vrect(x0=-band, x1=band, opacity=0.12, line_width=0, fillcolor="gray")
    # The plot's label lies over its top left corner: without room there it would hide the first pair's name.
    margin = {"l": 10, "r": 10, "t": 50, "b": 40}
    figure.update_layout(height=HEIGHT + ROW_HEIGHT * len(contrasts), margin=margin, yaxis={"automargin": True})
    if summary.get("leakage"):
        figure.update_layout(title={"text": summary["leakage"], "font": {"color": RED, "size": 13}}, margin={"t": 80})
    figure.update_xaxes(title="difference (right: the first is better)", range=[-1, 1])
    return figure
