"""Attention over a packed step: transformers calls it in place of its own while an adapter is trained.

Each example attends to the shared prefix and to itself, so the work is the sum of small squares. One mask over
the whole packed row computes the square of the sum: with eight CVs of 425 tokens 4.6 of 11 s a step
(`benchmarks/LOG.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.errors import LabError
from core.generation.attention import Scores, attend_capped

if TYPE_CHECKING:
    import torch

NAME = "lab_packed"  # What transformers knows the attention by.


@dataclass(frozen=True, slots=True)
class Spans:
    """Where a packed row's parts lie: the shared prefix is [0, prefix), then one (start, end) for each example.

    `masks` are made by the first layer of a step and used by the others.
    """

    prefix: int
    own: tuple[tuple[int, int], ...]
    masks: dict[tuple[Any, ...], torch.Tensor] = field(default_factory=dict, compare=False, repr=False)


def register_packed_attention() -> str:
    """Make the attention known to transformers; returns the name to load a model with.

    No mask function is registered under the name, so transformers builds no mask.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    return NAME


# The parameters are those by which transformers calls an attention.
def attend(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, *, spans: Spans,
    scaling: float | None = None, sliding_window: int | None = None, softcap: float | None = None, **others: Any,
) -> tuple[Any, None]:  # fmt: skip
    """Let every example attend to the prefix and itself, causally.

    Shape: query (1, heads, tokens, width); key and value (1, key heads, tokens, width); result
    (1, tokens, heads, width). Query heads of one key head are folded into further queries, which is the same
    product.

    Raises:
        LabError: The model's attention has a part that this one does not compute.
    """
    import torch

    # gpt-oss' sinks: left out, the model would compute something else without a word.
    if others.get("s_aux") is not None:
        raise LabError(
            f"The attention of {type(module).__name__} uses sinks, which are not supported.", "Choose another model."
        )
    prefix, rest = spans.prefix, (spans.masks, Scores(scaling, sliding_window, softcap))
    parts = [_attend_part(query[:, :, :prefix], key[:, :, :prefix], value[:, :, :prefix], *rest)] if prefix else []
    # One call an example: the prefix's keys are shared by copying them, which is little beside the square it saves.
    for start, end in spans.own:
        keys, values = (torch.cat([part[:, :, :prefix], part[:, :, start:end]], 2) for part in (key, value))
        parts.append(_attend_part(query[:, :, start:end], keys, values, *rest))
    return torch.cat(parts, 1), None


def _attend_part(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, masks: dict[tuple[Any, ...], torch.Tensor], scores: Scores
) -> torch.Tensor:
    """Attend where the last query is the last key. Shape: result (1, queries, heads, width)."""
    from torch.nn.functional import scaled_dot_product_attention

    _, heads, length, width = query.shape
    key_heads = key.shape[1]
    folded = query.reshape(1, key_heads, heads // key_heads * length, width)
    form = (length, key.shape[2], heads // key_heads, scores.window)
    name = (*form, query.dtype, query.device)  # Layers differ in their window; examples of one length share a mask.
    if name not in masks:
        masks[name] = _mask(*form, query)
    if scores.cap is not None:
        scale = scores.scale or width**-0.5
        attended = attend_capped(folded, key, value, masks[name], scale=scale, cap=scores.cap)
    else:
        attended = scaled_dot_product_attention(folded, key, value, attn_mask=masks[name], scale=scores.scale)
    return attended.reshape(1, heads, length, width).transpose(1, 2)


def _mask(length: int, keys: int, copies: int, window: int | None, like: torch.Tensor) -> torch.Tensor:
    """Return what each of the last `length` of `keys` tokens may see, for each copy. Shape: (copies * length, keys)."""
    import torch

    offset = keys - length  # Tokens before the first query: the diagonal lies so far to the right.
    seen = torch.ones(length, keys, dtype=torch.bool, device=like.device).tril(offset)
    if window is not None:
        seen = seen.triu(offset - window + 1)
    mask = torch.zeros(length, keys, dtype=like.dtype, device=like.device).masked_fill(~seen, torch.finfo(like.dtype).min)
    return mask.repeat(copies, 1)


def span_examples(prefix: int, lengths: Sequence[int]) -> Spans:
    """Return the spans of examples whose own parts have these lengths, laid side by side behind a prefix."""
    own, start = [], prefix
    for length in lengths:
        own.append((start, start + length))
        start += length
    return Spans(prefix, tuple(own))
