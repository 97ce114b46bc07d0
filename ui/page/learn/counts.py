"""How many numbers full fine-tuning and LoRA train in one matrix, what B A multiplies to, and what using it costs."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from core.errors import LabError
from core.units import MIB, format_size
from finetune.lora import count_trained
from ui.page.markup import render

LONGEST = 110  # Units of the drawing: the longer side of W, to which everything else is scaled.
GAP = 46  # Units between two shapes, room for a sign.
BYTES = 2  # Of a number in 16 bits.


class Shape(NamedTuple):
    """A matrix of the drawing: its name, left upper corner and sides in units, and how it is drawn."""

    name: str
    x: float
    y: float
    width: float
    height: float
    kind: str


def render_counts(out_size: int, in_size: int, rank: int) -> Markup:
    """Show what LoRA trains, stores and computes in one matrix, with a picture that follows r.

    Raises:
        LabError: The rank is above the matrix's own.
    """
    if not 1 <= rank <= min(out_size, in_size):
        raise LabError(f"r is {rank} for a {out_size:,} x {in_size:,} matrix.", "It lies between 1 and the smaller side.")
    full, trained = count_trained(out_size, in_size), count_trained(out_size, in_size, rank)
    fewer = full / trained
    decimals = 0 if fewer >= 10 else 1  # "1 times fewer" would say nothing.
    said = f"LoRA trains {trained / full:.2%} of the numbers, {fewer:,.{decimals}f} times fewer."
    if trained >= full:
        said = "At this rank LoRA trains no fewer numbers than the matrix has."
    return render(
        "learn/counts",
        out=f"{out_size:,}",
        into=f"{in_size:,}",
        rank=f"{rank:,}",
        full=f"{full:,}",
        trained=f"{trained:,}",
        full_bytes=_write_size(BYTES * full),
        trained_bytes=_write_size(BYTES * trained),
        both=f"{full + trained:,}",
        said=said,
        shapes=_place_shapes(out_size, in_size, rank),
        box=(3 * LONGEST + 2 * GAP, 2 * LONGEST + 62),
        label=f"W {out_size} by {in_size}, and beside it B {out_size} by {rank} times A {rank} by {in_size}",
        longest=LONGEST,
        gap=GAP,
    )


def _write_size(size: int) -> str:
    return format_size(size) if size >= MIB else f"{size / 1024:,.1f} KiB"


def _place_shapes(out_size: int, in_size: int, rank: int) -> dict[str, Shape]:
    """Return the shapes by name: W with the trained numbers as a square of the same area, the update, B and A.

    B and A are as thick as the root of r tells, for to scale r = 1 and r = 64 of 4,096 would look the same.
    """
    longest = max(out_size, in_size)
    unit = LONGEST / longest
    height, width = out_size * unit, in_size * unit
    thick = LONGEST * (rank / longest) ** 0.5
    side = (width * height * min(1.0, count_trained(out_size, in_size, rank) / (out_size * in_size))) ** 0.5
    top, lower = 20.0, LONGEST + 54.0
    return {
        "frozen": Shape("W, frozen", 0.0, top, width, height, "frozen"),
        "share": Shape("trained", 0.0, top, min(side, width), min(side, height), "trained"),
        "formed": Shape("B A, full shape", LONGEST + GAP, top, width, height, "formed"),
        "b": Shape("B", 0.0, lower, min(thick, width), height, "trained"),
        "a": Shape("A", min(thick, width) + GAP, lower, width, min(thick, height), "trained"),
    }
