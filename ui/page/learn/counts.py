"""How many numbers full fine-tuning and LoRA train in one matrix, as a table and drawn to scale."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from finetune.lora import count_trained
from ui.page.markup import render

LONGEST = 150  # Units of the drawing: the longer side of W, to which everything else is scaled.
THINNEST = 2.0  # Units: thinner sides would not be seen.
GAP = 55  # Units between two shapes, room for a sign.


class Shape(NamedTuple):
    """A matrix of the drawing: its name, left edge and sides in units, and whether it is trained."""

    name: str
    x: float
    width: float
    height: float
    trained: bool


def render_counts(out_size: int, in_size: int, rank: int) -> Markup:
    """Show how many numbers full fine-tuning and LoRA train in one matrix, drawn to scale."""
    full, trained = count_trained(out_size, in_size), count_trained(out_size, in_size, rank)
    fewer = full / trained
    decimals = 0 if fewer >= 10 else 1  # "1 times fewer" would say nothing.
    share = f"LoRA trains {trained / full:.2%} of the numbers, {fewer:,.{decimals}f} times fewer."
    if trained >= full:
        share = "At this rank LoRA trains no fewer numbers than the matrix has."
    rows = [
        ("Full fine-tuning", f"{out_size:,} x {in_size:,}", f"{full:,}"),
        ("LoRA: B and A", f"{rank:,} x ({out_size:,} + {in_size:,})", f"{trained:,}"),
    ]
    label = f"W {out_size} by {in_size} beside B {out_size} by {rank} and A {rank} by {in_size}, to scale"
    shapes = _scale_shapes(out_size, in_size, rank)
    return render("learn/counts", rows=rows, share=share, label=label, shapes=shapes, longest=LONGEST)


def _scale_shapes(out_size: int, in_size: int, rank: int) -> tuple[Shape, Shape, Shape]:
    """Return W, B and A side by side."""
    unit = LONGEST / max(out_size, in_size)
    height, width, thin = out_size * unit, in_size * unit, max(THINNEST, rank * unit)
    frozen = Shape("W frozen", 0.0, width, height, trained=False)
    left = Shape("B", width + GAP, thin, height, trained=True)
    right = Shape("A", width + thin + 2 * GAP, width, thin, trained=True)
    return frozen, left, right
