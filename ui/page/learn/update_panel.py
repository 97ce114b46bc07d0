"""Real updates taken apart: their singular values, and the energy that a smaller rank keeps."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr
from markupsafe import Markup

from core.settings import Settings
from lab.lab import Lab
from lab.learn.matrices import KINDS
from lab.learn.updates import BUNDLED_FULL, list_updates, open_update
from ui.page.errors import explain
from ui.page.learn.live import LIVE
from ui.page.markup import render
from ui.page.polling import EVERY, QUIET
from ui.page.rendering import render_note

MOST_BARS = 64  # Singular values that are drawn.
WIDTH, HEIGHT, FOOT = 420, 180, 22  # Units of the picture, and of the room below the bars.
LAYERS = 29  # Of the bundled model, counted from 0; an update without this block shows its nearest.


def build_update_panel(tab: gr.Tab, lab: Lab) -> None:
    """Build the choice of an update and its picture."""
    with gr.Row():
        update = gr.Dropdown(
            [("Full fine-tuning of a tiny model (bundled)", BUNDLED_FULL)], value=BUNDLED_FULL, label="Update", min_width=280
        )
        kind = gr.Dropdown(list(KINDS), value="q_proj", label="Matrix", min_width=140)
        layer = gr.Slider(0, LAYERS, value=12, step=1, label="Block", min_width=160)
        rank = gr.Slider(1, MOST_BARS, value=4, step=1, label="Rank r of the copy", min_width=160)
    shown = gr.HTML(render_note("Computing"), label="Singular values", padding=False)

    @explain
    def look(name: str, matrix: str, block: float, r: float) -> Markup:
        return render_update(lab.settings, name, matrix, int(block), int(r))

    @explain
    def offer(name: str, matrix: str, block: float, r: float, chosen: bool) -> tuple[object, Markup]:
        choices = list_updates(lab.settings)
        known = choose_update(name, [value for _, value in choices], chosen=chosen)
        return gr.Dropdown(choices, value=known), look(known, matrix, block, r)

    given, touched = [update, kind, layer, rank], gr.State(False)
    update.input(lambda: True, None, touched, **QUIET)
    tab.select(offer, [*given, touched], [update, shown], **EVERY)
    gr.on([item.change for item in given], look, given, shown, **LIVE)


def choose_update(name: str, offered: Sequence[str], *, chosen: bool) -> str:
    """Return the update to show when the tab is opened: what the person chose as long as it is there, else the first offered."""
    return name if name in offered and (chosen or name != BUNDLED_FULL) else offered[0]


def render_update(settings: Settings, name: str, kind: str, layer: int, rank: int) -> Markup:
    """Show an update's singular values, and what its best copy of rank r keeps.

    Raises:
        LabError: There is no such update.
    """
    update = open_update(settings, name, layer=layer, kind=kind)
    matrix = update.matrices[0]
    values = matrix.singular[:MOST_BARS]
    largest, wide = max(values) or 1.0, WIDTH / len(values)
    bars = [
        (round(place * wide, 1), round((HEIGHT - FOOT - 8) * value / largest, 1), place < rank)
        for place, value in enumerate(values)
    ]
    steps = sorted({1, 2, 4, 8, 16, 32, 64, rank})
    return render(
        "learn/update",
        update=update,
        matrix=matrix,
        rank=min(rank, len(matrix.singular)),
        kept=f"{matrix.keep(rank):.1%}",
        numbers=f"{rank * sum(matrix.shape):,} of {matrix.shape[0] * matrix.shape[1]:,}",
        bars=bars,
        wide=round(0.8 * wide, 2),
        box=(WIDTH, HEIGHT, FOOT),
        rows=[(r, f"{matrix.keep(r):.1%}") for r in steps if r <= len(matrix.singular)],
        label=f"Singular values of the update of {matrix.name} in block {matrix.layer}, the first {rank} kept",
        bound=update.rank,
    )
