"""LoRA by touch: its shapes, and a pair that learns from three starts."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from core.errors import LabError
from ui.page.errors import explain
from ui.page.learn.counts import render_counts
from ui.page.learn.learning import STARTS, STEPS, compare_starts, follow_learning, plot_starts, render_learning
from ui.page.learn.live import LIVE, draw_live
from ui.page.markup import render
from ui.page.rendering import render_note

SIDE = 4096
LARGEST_SIDE, LARGEST_RANK = 16_384, 64


def build_shapes_panel() -> None:
    """Build the sizes of W, the rank, and the picture that follows them."""
    with gr.Row():
        rank = gr.Slider(1, LARGEST_RANK, value=1, step=1, label="Rank r")
        out_size = gr.Slider(64, LARGEST_SIDE, value=SIDE, step=64, label="Outputs of W")
        in_size = gr.Slider(64, LARGEST_SIDE, value=SIDE, step=64, label="Inputs of W")
    shown = gr.HTML(render_counts(SIDE, SIDE, 1), label="Shapes", padding=False)
    sizes = [out_size, in_size, rank]

    def draw(*given: float) -> Markup:
        try:
            return render_counts(*map(int, given))
        except LabError as error:
            return render_note(str(error))

    gr.on([size.change for size in sizes], draw, sizes, shown, **LIVE)


def build_start_panel(tab: gr.Tab) -> None:
    """Build the training that is watched step by step, and its three starts beside each other."""
    gr.Markdown(
        "A frozen 6 x 6 matrix W has to become another one, which differs from it by a change of rank 2: a pair of rank 1 "
        "cannot learn it all."
    )
    with gr.Row():
        start = gr.Radio(list(STARTS), value=next(iter(STARTS)), label="Start", min_width=280)
        step = gr.Slider(0, STEPS, value=0, step=1, label="Step of gradient descent")
        rank = gr.Slider(1, 4, value=2, step=1, label="Rank r (alpha is 2r)")
        seed = gr.Slider(0, 20, value=0, step=1, label="Seed")
    shown = gr.HTML(render_note("Computing"), label="A pair that learns", padding=False)

    @explain
    def follow(number: float, r: float, begin: str, which: float) -> Markup:
        weight, steps = follow_learning(int(r), begin, int(which))
        return render(
            "learn/start",
            plot=plot_starts(int(r), int(which), int(number)),
            starts=compare_starts(int(r), int(which)),
            moment=render_learning(weight, steps, int(number)),
            begin=begin,
            number=int(number),
        )

    given = [step, rank, start, seed]
    draw_live(tab, follow, given, shown)
