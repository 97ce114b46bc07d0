"""Comparisons as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from core.evaluation.layout import lay_out
from ui.page.markup import render


def render_summary(summary: Mapping[str, Any]) -> Markup:
    """Show a run's summary: stamp, verdict, notes, tables."""
    return render("evaluate/summary", view=lay_out(summary))
