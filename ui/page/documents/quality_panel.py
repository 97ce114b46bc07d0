"""Retrieval quality on a task's labelled questions: a table, and recall over the number of passages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr
from markupsafe import Markup

from lab.lab import Lab
from lab.retrieval_quality import evaluate_retrieval
from ui.page.errors import explain
from ui.page.lanes import MEASURES
from ui.page.markup import render
from ui.page.passages import RETRIEVERS
from ui.page.polling import EVERY
from ui.page.rendering import render_note

MODES = ("dense", "bm25", "hybrid")
# Title of a column, and where its value stands in the measured quality of a search mode.
COLUMNS: dict[str, tuple[str, ...]] = {
    "Recall@1": ("recall", "1"),
    "Recall@3": ("recall", "3"),
    "Recall@10": ("recall", "10"),
    "MRR@10": ("mrr@10",),
    "nDCG@10": ("ndcg@10",),
}
COLORS = {"dense": "#2563eb", "bm25": "#d97706", "hybrid": "#16a34a"}
DASHES = {"dense": "dot", "bm25": "dash", "hybrid": "solid"}  # Lines are told apart without colours too.
SHIFT = 0.12  # Ranks between two lines: side by side, no interval hides another.
HINT = "The task's test questions say which document answers them. How often does each way of searching find it?"


def build_quality_panel(lab: Lab, task: gr.Dropdown) -> None:
    """Build the panel."""
    gr.Markdown("## Retrieval quality")
    start = gr.Button("Measure on the labelled questions")
    table = gr.HTML(render_note(HINT), label="Retrieval quality", padding=False, min_height=90)
    plot = gr.Plot(label="Recall over the number of passages, with 95 % intervals", visible=False)

    @explain
    def measure(name: str, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008  Gradio finds it by its default.
        def tell(mode: str, step: int, total: int) -> None:
            progress((step, total), desc=RETRIEVERS[mode], unit="questions")

        result = evaluate_retrieval(lab, lab.task(name or ""), modes=MODES, notify=tell)
        return [render_quality(result), gr.Plot(draw_recall(result), visible=True)]

    start.click(measure, task, [table, plot], api_visibility="private", **MEASURES)
    task.change(lambda: [render_note(HINT), gr.Plot(visible=False)], None, [table, plot], **EVERY)


def render_quality(result: Mapping[str, Any]) -> Markup:
    """Show recall, reciprocal rank and nDCG of every search mode, each with its interval."""
    count = next(iter(result.values()))["questions"]
    return render(
        "documents/quality",
        columns=list(COLUMNS),
        rows=[
            (RETRIEVERS.get(mode, mode), [_pick(quality, path) for path in COLUMNS.values()])
            for mode, quality in result.items()
        ],
        about=f"{count} questions; a document counts at the rank of its best passage. Behind each mean its 95 % interval: "
        "where two of them overlap widely, the difference may be chance.",
    )


def _pick(quality: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, float]:
    value: Any = quality
    for key in path:
        value = value[key]
    return dict(value)


def draw_recall(result: Mapping[str, Any]) -> Any:
    """Draw recall over the number of passages, a line with intervals for every search mode."""
    import plotly.graph_objects as graph

    figure = graph.Figure()
    for place, (mode, quality) in enumerate(result.items()):
        recall = quality["recall"]
        shift = SHIFT * (place - (len(result) - 1) / 2)
        figure.add_scatter(
            x=[int(k) + shift for k in recall],
            y=[value["mean"] for value in recall.values()],
            name=RETRIEVERS.get(mode, mode),
            mode="lines+markers",
            line={"color": COLORS.get(mode), "dash": DASHES.get(mode)},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [value["high"] - value["mean"] for value in recall.values()],
                "arrayminus": [value["mean"] - value["low"] for value in recall.values()],
                "thickness": 1,
                "width": 3,
            },
        )
    lowest = min(value["low"] for quality in result.values() for value in quality["recall"].values())
    figure.update_layout(
        height=360, margin={"l": 10, "r": 10, "t": 60, "b": 40}, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font_color="#808080",
    )  # fmt: skip
    grid = {"gridcolor": "rgba(128,128,128,.25)", "zerolinecolor": "rgba(128,128,128,.5)", "fixedrange": True}
    figure.update_xaxes(title="documents looked at (k)", dtick=1, **grid)
    figure.update_yaxes(title="recall@k", range=[max(0.0, lowest - 0.05), 1.02], automargin=True, **grid)
    return figure
