"""What the compiled step is told: a model's weights in tiles, an adapter's small matrices, and one step.

The structures are those of `step.cpp`. Weights are packed only where the packed form gives back every value of the wide one:
that is checked for each, bit by bit.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

LANES, BLOCK = 8, 64  # As in `step.cpp`.
NF4, BF16 = 0, 1
PARTS = ("q_proj", "k_proj", "v_proj")
_POINTER, _NUMBER = ctypes.c_void_p, ctypes.c_int64


class TiledMatrix(ctypes.Structure):
    """Weights in tiles."""

    _fields_ = (("data", _POINTER), ("kind", _NUMBER), ("rows", _NUMBER), ("columns", _NUMBER))


class SideMatrices(ctypes.Structure):
    """The two small matrices beside one of weights; of rank 0 where there is none."""

    _fields_ = (("a", _POINTER), ("b", _POINTER), ("place", _POINTER), ("rank", _NUMBER), ("rank_sum", _NUMBER))


class StepLayer(ctypes.Structure):
    """One block of the model."""

    _fields_ = (
        *((name, _POINTER) for name in ("attention_norm", "mlp_norm", "bias")),
        *((name, TiledMatrix) for name in ("qkv", "out", "gate", "up", "down")),
        *((f"{name}_adapter", SideMatrices) for name in ("qkv", "out", "gate", "up", "down")),
    )


class StepModel(ctypes.Structure):
    """The whole model."""

    _fields_ = (
        *((name, _NUMBER) for name in ("layers", "hidden", "heads", "key_heads", "width", "inner", "vocabulary", "positions")),
        ("eps", ctypes.c_double), ("scale", ctypes.c_double), ("layer", ctypes.POINTER(StepLayer)),
        *((name, _POINTER) for name in ("embedding", "norm", "cosines", "sines")),
        ("head", TiledMatrix),
    )  # fmt: skip


class TokenStep(ctypes.Structure):
    """One step."""

    _fields_ = (
        *((name, _NUMBER) for name in ("tokens", "kept_count", "slots", "length", "threads")),
        *((name, _POINTER) for name in ("token", "row", "position", "kept", "keys", "values", "logits")),
    )


@dataclass(slots=True)
class PackedModel:
    """A model as the compiled step reads it, and the tensors that its pointers lead to."""

    model: StepModel
    kept: list[Any] = field(default_factory=list)

    def hold(self, tensor: torch.Tensor) -> int:
        """Keep a tensor alive and return where its numbers are."""
        tensor = tensor.contiguous()
        self.kept.append(tensor)
        return int(tensor.data_ptr())


@dataclass(frozen=True, slots=True)
class LowRank:
    """A trained update of one matrix, scale * B A. Shape: a (rank, in), b (out, rank), the scale within b."""

    a: torch.Tensor
    b: torch.Tensor


def pack_matrix(library: Any, weights: Sequence[torch.Tensor], packed: PackedModel) -> TiledMatrix | None:
    """Pack matrices one below the other; None where neither form gives back every value."""
    import torch

    weight = torch.cat([part.detach() for part in weights]) if len(weights) > 1 else weights[0].detach().contiguous()
    rows, columns = weight.shape
    if weight.dtype != torch.float32 or rows % LANES or columns % BLOCK:
        return None
    size = (_NUMBER(rows), _NUMBER(columns))
    for kind, count, pack in (
        (NF4, library.nf4_bytes(*size), library.pack_nf4),
        (BF16, 2 * rows * columns, library.pack_bf16),
    ):
        data = torch.empty(count, dtype=torch.uint8)
        if not pack(_POINTER(weight.data_ptr()), *size, _POINTER(data.data_ptr())):
            return TiledMatrix(packed.hold(data), kind, rows, columns)
    return None


def pack_model(library: Any, model: Any, *, positions: int) -> PackedModel | None:
    """Pack a Llama-shaped model; None where it has weights or sizes that the compiled step does not read."""
    import torch

    config, body = model.config, model.model
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if width % 16 or config.hidden_size % BLOCK:
        return None
    if body.embed_tokens.weight.shape != (config.vocab_size, config.hidden_size):
        return None
    layers = (StepLayer * len(body.layers))()
    packed = PackedModel(StepModel(
        layers=len(body.layers), hidden=config.hidden_size, heads=config.num_attention_heads, width=width,
        key_heads=config.num_key_value_heads, inner=config.intermediate_size, vocabulary=config.vocab_size, positions=positions,
        eps=config.rms_norm_eps, scale=width**-0.5, layer=layers,
    ), [layers])  # fmt: skip
    for layer, block in zip(layers, body.layers, strict=True):
        if not _pack_layer(library, layer, block, packed):
            return None
    head = pack_matrix(library, [model.lm_head.weight], packed)
    if head is None or not _fit(packed.model, head):
        return None
    with torch.inference_mode():
        cosines, sines = body.rotary_emb(body.norm.weight, torch.arange(positions)[None])
    packed.model.head, packed.model.embedding = head, packed.hold(body.embed_tokens.weight.detach())
    packed.model.norm = packed.hold(body.norm.weight.detach())
    packed.model.cosines, packed.model.sines = packed.hold(cosines[0]), packed.hold(sines[0])
    return packed


def _fit(model: StepModel, head: TiledMatrix) -> bool:
    """Whether all matrices have the sizes that the settings say: the compiled step trusts them."""
    inputs, outputs = model.heads * model.width, (model.heads + 2 * model.key_heads) * model.width
    wanted = {
        "qkv": (outputs, model.hidden), "out": (model.hidden, inputs), "gate": (model.inner, model.hidden),
        "up": (model.inner, model.hidden), "down": (model.hidden, model.inner),
    }  # fmt: skip
    layers = model.layer[: model.layers]
    found = [(getattr(layer, name), size) for layer in layers for name, size in wanted.items()]
    return all((w.rows, w.columns) == size for w, size in [*found, (head, (model.vocabulary, model.hidden))])


def _pack_layer(library: Any, layer: StepLayer, block: Any, packed: PackedModel) -> bool:
    """Fill a layer; returns whether all of it could be packed."""
    import torch

    attention, mlp = block.self_attn, block.mlp
    weights = {
        "qkv": [getattr(attention, name).weight for name in PARTS], "out": [attention.o_proj.weight],
        "gate": [mlp.gate_proj.weight], "up": [mlp.up_proj.weight], "down": [mlp.down_proj.weight],
    }  # fmt: skip
    for name, parts in weights.items():
        matrix = pack_matrix(library, parts, packed)
        if matrix is None:
            return False
        setattr(layer, name, matrix)
    biases = [getattr(attention, name).bias for name in PARTS]
    if all(bias is not None for bias in biases):
        layer.bias = packed.hold(torch.cat([bias.detach() for bias in biases]))
    layer.attention_norm = packed.hold(block.input_layernorm.weight.detach())
    layer.mlp_norm = packed.hold(block.post_attention_layernorm.weight.detach())
    return True


def add_adapter(base: PackedModel, pairs: Sequence[Mapping[str, LowRank]]) -> PackedModel | None:
    """Return a model with an adapter beside the same packed weights; None where its matrices do not fit together.

    Args:
        base: The packed model.
        pairs: For each layer, the update of each matrix by its name in transformers (`q_proj`).
    """
    layers = (StepLayer * len(pairs))(*base.model.layer[: len(pairs)])
    packed = PackedModel(StepModel.from_buffer_copy(base.model), [base, layers])
    packed.model.layer = layers
    names = {"qkv": PARTS, "out": ("o_proj",), "gate": ("gate_proj",), "up": ("up_proj",), "down": ("down_proj",)}
    for layer, own in zip(layers, pairs, strict=True):
        for name, parts in names.items():
            given = [own.get(part) for part in parts]
            if any(pair is None for pair in given):
                if any(pair is not None for pair in given):
                    return None
                continue
            adapter = _pack_pairs([pair for pair in given if pair is not None], getattr(layer, name), packed)
            if adapter is None:
                return None
            setattr(layer, f"{name}_adapter", adapter)
    return packed


def _pack_pairs(pairs: Sequence[LowRank], beside: TiledMatrix, packed: PackedModel) -> SideMatrices | None:
    """Lay out the updates of matrices that stand one below the other."""
    import torch

    rank = pairs[0].a.shape[0]
    uneven = any(pair.a.shape != (rank, beside.columns) or pair.b.shape[1:] != (rank,) or len(pair.b) % LANES for pair in pairs)
    if uneven or sum(len(pair.b) for pair in pairs) != beside.rows:
        return None
    b = torch.cat([pair.b.view(-1, LANES, rank).transpose(1, 2) for pair in pairs])
    place = torch.cat([torch.full((pair.b.shape[0] // LANES,), number * rank) for number, pair in enumerate(pairs)])
    a = torch.cat([pair.a for pair in pairs])
    return SideMatrices(packed.hold(a), packed.hold(b), packed.hold(place), rank, a.shape[0])
