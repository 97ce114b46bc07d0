"""What a training will cost, before any weights are loaded: parameters, memory, time, disk, and whether to start.

A model's shape comes from its config.json alone: the architecture is built without memory (torch's meta device), so
every layer of every architecture is counted as peft will count it. Memory is arithmetic over that shape; the two
numbers that arithmetic does not give (`PROCESS_BYTES`, `ACTIVATION_FACTOR`) were measured (`benchmarks/LOG.md`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import LabError
from core.generation.building import build_alone
from finetune.adapters.card import is_number
from finetune.lora import count_bits, count_trained
from finetune.train.schedule import count_steps

if TYPE_CHECKING:
    from finetune.adapters.card import AdapterCard
    from finetune.config import TrainConfig

CONTROL_GROUP = Path("/sys/fs/cgroup")
CONTEXT = 2048  # Tokens of the longest example that is trained on, whatever the model could read.
MARGIN = 1.1  # Estimated memory is taken for a tenth more: a training that dies of memory costs what it had learned.
SPARED_FOR_UNPACKED = 8  # Wide weights may take one part in so many of the free memory: they only save time.
PROCESS_BYTES = 600 * 2**20  # Of Python, torch and transformers once imported (measured).
ACTIVATION_FACTOR = 1.2  # What the backward pass holds beside what was kept for it, and the allocator's gaps.
LOGIT_BYTES = 14  # A trained token's row in 16 bits, in 32, its log-softmax and its gradient.
ADAM_BYTES = 12  # Gradient and two moments in 32 bits.
# FLOP/s by device and bytes of a number: about what a small GPU, a laptop's GPU and two CPU cores do in such a training.
ASSUMED_FLOPS = {("cuda", 2): 3e13, ("mps", 2): 1.5e12, ("cpu", 2): 4e11, ("cpu", 4): 2e11}
SHOWN_SIZES = (
    "weights",
    "adapter",
    "optimizer",
    "activations",
    "logits",
    "process",
    "peak",
    "least",
    "available",
    "disk",
    "disk_free",
)


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The sizes of a causal model.

    Args:
        name: Of its folder.
        linears: (out, in) of every linear layer that gets an adapter: all but the output head.
        parameters: All of them, a tied head counted once.
        width: Of the residual stream.
        layers: Blocks.
        vocabulary: Size of the head's output.
        context: Longest training example in tokens: the model's own limit, at most 2,048.
    """

    name: str
    linears: tuple[tuple[int, int], ...]
    parameters: int
    width: int
    layers: int
    vocabulary: int
    context: int

    @property
    def linear_parameters(self) -> int:
        """Parameters in the layers that are stored in few bits."""
        return sum(out_size * in_size for out_size, in_size in self.linears)

    def count_trainable(self, rank: int, *, dora: bool = False) -> int:
        """Return the parameters of an adapter; DoRA learns the length of each output's weights too (arXiv 2402.09353)."""
        return sum(count_trained(out, size, rank) + (out if dora else 0) for out, size in self.linears)

    def weigh(self, storage: str, *, dtype_bytes: int = 2) -> int:
        """Return the bytes of the frozen weights in memory.

        Args:
            storage: `nf4` (double quantization), `int8` or `full`. In the first two, what is not a linear layer stays
                as it is loaded (`finetune.train.model.add_adapter`).
            dtype_bytes: Of a number that is not quantized.

        Raises:
            LabError: There is no such storage.
        """
        bits = {"nf4": count_bits(), "int8": 8.0}
        if storage == "full":
            return self.parameters * dtype_bytes
        if storage not in bits:
            raise LabError(f"There is no storage {storage!r}.", "Choose nf4, int8 or full.")
        return int(self.linear_parameters * bits[storage] / 8) + dtype_bytes * (self.parameters - self.linear_parameters)


@dataclass(frozen=True, slots=True)
class Machine:
    """What a training may use here: bytes free where it computes and on disk, and the size of a number.

    `speeds` are tokens per second of past trainings of the same model and storage; `processes` is among how many
    the frozen weights are divided (`finetune/train/distributed.py`).
    """

    device: str
    dtype_bytes: int
    memory: int
    disk: int
    speeds: tuple[float, ...] = ()
    processes: int = 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a training will take. Sizes are bytes; `weights_by_storage` shows what other choices would.

    `least` is the peak with all that `finetune/plan/memory.py` can give up; `problems` are the reasons not to start.
    """

    trainable: int
    parameters: int
    weights: int
    weights_by_storage: dict[str, int]
    adapter: int
    optimizer: int
    activations: int
    logits: int
    process: int
    peak: int
    least: int
    available: int
    disk: int
    disk_free: int
    steps: int
    tokens_per_step: float
    tokens_per_second: float
    speed_source: str
    minutes: float
    problems: tuple[str, ...]

    @property
    def share(self) -> float:
        """Trained parameters among all frozen ones."""
        return self.trainable / self.parameters

    @property
    def go(self) -> bool:
        """Whether it fits."""
        return not self.problems


def read_shape(folder: Path) -> ModelShape:
    """Read a model's shape from its folder without loading a weight; well under a second once transformers is imported.

    Raises:
        LabError: The folder has no usable config.json.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.pytorch_utils import Conv1D

    try:
        config = AutoConfig.from_pretrained(folder)
        with build_alone(), torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError) as error:
        raise LabError(f"The model in {folder} cannot be read: {error}") from error
    head = model.get_output_embeddings()
    linears = []
    for module in model.modules():
        if module is head:  # peft's "all-linear" leaves it out too.
            continue
        if isinstance(module, torch.nn.Linear):
            linears.append((module.out_features, module.in_features))
        elif isinstance(module, Conv1D):  # GPT-2's linear layer, whose weight lies the other way round.
            linears.append((module.weight.shape[1], module.weight.shape[0]))
    text = config.get_text_config()  # Of a model that also sees, the part that reads.
    context = int(getattr(text, "max_position_embeddings", CONTEXT))
    return ModelShape(
        name=folder.name,
        linears=tuple(linears),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        width=int(text.hidden_size),
        layers=int(text.num_hidden_layers),
        vocabulary=int(text.vocab_size),
        context=min(context, CONTEXT),
    )


def inspect_machine(home: Path, cards: Iterable[AdapterCard] = (), *, model: str = "", storage: str = "nf4") -> Machine:
    """Look at what is free now, and at how fast the same model was trained here before."""
    import torch

    from core.generation.device import choose_device
    from finetune.train.distributed import join_group

    group = join_group()  # First: it says which of several GPUs is this process's.
    device = choose_device()
    memory = int(torch.cuda.mem_get_info()[0]) if device.name == "cuda" else _free_memory()
    existing = next(path for path in (home, *home.parents) if path.exists())  # Nothing is made by looking.
    speeds = tuple(
        card.outcome["tokens"] / card.outcome["seconds"]
        for card in cards
        if (card.model, card.config.get("storage")) == (model, storage)
        and is_number(card.outcome.get("seconds"))
        and is_number(card.outcome.get("tokens"))
        and card.outcome["seconds"] > 0
        and card.outcome["tokens"] > 0
    )
    processes = group.size if group.sharded else 1
    return Machine(device.name, device.dtype.itemsize, memory, shutil.disk_usage(existing).free, speeds, processes)


def estimate_training(
    shape: ModelShape, config: TrainConfig, machine: Machine, *, prefix: int, own: Sequence[int], answers: Sequence[int]
) -> Estimate:  # fmt: skip
    """Estimate a training on one packed row a step (`finetune/data.py`).

    Args:
        shape: Of the model.
        config: The settings.
        machine: What is free.
        prefix: Tokens that all prompts share, computed once a step.
        own: Of each example that is trained on, the tokens after the prefix, its answer included; not empty.
        answers: Of each of them, the trained tokens.

    Returns:
        The peak is that of the largest step that the examples can make; minutes those of the planned steps.
    """
    # The peak is that of the worst step, so all that grows with a step's tokens counts the longest examples together.
    batch = min(config.batch_size, len(own))
    trainable = shape.count_trainable(config.rank, dora=config.dora)
    row = prefix + sum(sorted(own)[-batch:])
    parts = {
        "weights": shape.weigh(_name_storage(shape, config, machine), dtype_bytes=machine.dtype_bytes),
        "adapter": 4 * trainable,  # 32 bits: small updates vanish in 16.
        "optimizer": ADAM_BYTES * trainable,
        "activations": row * _weigh_token(shape, config, machine.dtype_bytes),
        "logits": LOGIT_BYTES * sum(sorted(answers)[-batch:]) * shape.vocabulary,
        "process": PROCESS_BYTES if machine.device != "cuda" else 0,  # It does not take the memory that is asked about.
    }
    loading = parts["weights"] + parts["process"]  # Divided weights are whole while they are loaded.
    working = sum(parts.values()) - parts["weights"] + parts["weights"] // machine.processes
    peak = max(loading, working)
    least = max(loading, working - _find_saving(shape, row, parts, machine))
    steps = count_steps(len(own), config)
    tokens = (prefix + sum(own) / len(own)) * batch
    speed, source = _choose_speed(shape, machine)
    minutes = steps * tokens / speed / 60
    # Two states and one that is being written, each with the adapter, the best one and two moments; then the adapter.
    disk = 3 * (2 * parts["adapter"] + 8 * trainable) + parts["adapter"]
    return Estimate(
        trainable=trainable,
        parameters=shape.parameters,
        weights_by_storage={name: shape.weigh(name, dtype_bytes=machine.dtype_bytes) for name in ("nf4", "int8", "full")},
        peak=peak,
        least=least,
        available=machine.memory,
        disk=disk,
        disk_free=machine.disk,
        steps=steps,
        tokens_per_step=tokens,
        tokens_per_second=speed,
        speed_source=source,
        minutes=minutes if config.minutes is None else min(minutes, config.minutes),
        problems=tuple(_find_problems(least, disk, machine)),
        **parts,
    )


def choose_unpacking(shape: ModelShape, machine: Machine, *, storage: str) -> bool:
    """Say whether 4-bit weights are dequantized once instead of at each use: the same values, and the opposite of a saving.

    On a CPU in float32 that takes a fifth off a step (`benchmarks/LOG.md`). It is done where the wide weights take at
    most an eighth of the free memory; a GPU dequantizes at no such cost, and weights that are divided stay small.
    """
    wide = shape.linear_parameters * machine.dtype_bytes
    possible = machine.device == "cpu" and storage == "nf4" and machine.processes == 1
    return possible and wide * SPARED_FOR_UNPACKED <= machine.memory


def _name_storage(shape: ModelShape, config: TrainConfig, machine: Machine) -> str:
    return "full" if choose_unpacking(shape, machine, storage=config.storage) else config.storage


def _weigh_token(shape: ModelShape, config: TrainConfig, dtype_bytes: int) -> int:
    """Return the bytes that one token of the row takes for the backward pass.

    Each linear layer's input and output are kept, and A's output; each block keeps about three rows in 32 bits for
    its norms. Where the product is not the fused one (`finetune/train/lora_kernel.py`), peft keeps another input in 32 bits
    beside each layer, and DoRA two further outputs (from its code; only the fused product was measured).
    """
    kept = sum(dtype_bytes * (out + size) + 4 * config.rank for out, size in shape.linears) + 12 * shape.width * shape.layers
    if config.dora or config.storage == "int8":
        kept += sum(4 * size + (8 * out if config.dora else 0) for out, size in shape.linears)
    return int(ACTIVATION_FACTOR * kept)


def _find_saving(shape: ModelShape, row: int, parts: dict[str, int], machine: Machine) -> int:
    """Return the bytes that paged moments and blocks computed again spare: each block's input and one block are kept."""
    kept = parts["activations"] // shape.layers + machine.dtype_bytes * row * shape.width * shape.layers
    paged = parts["optimizer"] // 2 if machine.device == "cuda" else 0
    return max(0, parts["activations"] - kept) + paged


def _choose_speed(shape: ModelShape, machine: Machine) -> tuple[float, str]:
    """Return tokens per second and where the number comes from: past trainings here, or an assumed rate of arithmetic.

    A token costs 4 FLOP a parameter: 2 forward, 2 back through frozen weights, whose own gradient nobody computes.
    """
    if machine.speeds:
        count = len(machine.speeds)
        # The median: a training beside another busy program is slower than this machine is.
        return sorted(machine.speeds)[count // 2], f"measured in {count} training{'s' if count > 1 else ''} of this model here"
    assumed = ASSUMED_FLOPS.get((machine.device, machine.dtype_bytes), ASSUMED_FLOPS["cpu", 4])
    return assumed / (4 * shape.parameters), f"assumed for {machine.device}: no training of this model here yet"


def _find_problems(least: int, disk: int, machine: Machine) -> Iterable[str]:
    if least * MARGIN > machine.memory:
        yield (
            f"Training needs about {least * MARGIN / 2**30:.1f} GiB of memory (a tenth spared) and {machine.memory / 2**30:.1f} "
            "are free: choose a smaller batch size, nf4 storage or a smaller model, or close other programs."
        )
    if disk > machine.disk:
        yield f"The adapter and its checkpoints need {disk / 2**20:.0f} MiB of disk and {machine.disk / 2**20:.0f} are free: free some space."


def _free_memory() -> int:
    """Return the bytes a new process may take: what the system has available, and no more than its container allows."""
    import psutil

    available = int(psutil.virtual_memory().available)  # Of the machine: a container's own limit is not in it.
    try:
        limit, used = (int((CONTROL_GROUP / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # No container, or none with a limit ("max").
        return available
    return min(available, limit - used)


def describe_estimate(estimate: Estimate) -> dict[str, Any]:
    """Return the estimate as JSON: MiB, minutes, counts and the verdict."""
    return {
        "go": estimate.go,
        "problems": list(estimate.problems),
        "trainable_parameters": estimate.trainable,
        "share": estimate.share,
        "mib": {name: round(getattr(estimate, name) / 2**20, 1) for name in SHOWN_SIZES},
        "weights_mib": {name: round(size / 2**20, 1) for name, size in estimate.weights_by_storage.items()},
        "steps": estimate.steps,
        "tokens_per_step": round(estimate.tokens_per_step),
        "tokens_per_second": round(estimate.tokens_per_second),
        "speed": estimate.speed_source,
        "minutes": round(estimate.minutes, 2),
    }
