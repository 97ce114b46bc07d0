"""LoRA and NF4 on one page, in plain torch: what peft and bitsandbytes compute, short enough to read aloud.

LoRA freezes a weight matrix W and learns a small update of it, `W' = W + (alpha / r) B A`: instead of `out * in`
numbers, `r * (out + in)`. QLoRA stores the frozen W in 4 bits and dequantizes it where it is used, so that only A
and B need gradients and optimizer state. Training uses the libraries (`finetune/train/trainer.py`); the tests hold this
page equal to them, and the Learn tab draws what is computed here.

Source: Hu et al. 2021, arXiv 2106.09685, section 4.1; Dettmers et al. 2023, arXiv 2305.14314, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import LabError

if TYPE_CHECKING:
    import torch

BLOCK = 64  # Weights that share a scale; smaller blocks are closer and cost more scales.
OUTER_BLOCK = 256  # Scales that share a scale of their own, in double quantization.


@dataclass(frozen=True, slots=True)
class LoraPair:
    """The trained matrices beside one frozen W of shape (out, in).

    Shape: a (r, in), b (out, r).
    """

    a: torch.Tensor
    b: torch.Tensor
    alpha: float
    rank_stabilized: bool = False

    @property
    def scale(self) -> float:
        """What BA is multiplied with: alpha / r, or alpha / sqrt(r) (rsLoRA, arXiv 2312.03732), whose size stays as r grows."""
        rank = self.a.shape[0]
        return self.alpha / (math.sqrt(rank) if self.rank_stabilized else rank)

    @property
    def update(self) -> torch.Tensor:
        """The change of W. Shape: (out, in), of rank r at most."""
        return self.scale * (self.b @ self.a)


def start_pair(out_size: int, in_size: int, rank: int, *, alpha: float, seed: int = 0) -> LoraPair:
    """Return the pair before the first step: A random, B zero, so BA = 0 and training starts from the base itself.

    The gradient of B is that of the loss times A's outputs, which are not zero, so B moves at the first step;
    that of A passes through B, so it is zero at the first step and A moves from the second. Were both zero,
    both gradients would be zero for ever and nothing would be learned.

    Shape: A (rank, in), uniform within 1 / sqrt(in) as peft draws it; B (out, rank).

    Raises:
        LabError: A size is below 1, or the rank above the matrix's own.
    """
    import torch

    if not 1 <= rank <= min(out_size, in_size):
        raise LabError(f"rank is {rank} for a {out_size} x {in_size} matrix.", "It must lie between 1 and the smaller size.")
    random = torch.Generator().manual_seed(seed)
    a = (2 * torch.rand(rank, in_size, generator=random, dtype=torch.float32) - 1) / math.sqrt(in_size)
    return LoraPair(a, torch.zeros(out_size, rank, dtype=torch.float32), alpha)


def count_trained(out_size: int, in_size: int, rank: int | None = None) -> int:
    """Return how many numbers are trained beside one matrix, or, without a rank, in it: 16,384 at r = 2 for 16,777,216."""
    return out_size * in_size if rank is None else rank * (out_size + in_size)


def forward(x: torch.Tensor, weight: torch.Tensor, pair: LoraPair) -> torch.Tensor:
    """Apply the adapted layer without building W': two thin products beside the frozen one.

    Shape: x (..., in), weight (out, in), result (..., out).
    """
    return x @ weight.T + pair.scale * (x @ pair.a.T) @ pair.b.T


def merge(weight: torch.Tensor, pair: LoraPair) -> torch.Tensor:
    """Return W' = W + scale * BA, one matrix that costs no more than W to use. Shape: (out, in).

    Never into 4-bit weights: rounding W' to 16 levels again would round the small update away.
    """
    return weight + pair.update


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of learning: the pair, its loss, and the gradients there, before the step is taken."""

    loss: float
    pair: LoraPair
    gradient_a: torch.Tensor
    gradient_b: torch.Tensor


def learn(weight: torch.Tensor, target: torch.Tensor, pair: LoraPair, *, rate: float, steps: int) -> Iterator[Moment]:
    """Yield `steps` + 1 moments of gradient descent that moves W' towards `target`, W staying frozen.

    The loss is half the squared distance, so its gradient by W' is the distance D; by the chain rule B's is
    scale * D A^T and A's is scale * B^T D.

    Shape: weight and target (out, in).
    """
    for number in range(steps + 1):
        distance = merge(weight, pair) - target
        gradient_a, gradient_b = pair.scale * pair.b.T @ distance, pair.scale * distance @ pair.a.T
        yield Moment(0.5 * float(distance.square().sum()), pair, gradient_a, gradient_b)
        if number < steps:
            pair = LoraPair(pair.a - rate * gradient_a, pair.b - rate * gradient_b, pair.alpha, pair.rank_stabilized)


def compute_nf4_levels() -> torch.Tensor:
    """Return the 16 values that 4 bits choose from: quantiles of the normal distribution, scaled to [-1, 1].

    Trained weights are about normal, so levels at its quantiles are meant to be used equally often; after division by the
    largest of 64 they are used by 1.7 to 9.3 % of normal weights (arXiv 2306.06965 says why). Seven lie below zero,
    zero is exact, eight lie above: each side has its own evenly spaced probabilities, from the outermost to 1/2. The
    outermost is the mean of 1 - 1/30 and 1 - 1/32, as in bitsandbytes.

    Shape: (16,), rising. Source: arXiv 2305.14314, section 3 and appendix E; bitsandbytes `create_normal_map`.
    """
    import torch

    outermost = 1 - (1 / 30 + 1 / 32) / 2
    above, below = (torch.special.ndtri(torch.linspace(outermost, 0.5, n, dtype=torch.float64)) for n in (9, 8))
    levels: torch.Tensor = torch.cat([-below[:-1], torch.zeros(1, dtype=torch.float64), above[:-1].flip(0)]) / above[0]
    return levels.float()


def compute_dynamic_levels() -> torch.Tensor:
    """Return the 256 values for 8 bits: each power of ten from 1e-6 has twice as many as the one below.

    Shape: (256,), rising. Source: Dettmers 2015, arXiv 1511.04561; bitsandbytes `create_dynamic_map`.
    """
    import torch

    positive = []
    for power in range(7):
        edges = torch.linspace(0.1, 1, 2**power + 1, dtype=torch.float32)
        positive.append(10.0 ** (power - 6) * (edges[:-1] + edges[1:]) / 2)
    both = torch.cat(positive)
    return torch.cat([-both, torch.tensor([0.0, 1.0]), both]).sort().values


@dataclass(frozen=True, slots=True)
class Blocks:
    """Values stored as numbers of levels, a block after another, and the largest size in each block.

    Shape: codes (blocks, block), uint8, of which a file packs two 4-bit ones into a byte; absmax (blocks,). The last
    block is filled with zeros.
    """

    codes: torch.Tensor
    absmax: torch.Tensor


@dataclass(frozen=True, slots=True)
class Quantized:
    """A weight of `shape` in 4 bits; with double quantization its scales are 8-bit blocks too, around their mean."""

    values: Blocks
    shape: tuple[int, ...]
    scales: Blocks | None = None
    mean: float = 0.0


def quantize(weight: torch.Tensor, *, double: bool = True) -> Quantized:
    """Store a weight as NF4: each block of 64 divided by its largest size, each value the number of its nearest level.

    Double quantization stores the 32-bit scales in 8 bits as well, in blocks of 256, after taking off their mean
    (they are all positive, and the 8-bit levels are not).
    """
    values = quantize_blocks(weight.float().flatten(), compute_nf4_levels(), BLOCK)
    if not double:
        return Quantized(values, tuple(weight.shape))
    mean = values.absmax.mean()
    scales = quantize_blocks(values.absmax - mean, compute_dynamic_levels(), OUTER_BLOCK)
    return Quantized(values, tuple(weight.shape), scales, float(mean))


def dequantize(stored: Quantized) -> torch.Tensor:
    """Return the weight as products see it: level times scale. 4-bit storage, 16-bit computation.

    Shape: that of the weight.
    """
    values, scales = stored.values, stored.values.absmax
    if stored.scales is not None:
        levels = compute_dynamic_levels()[stored.scales.codes.long()] * stored.scales.absmax[:, None]
        scales = levels.flatten()[: len(scales)] + stored.mean
    flat = (compute_nf4_levels()[values.codes.long()] * scales[:, None]).flatten()
    return flat[: math.prod(stored.shape)].reshape(stored.shape)


def quantize_blocks(flat: torch.Tensor, levels: torch.Tensor, block: int) -> Blocks:
    """Divide each block of values by its largest size and store the numbers of the nearest levels. Shape: flat (values,)."""
    import torch

    blocks = torch.nn.functional.pad(flat, (0, -len(flat) % block)).reshape(-1, block)
    absmax = blocks.abs().amax(1)
    shares = blocks * (1 / absmax.clamp(min=1e-38))[:, None]
    return Blocks(torch.bucketize(shares, (levels[:-1] + levels[1:]) / 2).to(torch.uint8), absmax)


def count_bits(*, double: bool = True, bits: int = 4, block: int = BLOCK) -> float:
    """Return the bits a parameter takes: its own and its share of the scales; in NF4 4.5, or 4.127 with double quantization."""
    return bits + (8 / block + 32 / (block * OUTER_BLOCK) if double else 32 / block)
