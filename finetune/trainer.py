"""QLoRA training: a frozen base in 4 bits, small trained matrices beside every linear layer.

`W x` becomes `W x + (alpha / r) B A x` with A of shape (r, in) random and B of shape (out, r) zero, so the
first step starts from the base model exactly (LoRA, arXiv 2106.09685, section 4.1). W is stored as NF4 with
double quantization and dequantized where it is used (QLoRA, arXiv 2305.14314, section 3).

The loop is our own because a step is one packed row (see `finetune/data.py`), which transformers' Trainer and
its collators do not know; optimizer, adapters and 4-bit layers are torch, peft and bitsandbytes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from core.errors import Cancelled, LabError
from core.generation.loading import Loaded, load_model
from finetune.attention import register_packed_attention
from finetune.config import TrainConfig
from finetune.data import Encoded, Packed, pack

MIN_STEPS_TO_KEEP = 5
MEASURED_STEPS = 3


@dataclass(frozen=True, slots=True)
class StepReport:
    """One optimizer step. `tokens_per_second` counts real tokens: every example's prompt and answer."""

    step: int
    total: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training went."""

    steps: int
    examples: int
    first_loss: float
    last_loss: float
    seconds: float
    tokens: int
    trainable_parameters: int
    cancelled: bool


def load_trainable(folder: Path, *, storage: str) -> Loaded:
    """Load a model to be trained on packed rows.

    Raises:
        LabError: The storage is unknown or the folder cannot be loaded.
    """
    return load_model(folder, storage=storage, trainable=True, attention=register_packed_attention())


def add_adapter(loaded: Loaded, config: TrainConfig) -> Any:
    """Put fresh LoRA matrices beside every linear layer of a model (the output head excepted)."""
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    torch.manual_seed(config.seed)
    model = loaded.model
    if loaded.storage == "nf4":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=0.0,
        bias="none",
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(model, lora)
    model.config.use_cache = False
    return model


def train(model: Any, examples: Sequence[Encoded], config: TrainConfig, *, on_step: Callable[[StepReport], None]) -> Outcome:
    """Train the adapter of `model` in place.

    Args:
        model: A peft model from `add_adapter`.
        examples: Encoded training examples.
        config: The settings.
        on_step: Told of every step; it may raise `Cancelled`, and then what was learned is kept.

    Raises:
        LabError: The loss is not a number, or no gradient reaches the adapter.
        Cancelled: Cancelled before anything useful was learned.
    """
    import torch

    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.0)
    per_epoch = math.ceil(len(examples) / config.batch_size)
    total = max(1, round(config.epochs * per_epoch))
    losses: list[float] = []
    warm = 0.0
    tokens, began, cancelled, step = 0, time.perf_counter(), False, 0
    model.train()
    for step, batch in enumerate(_batches(examples, config), start=1):
        started = time.perf_counter()
        rate = config.learning_rate * _schedule(step, total, config.warmup)
        loss, norm = _step(model, pack(batch), optimizer, parameters, rate=rate, clip=config.clip)
        _check_step(step, loss, norm)
        losses.append(loss)
        counted = sum(len(item.prompt) + len(item.answer) for item in batch)
        tokens += counted
        now = time.perf_counter()
        if step == 1:
            warm = now  # The first step also allocates and compiles, so it is not measured.
        if config.minutes is not None and step == MEASURED_STEPS:
            left = config.minutes * 60 - (now - began)
            total = _plan_steps(total, left, (now - warm) / (step - 1), step)
        try:
            on_step(StepReport(step, total, loss, rate, norm, counted / (now - started), now - began))
        except Cancelled:
            if step < MIN_STEPS_TO_KEEP:
                raise
            cancelled = True
            break
        if step >= total:
            break
    model.eval()
    tail = losses[-per_epoch:]
    return Outcome(
        step, len(examples), losses[0], sum(tail) / len(tail), time.perf_counter() - began, tokens,
        sum(parameter.numel() for parameter in parameters), cancelled,
    )  # fmt: skip


def compute_loss(model: Any, packed: Packed) -> Any:
    """Return the mean cross-entropy of the answers' tokens; logits are computed for these alone."""
    import torch

    device = model.device
    logits = model(
        input_ids=packed.ids.to(device),
        position_ids=packed.positions.to(device),
        spans=packed.spans,
        logits_to_keep=packed.predicting.to(device),
        use_cache=False,
    ).logits[0]
    return torch.nn.functional.cross_entropy(logits.float(), packed.targets.to(device))


def _step(
    model: Any, packed: Packed, optimizer: Any, parameters: list[Any], *, rate: float, clip: float
) -> tuple[float, float]:
    """Do one optimizer step; returns the loss and the gradient norm before clipping."""
    import torch

    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = compute_loss(model, packed)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(parameters, clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.detach()), float(norm)


def _check_step(step: int, loss: float, norm: float) -> None:
    if not math.isfinite(loss) or not math.isfinite(norm):
        raise LabError(f"The loss became {loss} at step {step}.", "Lower the learning rate (--lr).")
    if norm == 0:
        raise LabError(f"No gradient reached the adapter at step {step}.", "Run `ragft doctor` and report its output.")


def _batches(examples: Sequence[Encoded], config: TrainConfig) -> Iterator[list[Encoded]]:
    """Yield batches for ever, every epoch in a new order that depends on the seed alone."""
    random = Random(config.seed)
    while True:
        order = list(examples)
        random.shuffle(order)
        for start in range(0, len(order), config.batch_size):
            yield order[start : start + config.batch_size]


def _schedule(step: int, total: int, warmup: float) -> float:
    """Return the share of the peak rate: linear warm-up, then a cosine to zero."""
    rising = max(1, round(total * warmup))
    if step <= rising:
        return step / rising
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rising) / max(1, total - rising))))


def _plan_steps(total: int, left: float, seconds_per_step: float, step: int) -> int:
    """Return how many steps fit: those done and what `left` seconds allow at the measured speed, at most `total`."""
    return max(step + 1, min(total, step + int(left / seconds_per_step)))
