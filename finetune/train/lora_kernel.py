"""The product of a linear layer and its LoRA pair as one function with a gradient written by hand.

peft computes `W x`, casts x to float32, multiplies by A and B there, and adds: eight passes over the activations,
and products that a 16-bit machine does at a quarter of its speed. Here the pair is cast once to the activations'
dtype, added in the product's own accumulator, and the frozen W, which needs no gradient, is read where it lies or
dequantized where it is used (QLoRA, arXiv 2305.14314, section 3). Measured in `benchmarks/LOG.md`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def fuse_adapter(model: Any, *, name: str = "default") -> int:
    """Let every plain LoRA layer of a peft model compute by the fused product; returns how many layers do.

    Layers with dropout, DoRA or a storage other than 4 or 16 bits keep peft's own forward, which gives the same
    values. So does every layer while adapters are disabled or merged.
    """
    from peft.tuners.lora import LoraLayer

    fused = 0
    for module in model.modules():
        if isinstance(module, LoraLayer) and _is_plain(module, name):
            module.forward = _Fused(module, name)
            fused += 1
    return fused


class _Fused:
    """A layer's forward: the fused product while its adapter is on, peft's otherwise."""

    def __init__(self, layer: Any, name: str) -> None:
        self._layer, self._name, self._plain = layer, name, layer.forward

    def __call__(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        layer = self._layer
        if layer.disable_adapters or layer.merged or args or kwargs:
            return self._plain(x, *args, **kwargs)  # type: ignore[no-any-return]
        down, up = layer.lora_A[self._name].weight, layer.lora_B[self._name].weight
        product: torch.Tensor = _product().apply(x, down, up, layer.base_layer, layer.scaling[self._name])
        return product


def _is_plain(layer: Any, name: str) -> bool:
    import torch

    base = layer.base_layer
    # Exact types: a subclass may compute something else in its forward, which would be lost.
    supported = type(base) is torch.nn.Linear or type(base).__name__ == "Linear4bit"
    if not supported or name not in layer.lora_A or name in layer.lora_variant:
        return False
    return isinstance(layer.lora_dropout[name], torch.nn.Identity)


def _read_weight(base: Any, dtype: torch.dtype) -> torch.Tensor:
    """Return the frozen weight in the dtype of the activations. Shape: (out, in)."""
    state = getattr(base.weight, "quant_state", None) or getattr(base, "quant_state", None)
    if state is None:
        weight: torch.Tensor = base.weight
        return weight
    from bitsandbytes.functional import dequantize_4bit

    wide: torch.Tensor = dequantize_4bit(base.weight.data, state)
    return wide.to(dtype)


@lru_cache(maxsize=1)
def _product() -> Any:
    """Return the autograd function, made once: torch is imported only where it is used."""
    import torch

    class LoraProduct(torch.autograd.Function):
        """y = x W^T + bias + s (x A^T) B^T. Shape: x (..., in), A (r, in), B (out, r), y (..., out)."""

        @staticmethod
        def forward(ctx: Any, x: Any, down: Any, up: Any, base: Any, scale: float) -> Any:
            flat = x.reshape(-1, x.shape[-1])
            narrow = flat @ down.to(x.dtype).t()
            y = torch.nn.functional.linear(flat, _read_weight(base, x.dtype), base.bias)
            # beta = 1: the product is added into y itself, so that no second (tokens, out) is made.
            y.addmm_(narrow, up.to(x.dtype).t(), alpha=scale)
            ctx.save_for_backward(flat, narrow, down, up)  # Not the wide W: it is read again, which costs no memory.
            ctx.base, ctx.scale = base, scale
            return y.view(*x.shape[:-1], -1)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            """With g = dL/dy: dx = g W + s (g B) A; dA = s (g B)^T x; dB = s g^T (x A^T)."""
            flat, narrow, down, up = ctx.saved_tensors
            g = gradient.reshape(-1, gradient.shape[-1])
            # s is put on the narrow matrix: r numbers a token instead of out or in.
            g_narrow = (g @ up.to(g.dtype)).mul_(ctx.scale)
            dx = None
            if ctx.needs_input_grad[0]:  # Not in the first layer, whose input comes from frozen embeddings.
                dx = g @ _read_weight(ctx.base, g.dtype)
                dx.addmm_(g_narrow, down.to(g.dtype))
                dx = dx.view(*gradient.shape[:-1], -1)
            # In the adapter's own 32 bits, in which small updates are added up.
            d_down = (g_narrow.t() @ flat).to(down.dtype)
            d_up = (g.t() @ narrow).to(up.dtype).mul_(ctx.scale)
            return dx, d_down, d_up, None, None  # The frozen layer and the scale are not learned.

    return LoraProduct
