"""The model that is trained: a frozen base, fresh LoRA pairs beside every linear layer, and a test that they learn.

`W x` becomes `W x + (alpha / r) B A x` with A of shape (r, in) random and B of shape (out, r) zero, so the first step
starts from the base model exactly (LoRA, arXiv 2106.09685, section 4.1). W is stored as NF4 with double quantization
and dequantized where it is used (QLoRA, arXiv 2305.14314, section 3). `finetune/lora.py` explains both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.errors import LabError
from core.generation.loading import Loaded, load_model
from finetune.config import TrainConfig
from finetune.data import Encoded, Packed, pack
from finetune.train.lora_kernel import fuse_adapter
from finetune.train.packed_attention import register_packed_attention

TESTED_TOKENS = 24  # Of prompt and answer each: a gradient needs no more.
CHANGED = 0.05  # Share of a gradient's norm by which it may differ after an evaluation: rounding, not another weight.
_REPORT = "Train with --storage full, and report what `ragft doctor` says."


def load_trainable(folder: Path, *, storage: str, unpack: bool = False) -> Loaded:
    """Load a model to be trained on packed rows; with `unpack`, 4-bit weights are dequantized once, to the same values.

    Raises:
        LabError: The storage is unknown or the folder cannot be loaded.
    """
    return load_model(folder, storage=storage, trainable=True, attention=register_packed_attention(), unpack=unpack)


def add_adapter(loaded: Loaded, config: TrainConfig) -> Any:
    """Put fresh LoRA matrices beside every linear layer of a model (the output head excepted).

    The matrices are float32, for small updates vanish in 16 bits. Everything else stays as it is loaded: peft's own
    preparation would copy embeddings and norms to float32, which answers do not do.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(config.seed)
    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=0.0,  # Nothing random is drawn, so that a resumed training repeats an uninterrupted one.
        bias="none",
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        use_rslora=config.rslora,
        use_dora=config.dora,
    )
    model = get_peft_model(loaded.model, lora, autocast_adapter_dtype=True)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    model.config.use_cache = False  # Keys and values are of use in decoding alone.
    fuse_adapter(model)
    return model


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


def check_gradients(model: Any, example: Encoded) -> int:
    """Test on a short piece of an example that this device trains the adapter; returns how many pairs it has.

    A gradient must reach every B, and an evaluation in between must not change it (bitsandbytes repacks 4-bit weights
    on some CPUs, after which it vanishes).

    Raises:
        LabError: One of these does not hold.
    """
    import torch

    piece = Encoded(example.id, example.prompt[-TESTED_TOKENS:], example.answer[:TESTED_TOKENS])
    packed = pack([piece])
    before = _read_gradients(model, packed)
    still = [name for name, gradient in before.items() if not float(gradient.norm()) > 0]
    if still:
        raise LabError(f"No gradient reaches {len(still)} of {len(before)} adapter layers, {still[0]} for one.", _REPORT)
    model.eval()
    with torch.no_grad():
        compute_loss(model, packed)
    model.train()
    after = _read_gradients(model, packed)
    for name, gradient in before.items():
        if float((after[name] - gradient).norm()) > CHANGED * float(gradient.norm()):
            raise LabError(f"An evaluation changed the gradient of {name}: 4-bit weights were repacked.", _REPORT)
    return len(before)


def _read_gradients(model: Any, packed: Packed) -> dict[str, Any]:
    """Return the gradient of every B, whose values are zero at first but whose gradients are not."""
    compute_loss(model, packed).backward()
    gradients = {
        name: parameter.grad.clone()
        for name, parameter in model.named_parameters()
        if "lora_B" in name and parameter.grad is not None
    }
    missing = [name for name, parameter in model.named_parameters() if "lora_B" in name and parameter.grad is None]
    model.zero_grad(set_to_none=True)
    if missing:
        raise LabError(f"No gradient reaches {missing[0]}.", _REPORT)
    return gradients
