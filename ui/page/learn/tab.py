"""Learn: touch LoRA and NF4, see when to retrieve and when to fine-tune, read the bundled articles."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.errors import LabError
from ui.page.errors import explain
from ui.page.learn.articles import CHOICE, list_articles, read_article, read_rule
from ui.page.learn.bits import plot_levels, render_block, render_memory
from ui.page.learn.counts import render_counts
from ui.page.learn.learning import STARTS, STEPS, follow_learning, plot_loss, render_learning
from ui.page.polling import QUIET
from ui.page.rendering import render_note

WEIGHTS = "0.021, -0.034, 0.5, 0.007, -0.012, 0.2, 0.003, -0.41, 0.055, -0.0008, 0.11, -0.09"
LIVE: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}


def build_learn_tab(tab: gr.Tab) -> None:
    """Build the tab; its drawings are computed when it is first opened, so that the page itself comes up at once."""
    with gr.Tabs() as sections:
        with gr.Tab("LoRA", id="lora"):
            _build_counts()
            _build_learning(tab)
            lora = gr.Button("Read: how LoRA starts", size="sm")
        with gr.Tab("4 bits", id="bits"):
            _build_bits(tab)
            bits = gr.Button("Read: NF4", size="sm")
        with gr.Tab("Retrieve or fine-tune", id="choice"):
            gr.Markdown(f"{read_rule()}\n\nFrom the article *RAG or fine-tuning?*, with its sources.")
            choice = gr.Button("Read the article", size="sm")
        with gr.Tab("Articles", id="articles"):
            articles = list_articles()
            article = gr.Dropdown(articles, value=CHOICE, label=f"One of {len(articles)} articles")
            text = gr.Markdown(read_article(CHOICE), elem_classes="article")

    article.change(explain(read_article), article, text, **QUIET)
    for button, name in ((lora, "lora-initialisation"), (bits, "nf4"), (choice, CHOICE)):
        button.click(lambda name=name: (name, gr.Tabs(selected="articles")), None, [article, sections], **QUIET)


def _build_counts() -> None:
    gr.Markdown("### How many numbers are trained\nW stays as it is; only the thin B and A beside it are trained.")
    with gr.Row():
        out_size = gr.Slider(64, 16384, value=4096, step=64, label="Outputs of W")
        in_size = gr.Slider(64, 16384, value=4096, step=64, label="Inputs of W")
        rank = gr.Slider(1, 64, value=2, step=1, label="Rank r")
    shown = gr.HTML(render_counts(4096, 4096, 2), padding=False)
    sizes = [out_size, in_size, rank]
    gr.on([size.change for size in sizes], lambda *given: render_counts(*map(int, given)), sizes, shown, **LIVE)


def _build_learning(tab: gr.Tab) -> None:
    gr.Markdown(
        "### Watch it learn\nA frozen 6 x 6 matrix W has to become another one, which differs from it by a change of rank 2: "
        "a pair of rank 1 cannot learn it all."
    )
    with gr.Row():
        step = gr.Slider(0, STEPS, value=0, step=1, label="Step of gradient descent")
        rank = gr.Slider(1, 4, value=2, step=1, label="Rank r (alpha is 2r)")
        seed = gr.Slider(0, 20, value=0, step=1, label="Seed")
    start = gr.Radio(list(STARTS), value=next(iter(STARTS)), label="Start")
    shown = gr.HTML(render_note("Computing"), padding=False)
    curve = gr.Plot(label="Loss", show_label=False)

    @explain
    def follow(number: int, r: int, begin: str, which: int) -> tuple[str, Any]:
        weight, steps = follow_learning(int(r), begin, int(which))
        return render_learning(weight, steps, int(number)), plot_loss(steps, int(number))

    given = [step, rank, start, seed]
    gr.on([tab.select, *(item.change for item in given)], follow, given, [shown, curve], **LIVE)


def _build_bits(tab: gr.Tab) -> None:
    gr.Markdown(
        "### 4-bit storage, 16-bit computation\nThe frozen weights are stored as numbers of 16 levels and restored where "
        "they are used; products, gradients and the trained A and B stay in 16 or 32 bits. The levels lie where normal weights do. "
        "They are meant to be used equally often; in blocks of 64 they are used by 1.7 to 9.3 % of the weights:"
    )
    levels = gr.Plot(label="The 16 levels of NF4 over normal weights", show_label=False)
    weights = gr.Textbox(WEIGHTS, label="A block of weights (up to 64; try an outlier)", lines=2, max_length=2000)
    block = gr.HTML(render_note("Computing"), padding=False)
    gr.Markdown("### What the weights of a model take")
    with gr.Row():
        billions = gr.Slider(0.1, 70, value=6.74, step=0.01, label="Parameters (billions; 6.74 is Llama-2-7B)")
        millions = gr.Slider(0, 3000, value=262, step=1, label="Of these in embeddings and output head (millions)")
    memory = gr.HTML(render_memory(6.74, 262), padding=False)

    def store(text: str) -> str:
        try:
            return render_block(text)
        except LabError as error:
            return render_note(str(error))

    tab.select(plot_levels, None, levels, **QUIET)
    tab.select(store, weights, block, **QUIET)
    weights.input(store, weights, block, **LIVE)
    gr.on([billions.change, millions.change], render_memory, [billions, millions], memory, **LIVE)
