"""A chart with its text form, and the gallery that page and report show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from core.evaluation.charts.template import render
from core.evaluation.layout import TableView


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as it is shown.

    Args:
        title: Above it.
        svg: The drawing; empty where there is nothing to draw, and `note` says why.
        table: The same in numbers.
        note: What it shows, in a sentence or two.
        name: A short name without blanks.
        folded: Whether it is for those who look closer.
    """

    title: str
    svg: Markup
    table: TableView
    note: str
    name: str = ""
    folded: bool = False


def render_charts(charts: Sequence[Chart], *, level: int = 3) -> Markup:
    """Show charts side by side where there is room, each with its table folded below it, the folded ones at the end.

    Args:
        charts: What to show.
        level: Of their headings.
    """
    return render("gallery.html", charts=[chart for chart in charts if not chart.folded],
                  folded=[chart for chart in charts if chart.folded], level=level)  # fmt: skip
