"""The controls of the memory picture: model, rank, batch, length, and whether blocks are computed again."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from finetune.plan.shapes import KNOWN
from lab.lab import Lab
from lab.learn.memory import Setup, find_measured_peaks
from ui.page.errors import explain
from ui.page.learn.live import draw_live
from ui.page.learn.memory_view import render_memory

FIRST = "Llama-2-7B"


def build_memory_panel(tab: gr.Tab, lab: Lab) -> None:
    """Build the panel."""
    with gr.Row():
        model = gr.Dropdown(list(KNOWN), value=FIRST, label="Model", min_width=180)
        rank = gr.Slider(1, 256, value=16, step=1, label="Rank r", min_width=160)
        batch = gr.Slider(1, 32, value=1, step=1, label="Examples a step", min_width=160)
        tokens = gr.Slider(64, 2048, value=512, step=64, label="Tokens of an example", min_width=160)
        recompute = gr.Checkbox(value=False, label="Compute activations again (gradient checkpointing)", min_width=240)
    shown = gr.HTML(render_memory(FIRST, Setup()), label="Memory", padding=False)

    @explain
    def draw(name: str, r: float, examples: float, length: float, again: bool) -> Markup:
        setup = Setup(rank=int(r), batch=int(examples), tokens=int(length), recompute=again)
        return render_memory(name, setup, find_measured_peaks(lab.settings))

    given = [model, rank, batch, tokens, recompute]
    draw_live(tab, draw, given, shown)
