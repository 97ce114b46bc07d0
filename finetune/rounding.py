"""Rounding a matrix to few bits: sets of levels, any block, what is lost and what it takes.

Every way here is the same three steps as NF4's (`finetune/lora.py`): divide a block by its largest size, take the nearest
level, multiply back. Only the levels differ: quantiles of the normal distribution (nf4), a floating-point number of 4 bits
(fp4), evenly spaced whole numbers (int4, int8). The 4-bit levels are those of bitsandbytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import LabError
from finetune.lora import Blocks, compute_nf4_levels, count_bits, quantize_blocks

if TYPE_CHECKING:
    import torch

# By the three bits beside the sign: bitsandbytes, `get_4bit_type("fp4")`. The smallest is 0.5 * 2^-3, for zero's neighbour.
FP4_SIZES = (0.0, 0.0625, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
FORMATS = {
    "nf4": "NF4: quantiles of the normal distribution",
    "fp4": "FP4: a floating-point number of 4 bits",
    "int4": "int4: evenly spaced, -7 to 7",
    "int8": "int8: evenly spaced, -127 to 127",
}
BITS_OF = {"nf4": 4, "fp4": 4, "int4": 4, "int8": 8}
SHORTEST_BLOCK, LONGEST_BLOCK = 2, 2**20


@dataclass(frozen=True, slots=True)
class RoundingLoss:
    """What rounding loses.

    Args:
        rmse: Root of the mean squared difference, in units of the weights.
        largest: The largest difference.
        noise_ratio: Signal to noise in decibels: 10 log10 of the weights' mean square over the differences'; infinite where
            nothing is lost.
    """

    rmse: float
    largest: float
    noise_ratio: float


def compute_levels(name: str) -> torch.Tensor:
    """Return the levels of a format, scaled to [-1, 1]. Shape: (levels,), rising.

    Raises:
        LabError: There is no such format.
    """
    import torch

    if name not in FORMATS:
        raise LabError(f"There is no format {name!r}.", f"Choose one of {', '.join(FORMATS)}.")
    if name == "nf4":
        return compute_nf4_levels()
    if name == "fp4":
        sizes = torch.tensor(FP4_SIZES) / max(FP4_SIZES)
        return torch.cat([-sizes[1:].flip(0), sizes])
    most = 2 ** (BITS_OF[name] - 1) - 1
    levels: torch.Tensor = torch.arange(-most, most + 1) / most
    return levels


def round_weight(weight: torch.Tensor, name: str, block: int) -> tuple[torch.Tensor, Blocks]:
    """Round a matrix; returns it as it is restored, and the blocks as they are stored.

    Args:
        weight: Any shape.
        name: Of the format.
        block: Weights that share a scale.

    Raises:
        LabError: There is no such format, or the block is of no size.
    """
    if not SHORTEST_BLOCK <= block <= LONGEST_BLOCK:
        raise LabError(f"A block of {block} weights makes no sense.", f"Choose {SHORTEST_BLOCK} to {LONGEST_BLOCK:,}.")
    levels = compute_levels(name)
    blocks = quantize_blocks(weight.float().flatten(), levels, block)
    flat = (levels[blocks.codes.long()] * blocks.absmax[:, None]).flatten()
    return flat[: weight.numel()].reshape(weight.shape), blocks


def measure_rounding(weight: torch.Tensor, restored: torch.Tensor) -> RoundingLoss:
    """Compare a matrix with its rounded copy."""
    exact = weight.float()
    difference = restored - exact
    noise, signal = float(difference.square().mean()), float(exact.square().mean())
    ratio = 10 * math.log10(signal / noise) if noise > 0 and signal > 0 else math.inf
    return RoundingLoss(math.sqrt(noise), float(difference.abs().max()), ratio)


def count_stored_bits(name: str, block: int, *, double: bool) -> float:
    """Return the bits a weight takes in a format, its share of the scales included.

    Raises:
        LabError: There is no such format.
    """
    if name not in BITS_OF:
        raise LabError(f"There is no format {name!r}.", f"Choose one of {', '.join(FORMATS)}.")
    return count_bits(double=double, bits=BITS_OF[name], block=block)
