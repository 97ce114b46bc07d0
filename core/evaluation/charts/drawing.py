"""All charts of a comparison, in the order of their weight: what page and report show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.evaluation.charts.bars import draw_marks, draw_validity
from core.evaluation.charts.break_even import draw_costs
from core.evaluation.charts.chart import Chart
from core.evaluation.charts.dots import draw_draws, draw_slices
from core.evaluation.charts.forest import draw_pairs
from core.evaluation.charts.frontier import draw_seconds
from core.evaluation.charts.heat import draw_fields
from core.evaluation.charts.scatter import choose_pair, draw_scatter

if TYPE_CHECKING:
    from core.evaluation.board import Board


def draw_charts(summary: Mapping[str, Any], board: Board | None = None) -> tuple[Chart, ...]:
    """Draw what a run's summary can show; nothing for a run that was stopped before any arm had finished.

    Args:
        summary: A run's, of this or an older version.
        board: Its answers item by item; without it the chart of two approaches is left out.
    """
    if not summary.get("arms"):
        return ()
    first, *others = draw_pairs(summary)
    charts = [draw_marks(summary), first, draw_validity(summary), draw_seconds(summary)]
    pair = choose_pair(summary, board.arms) if board is not None else None
    if board is not None and pair is not None:
        charts.append(draw_scatter(board, *pair))
    charts.append(draw_fields(summary))
    charts += [chart for chart in (draw_draws(summary), draw_slices(summary)) if chart is not None]
    return (*charts, *draw_costs(summary), *others)
