"""The controls of rounding: which matrix, which format and block; and one block's way to a product, step by step."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from core.errors import LabError
from finetune.lora import BLOCK
from finetune.rounding import FORMATS
from lab.lab import Lab
from lab.learn.matrices import EMBEDDER, KINDS
from ui.page.errors import explain
from ui.page.learn.bits import BLOCKS, STAGES, open_matrix, render_block, render_rounding, take_block
from ui.page.learn.live import draw_live
from ui.page.polling import QUIET
from ui.page.rendering import render_note

WEIGHTS = "0.021, -0.034, 0.5, 0.007, -0.012, 0.2, 0.003, -0.41, 0.055, -0.0008, 0.11, -0.09"
LAYERS = 29
LONGEST_TEXT = 2000  # Characters of a block that is typed.
MATRICES = [*((f"the bundled model: {kind}", kind) for kind in KINDS), ("the embedder, never rounded before", EMBEDDER)]


def build_bits_panel(tab: gr.Tab, lab: Lab) -> None:
    """Build both."""
    with gr.Row():
        kind = gr.Dropdown(MATRICES, value="o_proj", label="Real weight matrix", min_width=260)
        layer = gr.Slider(0, LAYERS, value=12, step=1, label="Block of the model", min_width=160)
        name = gr.Radio(
            [(title.split(":")[0], key) for key, title in FORMATS.items()], value="nf4", label="Format", min_width=260
        )
        block = gr.Dropdown(list(BLOCKS), value=BLOCK, label="Weights that share a scale", min_width=160)
        double = gr.Checkbox(value=True, label="Double quantization of the scales", min_width=200)
    shown = gr.HTML(render_note("Computing"), label="Rounding", padding=False)

    @explain
    def look(matrix: str, number: float, format_name: str, size: float, doubled: bool) -> Markup:
        return render_rounding(open_matrix(lab.settings, matrix, int(number)), format_name, int(size), double=doubled)

    given = [kind, layer, name, block, double]
    draw_live(tab, look, given, shown)
    _build_block(tab, lab, kind, layer)


def _build_block(tab: gr.Tab, lab: Lab, kind: gr.Dropdown, layer: gr.Slider) -> None:
    gr.Markdown("### One block of NF4, from its numbers to a product")
    weights = gr.Textbox(WEIGHTS, label=f"A block of weights (up to {BLOCK}; try an outlier)", lines=2, max_length=LONGEST_TEXT)
    with gr.Row():
        place = gr.Number(0, precision=0, minimum=0, label="Number of a block of the matrix above", min_width=180)
        take = gr.Button("Take it from there", min_width=140)
    with gr.Row():
        stage = gr.Radio(list(STAGES), value=STAGES[0], label="Step", min_width=280, scale=4)
        following = gr.Button("Next step", variant="primary", min_width=140, scale=1)
    shown = gr.HTML(render_note("Computing"), label="A block", padding=False, elem_classes="learn-block")

    def store(text: str, name: str) -> Markup:
        try:
            return render_block(text, STAGES.index(name) + 1)
        except LabError as error:
            return render_note(str(error))

    @explain
    def fetch(matrix: str, block: float, number: float | None) -> str:
        return take_block(open_matrix(lab.settings, matrix, int(block)), int(number or 0))

    take.click(fetch, [kind, layer, place], weights, **QUIET)
    following.click(lambda name: STAGES[(STAGES.index(name) + 1) % len(STAGES)], stage, stage, **QUIET)
    # `change` and not `input`: what is pasted, cut or dropped makes no `input` of the page's library.
    draw_live(tab, store, [weights, stage], shown)
