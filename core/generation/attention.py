"""Attention over slots: transformers calls it in place of its own.

The model's layers run as they are; only attention is ours, because it alone has to know which of the packed
tokens belong together. Query heads that share a key head become further queries of that head, which is the
same product: torch's `enable_gqa` leaves the fast kernel in bfloat16. Measured for one new token, 16 rows of
500 tokens, 9 query and 3 key heads, on two AVX512-bf16 cores: `enable_gqa` 3.5 ms a layer, folded 0.42 ms
(`benchmarks/LOG.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import LabError
from core.generation.slots import Group, PackedStep

if TYPE_CHECKING:
    import torch

NAME = "lab_slots"
MIN_ROWS = 8  # Rows from which a common beginning is read once: with 4 that took 7.6 ms instead of 6.4 (`benchmarks/LOG.md`).
MAX_NEW = 16  # New tokens a row; of more the scores would take much memory, which the fused kernel does not hold.
MIN_SHARED = 128  # Tokens; a shorter beginning does not repay cutting the products in two.


def register_slot_attention() -> str:
    """Make the attention known to transformers; returns the name to load a model with.

    No mask function is registered under the name, so transformers builds no mask.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    return NAME


# transformers calls it with these arguments, and passes on what `generate` was given (`step`).
def attend(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, *, step: PackedStep,
    scaling: float | None = None, sliding_window: int | None = None, softcap: float | None = None, **others: Any,
) -> tuple[Any, None]:  # fmt: skip
    """Store the new keys and values, then let every new token attend to its own row.

    Shape: query (1, heads, tokens, width); key and value (1, key heads, tokens, width); result
    (1, tokens, heads, width).

    Raises:
        LabError: The model's attention has a part that this one does not compute.
    """
    if others.get("s_aux") is not None:
        raise LabError(
            f"The attention of {type(module).__name__} uses sinks, which are not supported.", "Choose another model."
        )
    step.slots.write(module.layer_idx, key[0], value[0], step)
    attended = None
    for group in step.groups:
        part = _attend_group(module.layer_idx, query[0], step, group, Scores(scaling, sliding_window, softcap))
        if group.kept is None:  # The group is the whole step, in its order.
            return part[None], None
        if attended is None:
            attended = part.new_empty(query.shape[2], *part.shape[1:])
        attended.index_copy_(0, group.tokens, part.index_select(0, group.kept))
    return attended[None] if attended is not None else None, None


@dataclass(frozen=True, slots=True)
class Scores:
    """How a layer scores keys: the factor (width ** -0.5 by default), how far back it sees, and Gemma 2's cap on scores."""

    scale: float | None
    window: int | None
    cap: float | None


def _attend_group(layer: int, query: torch.Tensor, step: PackedStep, group: Group, scores: Scores) -> torch.Tensor:
    """Attend within one group. Shape: query (heads, tokens, width); result (rows * new, heads, width)."""
    from torch.nn.functional import scaled_dot_product_attention

    heads, _, width = query.shape
    rows, new = group.positions.shape
    keys, values = step.slots.read(layer, group.rows, group.held)
    key_heads = keys.shape[1]
    folded = query[:, group.gather].view(key_heads, heads // key_heads, rows, new, width).permute(2, 0, 1, 3, 4)
    folded = folded.reshape(rows, key_heads, heads // key_heads * new, width)
    mask = group.mask(heads // key_heads, scores.window, query.dtype)
    if scores.cap is not None:
        attended = attend_capped(folded, keys, values, mask, scale=scores.scale or width**-0.5, cap=scores.cap)
    elif rows >= MIN_ROWS and new <= MAX_NEW and step.slots.shared >= MIN_SHARED:
        attended = _attend_shared(folded, keys, values, mask, step.slots.shared, scores.scale or width**-0.5)
    else:
        attended = scaled_dot_product_attention(folded, keys, values, attn_mask=mask, scale=scores.scale)
    return attended.reshape(rows, heads, new, width).transpose(1, 2).reshape(rows * new, heads, width)


def attend_capped(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, *, scale: float, cap: float
) -> torch.Tensor:  # fmt: skip
    """Attend with scores held within a cap, cap * tanh(score / cap) (Gemma 2, arXiv 2408.00118, section 2), in float32.

    No fused kernel does so. Shape: query (rows, key heads, n, width); keys and values (rows, key heads, held, width); mask
    broadcasts to (rows, key heads, n, held).
    """
    import torch

    products = torch.matmul(query, keys.transpose(2, 3)).float() * scale
    weights = torch.softmax(torch.tanh(products / cap) * cap + mask, -1).to(query.dtype)
    return torch.matmul(weights, values)


def _attend_shared(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, shared: int, scale: float
) -> torch.Tensor:
    """Attend where all rows begin alike: the common beginning is read once for all rows.

    The same softmax over all tokens; only the products are cut in two (Hydragen, arXiv 2402.05099, section 3).
    Shape: query (rows, key heads, n, width); keys and values (rows, key heads, held, width).
    """
    import torch

    rows, heads, n, width = query.shape
    together = query.transpose(0, 1).reshape(heads, rows * n, width)
    common = torch.bmm(together, keys[0, :, :shared].transpose(1, 2)).view(heads, rows, n, shared).transpose(0, 1)
    own = torch.matmul(query, keys[:, :, shared:].transpose(2, 3))
    # The softmax is taken in float32, as the fused kernel takes it.
    scores = torch.cat([common, own], -1).float().mul_(scale).add_(mask)
    weights = torch.softmax(scores, -1).to(query.dtype)
    from_common = torch.bmm(weights[..., :shared].transpose(0, 1).reshape(heads, rows * n, shared), values[0, :, :shared])
    return from_common.view(heads, rows, n, width).transpose(0, 1) + torch.matmul(weights[..., shared:], values[:, :, shared:])
