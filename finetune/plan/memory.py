"""What a training that does not fit into memory gives up: optimizer moments in 8 bits, and kept activations.

Kernels that fuse the loss with the head (Liger) are left out on purpose: they save logits over the whole vocabulary
for every token, and `finetune/train/model.py` computes logits for the answers' tokens alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetune.plan.estimate import MARGIN

if TYPE_CHECKING:
    import torch

    from finetune.plan.estimate import Estimate

FREED_BY_PAGING = 0.5  # Share of gradient and moments: of 12 bytes a number, the moments' 8 become 2.


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """What is done to need less memory; nothing by default.

    Args:
        paged_optimizer: AdamW with moments of 8 bits that move to the host's memory under pressure (QLoRA, arXiv
            2305.14314, section 3; CUDA alone).
        checkpoint_activations: Each block is computed again in the backward pass instead of kept (arXiv 1604.06174):
            about a third more time.
    """

    paged_optimizer: bool = False
    checkpoint_activations: bool = False


def plan_memory(estimate: Estimate, *, device: str) -> MemoryPlan:
    """Choose what is given up: nothing where the training fits, else what costs less time first.

    Args:
        estimate: Of the training as it would run with nothing given up.
        device: `cuda`, `mps` or `cpu`.
    """
    room = estimate.available / MARGIN  # The rest is spared, as in the estimate.
    if estimate.peak <= room:
        return MemoryPlan()
    paged = device == "cuda"  # bitsandbytes moves pages by CUDA's unified memory.
    freed = FREED_BY_PAGING * estimate.optimizer if paged else 0.0
    return MemoryPlan(paged, checkpoint_activations=estimate.peak - freed > room)


def make_optimizer(parameters: Sequence[torch.nn.Parameter], rate: float, memory: MemoryPlan) -> Any:
    """Return AdamW over an adapter; without weight decay, which would pull A and B apart from the base for no reason."""
    import torch

    if memory.paged_optimizer:
        from bitsandbytes.optim import PagedAdamW8bit

        return PagedAdamW8bit(parameters, lr=rate, weight_decay=0.0)
    return torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0)


def checkpoint_blocks(model: Any) -> None:
    """Let every block be computed again in the backward pass.

    Not the reentrant way: it needs an input with a gradient, and the embeddings are frozen.
    """
    model.get_base_model().gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
