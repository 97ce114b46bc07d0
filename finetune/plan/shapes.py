"""The shapes of well-known models, for estimates without their files: sizes as in their published config.json."""

from __future__ import annotations

from dataclasses import dataclass

from finetune.plan.estimate import CONTEXT, ModelShape


@dataclass(frozen=True, slots=True)
class LlamaSizes:
    """The sizes that make a model of Llama's kind.

    Args:
        width: Of the residual stream.
        inner: Of the feed-forward layer.
        layers: Blocks.
        heads: Of the queries.
        shared_heads: Of keys and values (grouped-query attention); as many as `heads` without it.
        vocabulary: Tokens.
        tied: Whether the output head is the embedding.
        head_width: Of one head; the width divided by the heads where it is 0.
    """

    width: int
    inner: int
    layers: int
    heads: int
    shared_heads: int
    vocabulary: int
    tied: bool = False
    head_width: int = 0


KNOWN = {
    "SmolLM2-135M": LlamaSizes(576, 1536, 30, 9, 3, 49_152, tied=True),
    "SmolLM2-1.7B": LlamaSizes(2048, 8192, 24, 32, 32, 49_152, tied=True),
    "Llama-3.2-3B": LlamaSizes(3072, 8192, 28, 24, 8, 128_256, tied=True),
    "Llama-2-7B": LlamaSizes(4096, 11_008, 32, 32, 32, 32_000),
    "Llama-3.1-8B": LlamaSizes(4096, 14_336, 32, 32, 8, 128_256),
    "Llama-2-13B": LlamaSizes(5120, 13_824, 40, 40, 40, 32_000),
    "Llama-65B": LlamaSizes(8192, 22_016, 80, 64, 64, 32_000),
    "Llama-3.1-70B": LlamaSizes(8192, 28_672, 80, 64, 8, 128_256),
}


def shape_llama(name: str, sizes: LlamaSizes) -> ModelShape:
    """Return the shape of a model of Llama's kind: four matrices of attention and three of the feed-forward layer a block."""
    head = sizes.head_width or sizes.width // sizes.heads
    queries, keys = sizes.heads * head, sizes.shared_heads * head
    block = (
        (queries, sizes.width),
        (keys, sizes.width),
        (keys, sizes.width),
        (sizes.width, queries),
        (sizes.inner, sizes.width),
        (sizes.inner, sizes.width),
        (sizes.width, sizes.inner),
    )
    linears = block * sizes.layers
    embeddings = sizes.vocabulary * sizes.width * (1 if sizes.tied else 2)
    norms = sizes.width * (2 * sizes.layers + 1)
    parameters = sum(out * size for out, size in linears) + embeddings + norms
    return ModelShape(name, linears, parameters, sizes.width, sizes.layers, sizes.vocabulary, CONTEXT)
