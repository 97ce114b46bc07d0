"""Linear layers with weights laid out once for the processor's matrix unit.

torch lays the weights of a bfloat16 product out anew at every call. Laid out beforehand, a product of one row
with SmolLM2's layers takes 0.7 of the time and with four rows half of it (`benchmarks/LOG.md`). The values and
the arithmetic are the same.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

ROWS = 16  # The rows that oneDNN lays the weights out for; products of other numbers of rows give the same values.


def can_pack(model: Any) -> bool:
    """Whether packing applies: bfloat16 on a CPU for which torch's oneDNN has such a product."""
    import torch

    return model.device.type == "cpu" and model.dtype == torch.bfloat16 and _has_product()


@lru_cache(maxsize=1)
def _has_product() -> bool:
    """Try it on a small matrix: torch says by an error that a CPU lacks the instructions."""
    import torch

    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    try:
        torch.ops.mkldnn._reorder_linear_weight(torch.zeros(ROWS, ROWS, dtype=torch.bfloat16), ROWS)
    except RuntimeError:
        return False
    return True


def pack_linears(model: Any) -> Any:
    """Return a model whose linear layers are packed; everything else is shared with the original."""
    import torch

    # What the memo holds is shared by the copy instead of copied: only the packed weights take memory.
    memo = {id(parameter): parameter for parameter in model.parameters()}
    memo |= {id(buffer): buffer for buffer in model.buffers()}
    packed = copy.deepcopy(model, memo)
    for parent in list(packed.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is torch.nn.Linear:
                setattr(parent, name, _make_packed(child))
    return packed


def _make_packed(linear: Any) -> Any:
    import torch

    class PackedLinear(torch.nn.Module):
        """A linear layer for inference. Shape: (..., in) to (..., out)."""

        def __init__(self) -> None:
            super().__init__()
            self.in_features, self.out_features, self.bias = linear.in_features, linear.out_features, linear.bias
            self._weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), ROWS)

        def forward(self, inputs: torch.Tensor) -> Any:
            return torch.ops.mkldnn._linear_pointwise(inputs, self._weight, self.bias, "none", [], "")

    return PackedLinear()
