"""One QLoRA step: our packed row behind a shared prefix, against the plain padded batch, same model and examples.

The peer is what transformers' Trainer runs: a right-padded batch with labels, logits for every position.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.measure import median_ratio, print_report, read_arguments, time_pair
from core.generation.models import fetch_model
from core.settings import read_settings
from core.tasks.folders import find_task
from core.tasks.loading import load_task
from finetune.config import TrainConfig
from finetune.data import Encoded, encode_examples, pack
from finetune.train import packed_attention
from finetune.train.model import add_adapter, compute_loss, load_trainable

TASK = "hiring-handbook"


def main() -> None:
    """Time forward and backward passes of both, alternately."""
    quick = read_arguments(__doc__ or "").quick
    settings = read_settings()
    config = TrainConfig()
    task = load_task(find_task(TASK, settings))
    loaded = load_trainable(fetch_model(settings), storage=config.storage)
    batch = encode_examples(task, task.train[: config.batch_size], loaded.tokenizer, max_tokens=2048)[0]
    model = add_adapter(loaded, config)
    model.train()
    losses: dict[str, float] = {}

    def ours() -> None:
        model.set_attn_implementation(packed_attention.NAME)
        run(model, compute_loss(model, pack(batch)), losses, "ours")

    def peer() -> None:
        model.set_attn_implementation("sdpa")
        run(model, padded_loss(model, batch, loaded.tokenizer.pad_token_id), losses, "peer")

    times = time_pair(ours, peer, rounds=2 if quick else 5)
    tokens = sum(len(item.prompt) + len(item.answer) for item in batch)
    speeds = [tokens / statistics.median(seconds) for seconds in times]
    print_report(
        "training_step",
        config={
            "task": TASK,
            "examples": len(batch),
            "tokens": tokens,
            "storage": config.storage,
            "dtype": loaded.device.dtype_name,
        },
        ours={"tokens_per_second": speeds[0], "loss": losses["ours"]},
        peer={"tokens_per_second": speeds[1], "loss": losses["peer"]},
        ratios={"step_vs_padded": median_ratio(*times)},
    )


def run(model: Any, loss: Any, losses: dict[str, float], name: str) -> None:
    """Do the backward pass and drop the gradients."""
    loss.backward()
    model.zero_grad(set_to_none=True)
    losses[name] = float(loss.detach())


def padded_loss(model: Any, batch: Sequence[Encoded], pad: int) -> Any:
    """Return the loss of the usual padded batch. Shape: ids, mask and labels are (batch, longest)."""
    import torch

    width = max(len(item.prompt) + len(item.answer) for item in batch)
    ids, mask, labels = [], [], []
    for item in batch:
        gap = width - len(item.prompt) - len(item.answer)
        ids.append([*item.prompt, *item.answer, *[pad] * gap])
        mask.append([1] * (width - gap) + [0] * gap)
        labels.append([-100] * len(item.prompt) + item.answer + [-100] * gap)
    return model(
        input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), labels=torch.tensor(labels), use_cache=False
    ).loss


if __name__ == "__main__":
    main()
