"""One training in several processes: each learns its share of every step, and the adapters' gradients are added up.

    accelerate launch --num_processes 2 -m ui.cli.launch TASK
    accelerate launch --config_file finetune/train/fsdp_qlora.yaml -m ui.cli.launch TASK

The adapter is small, so every process keeps all of it and one sum a step (all-reduce) is the whole exchange. With the
second command the frozen weights, 4-bit ones too, are divided among the processes and gathered block by block where
they are used (FSDP, arXiv 2304.11277; for 4-bit weights answer.ai's FSDP-QLoRA). Both are tested with two processes on
a CPU; on several GPUs neither was run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import LabError

if TYPE_CHECKING:
    import torch

    from finetune.data import Encoded


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """The processes of a training; a process alone is a group of one, to which nothing here costs anything.

    Args:
        rank: Which of them this is; 0 leads: it alone reports, evaluates and saves.
        size: How many.
        sharded: Whether frozen weights are divided among them, so that all must take part in an evaluation.
    """

    rank: int = 0
    size: int = 1
    sharded: bool = False

    @property
    def leads(self) -> bool:
        """Whether this process speaks for all."""
        return self.rank == 0

    def share(self, batch: Sequence[Encoded]) -> tuple[list[Encoded], float]:
        """Return this process's part of a step and its weight: its share of the trained tokens, which add up to 1.

        A process with nothing left repeats the first example with weight 0, for all must gather weights together.
        """
        if self.size == 1:
            return list(batch), 1.0
        part = list(batch[self.rank :: self.size])
        # By tokens, not examples: the sum is then the mean over all trained tokens, as one process computes it.
        weight = sum(len(item.answer) for item in part) / sum(len(item.answer) for item in batch)
        return part or list(batch[:1]), weight

    def add_up(self, parameters: Sequence[torch.Tensor], loss: torch.Tensor) -> torch.Tensor:
        """Replace every process's gradients by their sum; returns the sum of the losses."""
        import torch

        if self.size == 1:
            return loss
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        # In one tensor with the loss: one exchange a step, whose waiting costs more than its bytes.
        flat = torch.cat([loss.reshape(1).float(), *(gradient.reshape(-1).float() for gradient in gradients)])
        torch.distributed.all_reduce(flat)
        place = 1
        for gradient in gradients:
            gradient.copy_(flat[place : place + gradient.numel()].view_as(gradient))
            place += gradient.numel()
        return flat[0]

    def agree(self, value: float) -> float:
        """Return the leading process's value in all of them: what it measured or was told decides."""
        if self.size == 1:
            return value
        import torch

        shared = _share(value)
        torch.distributed.broadcast(shared, 0)
        return float(shared)

    def any(self, asked: bool) -> bool:
        """Say whether at least one of them asks for it: what one process's memory asks for, all must do alike."""
        if self.size == 1:
            return asked
        import torch

        shared = _share(asked)
        torch.distributed.all_reduce(shared, torch.distributed.ReduceOp.MAX)
        return bool(shared)

    def require_same(self, step: int) -> None:
        """Check that all processes go on from one state.

        Raises:
            LabError: They do not see the same files.
        """
        if self.agree(step) != step:
            raise LabError(
                f"Process {self.rank} goes on from step {step}, the first one from another.",
                "Put RAGFT_HOME on a disk that all processes see.",
            )


def _share(value: float) -> torch.Tensor:
    import torch

    device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"  # NCCL exchanges what lies on GPUs alone.
    return torch.tensor([float(value)], dtype=torch.float64, device=device)


def join_group() -> ProcessGroup:
    """Join the processes that `accelerate launch` or `torchrun` started; a process started otherwise is alone."""
    import torch.distributed

    if not torch.distributed.is_available():
        return ProcessGroup()
    if not torch.distributed.is_initialized():
        if not torch.distributed.is_torchelastic_launched():
            return ProcessGroup()
        from accelerate import PartialState

        from core.generation.device import choose_device

        PartialState(cpu=choose_device().name == "cpu")  # Chooses the device and gloo or NCCL.
    from accelerate.utils import parse_flag_from_env

    rank, size = torch.distributed.get_rank(), torch.distributed.get_world_size()
    return ProcessGroup(rank, size, sharded=size > 1 and parse_flag_from_env("ACCELERATE_USE_FSDP"))


def end_process() -> None:
    """End a process of a group, with code 0, once its work is done and its files are written; one that is alone goes on.

    An interpreter that winds down beside gloo's threads may abort: one that still holds a tensor asks for an interpreter
    that is gone (pytorch pull request 179291). Destroying the group ends the threads only if nothing keeps the group, and
    torch keeps it itself: `torch.distributed.nn` as default arguments, DTensor's cache in its meshes. So nothing is wound
    down. It is not for a failed training: the others may wait in an exchange, and the launcher ends them.
    """
    import torch.distributed

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def shard_frozen(model: Any, group: ProcessGroup) -> int:
    """Divide the frozen weights of every block among the processes of a sharded group; returns how many blocks.

    The adapter stays whole in every process. A 4-bit weight that was gathered is a plain tensor, so its layer keeps
    the scales by which it is read (`finetune/train/lora_kernel.py`).
    """
    if not group.sharded:
        return 0
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(model.device.type, (group.size,))
    trained = {parameter for parameter in model.parameters() if parameter.requires_grad}
    for module in model.modules():
        if getattr(getattr(module, "weight", None), "quant_state", None) is not None:
            module.quant_state = module.weight.quant_state
    blocks = find_blocks(model)
    for block in blocks:
        # Each block is a root of its own, and a root that is not told otherwise stays gathered after its forward.
        fully_shard(block, mesh=mesh, reshard_after_forward=True, ignored_params=trained)
    return len(blocks)


def find_blocks(model: Any) -> list[Any]:
    """Return a transformer's repeated blocks, by the class that transformers gives those it can recompute."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
