"""Rounding to few bits by touch: levels over a real matrix, what is lost, one block from its numbers to a product."""

from __future__ import annotations

import re
from typing import NamedTuple

from markupsafe import Markup

from core.errors import LabError
from core.settings import Settings
from finetune.lora import BLOCK, compute_nf4_levels, dequantize, quantize
from finetune.rounding import BITS_OF, FORMATS, compute_levels, count_stored_bits, measure_rounding, round_weight
from lab.learn.matrices import WeightMatrix, load_matrix
from ui.page.markup import render

LARGEST = 1e30  # Of a weight that is read, far below what float32 holds; refuses infinity and what is no number.
BARS = 81  # Of the histogram: odd, so that zero has one of its own.
SAMPLE = 2**17  # Weights that are rounded: four formats answer within a fraction of a second.
PICTURE = (420, 190)  # Units of the picture.
BLOCKS = (32, 64, 128, 256, 512, 1024, 2048, 4096)
STAGES = ("1 Divide by the largest", "2 Store the nearest level", "3 Restore in 16 bits", "4 Multiply")


class StoredWeight(NamedTuple):
    """A weight as it is stored, restored and used, in words of the table."""

    weight: str
    share: str
    code: str
    bits: str
    level: str
    restored: str
    error: str
    given: str
    product: str


class FormatRow(NamedTuple):
    """A format as it does on a matrix, in words of the table."""

    title: str
    rmse: str
    largest: str
    noise: str
    bits: str
    chosen: bool


def render_rounding(matrix: WeightMatrix, name: str, block: int, *, double: bool) -> Markup:
    """Show a format's levels over the matrix's weights, and what every format loses and takes with such blocks.

    Raises:
        LabError: There is no such format, or the block is of no size.
    """
    import torch

    levels = compute_levels(name)
    sample = matrix.values.float().flatten()[:SAMPLE]
    rows = []
    for other, title in FORMATS.items():
        restored, blocks = round_weight(sample, other, block)
        loss = measure_rounding(sample, restored)
        bits = count_stored_bits(other, block, double=double)
        noise = f"{loss.noise_ratio:.1f} dB"
        rows.append(FormatRow(title, f"{loss.rmse:.3g}", f"{loss.largest:.3g}", noise, f"{bits:.3f}", other == name))
        if other == name:
            used = torch.bincount(blocks.codes.flatten().long(), minlength=len(levels))
            shares = (
                sample[: len(sample) // block * block].reshape(-1, block) / blocks.absmax[: len(sample) // block, None]
            ).flatten()
    counts = torch.histc(shares.nan_to_num(), bins=BARS, min=-1.0, max=1.0)
    width, height = PICTURE
    tall = [round(float(value), 1) for value in counts / counts.max().clamp(min=1) * (height - 40)]
    most, least = float(used.max()) / float(used.sum()), float(used.min()) / float(used.sum())
    return render(
        "learn/rounding",
        matrix=matrix,
        rows=rows,
        size=f"{len(sample):,} of {matrix.values.numel():,} weights",
        shape=" x ".join(map(str, matrix.values.shape)),
        box=PICTURE,
        bars=[(round(place * width / BARS, 1), tall[place]) for place in range(BARS)],
        bar=round(width / BARS, 2),
        lines=[round((level + 1) / 2 * width, 1) for level in levels.tolist()] if BITS_OF[name] == 4 else [],
        label=f"{len(levels)} levels of {name} over the weights of {matrix.title}, each divided by the largest of its block of {block}",
        name=name.upper() if name != "int8" else name,
        count=len(levels),
        used=f"{least:.1%} to {most:.1%}",
    )  # fmt: skip


def open_matrix(settings: Settings, kind: str, layer: int) -> WeightMatrix:
    """Return a matrix to round, as `lab.learn.matrices.load_matrix`."""
    return load_matrix(settings, kind, layer)


def take_block(matrix: WeightMatrix, number: int, size: int = 16) -> str:
    """Return some weights of a matrix as a text that can be edited: the first ones of its block of this number."""
    flat = matrix.values.float().flatten()
    start = (number * BLOCK) % (len(flat) // BLOCK * BLOCK)
    return ", ".join(f"{value:.4g}" for value in flat[start : start + size].tolist())


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


def render_block(text: str, stage: int = len(STAGES)) -> Markup:
    """Show a block of weights on its way from numbers to a product: divided, stored, restored, multiplied.

    Args:
        text: The block.
        stage: How far, from 1 to 4.

    Raises:
        LabError: The text is no block of numbers.
    """
    import torch

    weights = torch.tensor(read_weights(text))
    stored = quantize(weights, double=False)
    restored, levels, largest = dequantize(stored).bfloat16(), compute_nf4_levels(), float(stored.values.absmax[0])
    codes = stored.values.codes.flatten()[: len(weights)]
    given = torch.randn(len(weights), generator=torch.Generator().manual_seed(0)).bfloat16()
    products = (restored * given).float()
    rows = [
        StoredWeight(
            f"{weight:.4g}", f"{weight / largest if largest else 0:.4f}", f"{code}", f"{code:04b}", f"{level:.4f}",
            f"{back:.4g}", f"{back - weight:+.4f}", f"{x:.3f}", f"{product:+.4f}",
        )
        for weight, code, level, back, x, product in zip(
            weights.tolist(), codes.tolist(), levels[codes.long()].tolist(), restored.tolist(), given.tolist(),
            products.tolist(), strict=True,
        )
    ]  # fmt: skip
    error = float((restored.float() - weights).square().mean().sqrt())
    return render(
        "learn/block",
        stage=stage,
        stages=STAGES,
        largest=f"{largest:.4g}",
        error=f"{error:.4g}",
        rows=rows,
        stored=f"{len(weights)} codes of 4 bits and one scale of 32",
        total=f"{float(products.sum()):.4f}",
        exact=f"{float(weights @ given.float()):.4f}",
    )
