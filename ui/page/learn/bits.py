"""NF4 by touch: its 16 levels, a block of weights stored and restored, what the weights of a model take."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from markupsafe import Markup

from core.errors import LabError
from finetune.lora import BLOCK, compute_nf4_levels, count_bits, dequantize, quantize
from ui.page.learn.figure import style_figure
from ui.page.markup import render

BITS_A_BYTE = 8
UNQUANTIZED_BITS = 16  # Of embeddings and output head, whose lookups and logits suffer most: bitsandbytes leaves them.
LARGEST = 1e30  # Of a weight that is read, far below what float32 holds; refuses infinity and what is no number.
DRAWN_BLOCKS = 400  # Of normal weights: enough for a smooth histogram.
BARS = 80  # Of the histogram.
BITS = {
    "float32": 32.0,
    "bfloat16": 16.0,
    "int8": 8.0,
    "NF4": count_bits(double=False),
    "NF4, double quantization": count_bits(),
}


class StoredWeight(NamedTuple):
    """A weight as it is stored and restored, in words of the table."""

    weight: str
    share: str
    code: str
    bits: str
    level: str
    restored: str
    error: str


class Storage(NamedTuple):
    """A way of storing weights: bits a weight, what a model takes, and its percent of float32."""

    name: str
    bits: str
    size: str
    percent: str


def plot_levels() -> Any:
    """Plot the 16 levels over the weights they are meant for: normal ones, each block divided by its largest."""
    import plotly.graph_objects as graph
    import torch

    blocks = torch.randn(DRAWN_BLOCKS, BLOCK, generator=torch.Generator().manual_seed(0))
    shares = (blocks / blocks.abs().amax(1, keepdim=True)).flatten()
    heights, edges = torch.histogram(shares, bins=BARS, range=(-1.0, 1.0), density=True)
    levels = compute_nf4_levels().tolist()
    figure = graph.Figure(
        graph.Bar(x=((edges[:-1] + edges[1:]) / 2).tolist(), y=heights.tolist(), name="weights", marker_line_width=0)
    )
    xs = [value for level in levels for value in (level, level, None)]
    top = float(heights.max())
    figure.add_scatter(x=xs, y=[0, top, None] * len(levels), mode="lines", name="levels", hoverinfo="skip")
    figure.add_scatter(
        x=levels, y=[top] * len(levels), mode="markers", name="level", text=[f"{n}: {v:.4f}" for n, v in enumerate(levels)],
        hoverinfo="text", showlegend=False,
    )  # fmt: skip
    figure.update_layout(bargap=0)
    return style_figure(figure, x="weight / largest of its block", y="density")


def read_weights(text: str) -> list[float]:
    """Read the numbers of a block.

    Raises:
        LabError: There is none, too many, or something that is no number.
    """
    words = re.split(r"[\s,;]+", text.strip().strip("[]"))
    try:
        values = [float(word) for word in words if word]
    except ValueError as error:
        raise LabError(f"{str(error).split(': ')[-1]} is no number.", "Write numbers with commas between them.") from error
    if not 1 <= len(values) <= BLOCK or not all(abs(value) < LARGEST for value in values):
        raise LabError(f"There are {len(values)} numbers.", f"Give 1 to {BLOCK} finite ones: a block.")
    return values


def render_block(text: str) -> Markup:
    """Show a block of weights quantized and restored, with the error of each.

    Raises:
        LabError: The text is no block of numbers.
    """
    import torch

    weights = torch.tensor(read_weights(text))
    stored = quantize(weights, double=False)
    restored, levels, largest = dequantize(stored), compute_nf4_levels(), float(stored.values.absmax[0])
    codes = stored.values.codes.flatten()[: len(weights)]
    rows = [
        StoredWeight(
            f"{weight:.4g}", f"{weight / largest if largest else 0:.4f}", f"{code}", f"{code:04b}", f"{level:.4f}",
            f"{back:.4g}", f"{back - weight:+.4f}",
        )
        for weight, code, level, back in zip(
            weights.tolist(), codes.tolist(), levels[codes.long()].tolist(), restored.tolist(), strict=True
        )
    ]  # fmt: skip
    error = float((restored - weights).square().mean().sqrt())
    return render("learn/block", largest=f"{largest:.4g}", error=f"{error:.4g}", rows=rows)


def render_memory(billions: float, millions: float) -> Markup:
    """Show what a model's weights take in each storage.

    Args:
        billions: Parameters of the model, in billions.
        millions: Those of them that are embeddings and output head, in millions: below 16 bits only the rest is stored so.
    """
    kept = min(millions / 1000, billions)
    sizes = {name: ((billions - kept) * bits + kept * max(bits, UNQUANTIZED_BITS)) / BITS_A_BYTE for name, bits in BITS.items()}
    storages = [
        Storage(
            name,
            f"{bits:.3f}".rstrip("0").rstrip("."),
            f"{sizes[name]:,.3f} GB" if sizes[name] < 1 else f"{sizes[name]:,.2f} GB",
            f"{100 * sizes[name] / sizes['float32']:.1f}",
        )
        for name, bits in BITS.items()
    ]
    return render(
        "learn/memory", billions=f"{billions:g}", kept=f"{kept * UNQUANTIZED_BITS / BITS_A_BYTE:,.2f}", storages=storages
    )
