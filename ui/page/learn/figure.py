"""The look of the tab's plots."""

from __future__ import annotations

from typing import Any


def style_figure(figure: Any, *, x: str, y: str) -> Any:
    """Make a figure small and transparent, so that it suits light and dark pages; `x` and `y` name its axes."""
    figure.update_layout(
        height=260, margin={"l": 45, "r": 10, "t": 10, "b": 40}, xaxis_title=x, yaxis_title=y,
        legend={"orientation": "h", "y": 1.15}, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        font_color="#808080",
    )  # fmt: skip
    grid = {"gridcolor": "rgba(128,128,128,.25)", "zerolinecolor": "rgba(128,128,128,.5)", "fixedrange": True}
    figure.update_xaxes(**grid)
    figure.update_yaxes(**grid)
    return figure
